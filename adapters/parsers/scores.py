"""Per-image scores as models write them, whatever the family: one line or two with a number for each image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from adapters.parsers.lexicon import bounded, phrases
from adapters.parsers.numbers import RANGE_AHEAD, SUM, Amount, amount
from adapters.parsers.tables import written_out
from adapters.parsers.text import folded
from harness.records import Dimension

_SLOT = re.compile(
    rf"(?<![a-z])(?:{phrases('scored')})s?[ _#]?(?:for |of )?(?:the )?(?:image )?"
    r"(?P<which>[12ab]|one|two)(?![a-z0-9])(?:'s)?[\"']?"
    r"(?P<total> ?[:(-]? ?(?:(?:overall|final) )?(?:total(?:[ _]score)?|sum))?"
    rf"(?: ?scores?)?(?: is| of)? ?(?:[:=(\[>-] ?){{0,3}}(?P<sum>{SUM}){RANGE_AHEAD}(?![a-z0-9]|[.,]\d| ?[+=])",
    re.IGNORECASE,
)
"""An image's number, and its score or the sum of its scores."""
_TOTAL = re.compile(bounded("total"))
_NAME = re.compile(r"[\W\d_]{0,20}(?:\([a-z0-9]\) ?)?([^\n:=(\[|]{1,80}?) ?(?:[:=(\[|]|$)")
_PLAIN_NAME = re.compile(r"[\W\d_]*([^\W\d_][^\n.!?|]{0,60}?) ?(?: - .{0,200}|[:|])?")
_CLOSING = " \t.,;:)]}|/\"'*"
_SIDE = {"1": "A", "a": "A", "one": "A", "2": "B", "b": "B", "two": "B"}


@dataclass(frozen=True, slots=True)
class Scored:
    """Two amounts that stand together, one for each image."""

    name: str
    """The criterion; empty where none is named."""
    a: Amount
    b: Amount
    total: bool
    """Said to be a total, or written as a sum."""
    inline: bool
    """Both in one line."""
    reason: str
    row: int
    """Number of the line, blank lines not counted, where the second amount stands."""
    closed: bool
    """Something follows the last number, so that it is known to be whole."""

    @property
    def dimension(self) -> Dimension:
        """The same as a dimension of a verdict."""
        return Dimension(self.name, self.a.value, self.b.value, self.reason)


@dataclass(frozen=True, slots=True)
class _Slot:
    side: str
    amount: Amount | None
    total: bool
    start: int
    end: int


def scored(rows: Sequence[str]) -> list[Scored]:
    """The pairs of amounts in lines without blank ones, tables with a column for each image among them.

    A line may hold both images, several times too, or one; of two half lines in a row the second completes the first. A
    pair takes its name from its own line, else from the last line that names something.
    """
    found: list[Scored] = []
    half: dict[str, tuple[_Slot, str]] = {}
    heading = ""
    pieces = [(number, piece) for number, line in enumerate(written_out(rows)) for piece in _pieces(line)]
    for number, row in pieces:
        slots = _slots(row)
        if not slots:
            heading, half = _heading(row) or heading, {}
            continue
        here = {slot.side: slot for slot in slots}
        before = _name(row[: min(slot.start for slot in here.values())])
        heading = before or heading
        if len(here) == 2:
            half = {}
            found += _pair(here["A"], here["B"], heading, row, number, True)
            heading = "" if before or not _total(heading) else heading
            continue
        side, slot = next(iter(here.items()))
        half[side] = (slot, row)
        if len(half) == 2:
            reason = " ".join(half[key][1] for key in "AB")
            found += _pair(half["A"][0], half["B"][0], heading, reason, number, False)
            half, heading = {}, ""
    return found


def without_numbers(rows: Sequence[str]) -> bool:
    """Whether some image's score is written as a word that stands for no finite number."""
    return any(slot.amount is None for row in rows for slot in _slots(row))


def _pieces(row: str) -> list[str]:
    """A line cut where a further criterion is named behind two scores: `Style (Image 1: 8, Image 2: 6), Light (…)`."""
    cuts = [0]
    seen: set[str] = set()
    end = 0
    for slot in _slots(row):
        between = row[end : slot.start]
        if len(seen) == 2 and any(map(str.isalpha, between)):
            cuts.append(end + len(between) - len(between.lstrip(_CLOSING)))
            seen = set()
        seen.add(slot.side)
        end = slot.end
    return [row[start:stop] for start, stop in pairwise([*cuts, len(row)])]


def _slots(row: str) -> list[_Slot]:
    return [
        _Slot(_SIDE[m["which"].casefold()], amount(m["sum"]), bool(m["total"]), m.start(), m.end())
        for m in _SLOT.finditer(row)
    ]


def _pair(a: _Slot, b: _Slot, name: str, row: str, number: int, inline: bool) -> list[Scored]:
    if a.amount is None or b.amount is None:
        return []
    total = a.total or b.total or (a.amount.is_sum and b.amount.is_sum) or _total(name)
    closed = not inline or bool(row[max(a.end, b.end) :].strip()) or a.amount.is_sum
    reason = row[row.find(":") + 1 : min(a.start, b.start)].strip(' (-"') if inline else ""
    return [Scored(name, a.amount, b.amount, total, inline, reason, number, closed)]


def _total(name: str) -> bool:
    return bool(_TOTAL.search(folded(name)))


def _name(before: str) -> str:
    found = _NAME.match(before) if any(map(str.isalpha, before)) else None
    return found[1].strip(" \"'") if found else ""


def _heading(row: str) -> str:
    found = _PLAIN_NAME.fullmatch(row) if len(row) < 280 else None
    return found[1].strip(" \"'") if found else ""
