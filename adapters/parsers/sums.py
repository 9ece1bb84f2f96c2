"""Dimensions, their sums and what the answer makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.parsers.numbers import same, total
from adapters.parsers.scores import Scored, scored
from harness.records import Dimension, Winner

Sums = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The scores of one answer, on the answer's own scale."""

    dimensions: tuple[Scored, ...] = ()
    totals: Scored | None = None
    """The totals the answer states last."""

    @property
    def recomputed(self) -> Sums | None:
        """The sums of the dimensions; None without any, or where they overflow."""
        if not self.dimensions:
            return None
        a, b = total(tuple(d.a.value for d in self.dimensions)), total(tuple(d.b.value for d in self.dimensions))
        return None if abs(a) == float("inf") or abs(b) == float("inf") else (a, b)

    @property
    def stated(self) -> Sums | None:
        """The totals as written."""
        return (self.totals.a.value, self.totals.b.value) if self.totals else None

    @property
    def sums(self) -> Sums | None:
        """The sums of the dimensions, else the totals as written."""
        return self.recomputed or self.stated

    @property
    def leader(self) -> Winner | None:
        """Whose sum is higher; `tie` for equal ones, None without sums."""
        return leader(self.sums) if self.sums else None

    @property
    def verdict_dimensions(self) -> tuple[Dimension, ...]:
        """The dimensions as a verdict keeps them."""
        return tuple(d.dimension for d in self.dimensions)

    def flags(self, winner: Winner | None) -> set[str]:
        """`sum-wrong`, `equal-totals`, `total-against-verdict`, `duplicate-dimensions`."""
        flags = set()
        both = [sums for sums in (self.recomputed, self.stated) if sums]
        if self._sum_wrong():
            flags.add("sum-wrong")
        if winner in ("A", "B"):
            leaders = {leader(sums) for sums in both}
            flags |= {"equal-totals"} if "tie" in leaders else set()
            flags |= {"total-against-verdict"} if leaders - {"tie", winner} else set()
        if winner == "tie" and any(leader(sums) != "tie" for sums in both):
            flags.add("total-against-verdict")
        names = [d.name.casefold() for d in self.dimensions if d.name]
        return flags | ({"duplicate-dimensions"} if len(set(names)) < len(names) else set())

    def _sum_wrong(self) -> bool:
        if self.totals is None:
            return False
        if not (self.totals.a.adds_up and self.totals.b.adds_up):
            return True
        sums = self.recomputed
        return sums is not None and not (same(sums[0], self.totals.a.value) and same(sums[1], self.totals.b.value))


def leader(sums: Sums) -> Winner:
    """Whose sum is higher; equal to nine decimals: a tie."""
    if same(*sums):
        return "tie"
    return "A" if sums[0] > sums[1] else "B"


def sheet(rows: Sequence[str]) -> Sheet:
    """The dimensions and the last totals of an answer's lines.

    Totals that nobody calls so are recognised where dimensions are scored within a line and two lines of their own
    follow, and where the last pair is the sum of those before it.
    """
    pairs = scored(rows)
    totals = [pair for pair in pairs if pair.total]
    dimensions = [pair for pair in pairs if not pair.total]
    if not totals and dimensions and _adds_up(dimensions):
        totals = [dimensions.pop()]
    return Sheet(tuple(dimensions), totals[-1] if totals else None)


def _adds_up(pairs: Sequence[Scored]) -> bool:
    last, rest = pairs[-1], pairs[:-1]
    if last.name:
        return False
    if not rest or any(pair.inline for pair in rest):
        return not last.inline
    before = Sheet(tuple(rest)).recomputed
    return len(rest) > 1 and before is not None and same(before[0], last.a.value) and same(before[1], last.b.value)
