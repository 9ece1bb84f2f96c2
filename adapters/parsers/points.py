"""Outputs that score one image: a number each, and how two of them decide a pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from harness.records import Dimension, Status, Verdict


@dataclass(frozen=True, slots=True)
class Point:
    """One image's score; None unless the status is ok."""

    score: float | None
    dimensions: Mapping[str, float] = field(default_factory=dict)
    """Scores by criterion, in the order of the answer."""
    status: Status = Status.OK
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.score is not None) != (self.status is Status.OK):
            raise ValueError(f"a point has a score exactly when it is ok; got {self.score!r}, {self.status!r}")


@dataclass(frozen=True, slots=True)
class PointParser:
    """Reads an output about one image. Pure, like `harness.generation.Parser`."""

    name: str
    version: int
    """Raised whenever some text would be read differently; part of a run's identity."""
    parse: Callable[[str], Point]

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


def pair_of(a: Point, b: Point) -> Verdict:
    """The higher score wins, equal ones tie. A point that failed makes the pair fail, A's failure first."""
    flags = tuple(sorted({*a.flags, *b.flags}))
    for point in (a, b):
        if point.score is None:
            return Verdict(None, point.status, flags=flags)
    assert a.score is not None
    assert b.score is not None
    shared = [name for name in a.dimensions if name in b.dimensions]
    dimensions = tuple(Dimension(name, a.dimensions[name], b.dimensions[name]) for name in shared)
    return replace(Verdict.from_scores(a.score, b.score), dimensions=dimensions, flags=flags)


def failed(verdict: Verdict, dimensions: Mapping[str, float] | None = None) -> Point:
    """A point without a score, for the reason of a failed verdict."""
    return Point(None, dimensions or {}, verdict.status, verdict.flags)
