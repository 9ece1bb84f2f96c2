"""What a leaderboard is made of: boards hold tables, tables hold rows, and a row is one run in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.metrics import Bounds, Counts, Interval, PairedTest, Position
from harness.metrics.probabilities import Probabilities
from harness.views import Usage
from leaderboard.published.entries import Beside

Part = Literal["judge", "companion", "control", "line"]
"""Where a row stands. Only `judge` is ranked. `companion`: a judge shown another user's references, or none."""

PARTS: Mapping[Part, str] = {
    "judge": "Judges",
    "companion": "Judges with another user's references, or none (not ranked)",
    "control": "Controls (not ranked)",
    "line": "Reference lines (not ranked): they know what no judge knows",
}
"""Headings, in the order of the parts."""

VALUES = (
    "three_way_acc", "decisive_strict_acc", "half_credit_acc", "decisive_excl_acc", "coverage", "decisive_half_acc",
    "tie_f1",
)  # fmt: skip
"""Measures every row has, by name."""

RANKED_BY = "decisive_half_acc"
"""Ties at half: what random tie-breaking would give, so fair to judges that hedge and to those that do not."""

WITH_INTERVAL = (RANKED_BY, "three_way_acc")
"""Measures that carry an interval."""


@dataclass(frozen=True, slots=True)
class RankRange:
    """The ranks a judge takes in 95 % of the resampled draws, or the reason why there are none."""

    best: int = 0
    worst: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Gain:
    """A judge with the user's own references minus the same judge with another user's, paired by item."""

    test: PairedTest | None = None
    reason: str = ""
    """Why there is none."""


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """Accuracy with ties where score gaps up to a threshold are ties: fitted on some users, scored on the rest."""

    value: float
    eps: float
    """In the units of the judge's scores."""
    fitted_users: int
    items: int
    """Items scored."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run. Fractions, not percentages; NaN where there was nothing to measure."""

    part: Part
    rank: int | None
    """1 = best, equal values share a rank; None outside the ranked part, or without a value to rank by."""
    name: str
    """The spec, with ` @` and six digits of the identity where runs of one spec differ."""
    spec: str
    title: str
    kind: str
    references: str
    """`own`, `other` or `none`: whose past choices were shown."""
    reads_references: bool
    values: Mapping[str, float]
    """By the names in `VALUES`."""
    intervals: Mapping[str, Interval]
    """By the names in `WITH_INTERVAL`."""
    wilson: Interval
    """Of accuracy with ties, where every user has one item."""
    counts: Counts
    failures: Mapping[str, int]
    """Items without a usable answer, by status."""
    bounds: Bounds
    """Of the measure ranked by, over all answers the failures might have been."""
    position: Position | None
    """None where each pair was asked in one order only."""
    usage: Usage
    probabilities: Probabilities | None
    """None without probabilities, or with too few users."""
    rank_range: RankRange
    gain: Gain
    calibrated: AtThreshold | None
    """None without gold ties, without scores, or with too few users."""
    method: str
    """How a line is made."""
    about: Mapping[str, str]
    """Source and licence, where known."""
    identity: str
    maker: str
    """Hash of what answered, without the data: equal for one judge on all data sets."""
    comparison_digest: str
    images_digest: str
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Left:
    """A run that is in no row, and why."""

    name: str
    references: str
    dataset: str
    place: str
    """Where it lies, below the results folder."""
    reason: str
    step: str
    """What to do next; empty where nothing needs doing, or where the reason says it."""


@dataclass(frozen=True, slots=True)
class Table:
    """Runs that answered the same items under the same rules."""

    dataset: str
    title: str
    protocol: str
    """The protocol's line without whose references were shown."""
    item_digest: str
    users: int
    """0 where they are unknown."""
    sets: int
    items: int
    ties: int
    """Items whose gold label is a tie."""
    basis: str
    """What is resampled, such as `22 users × 16 sets`."""
    rows: tuple[Row, ...]
    """Parts in their order; judges by rank, the rest by value."""
    left_out: tuple[Left, ...]

    def part(self, part: Part) -> tuple[Row, ...]:
        """The rows of one part."""
        return tuple(row for row in self.rows if row.part == part)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A judge among those ordered over several data sets."""

    name: str
    rank: int
    """By strength; equal strengths share a rank."""
    rank_range: RankRange
    strength: float
    """Bradley-Terry log-odds, 0 = the mean of the judges ordered."""
    low: float
    """Ends of its 95 % interval; NaN where `rank_range` says why there is none."""
    high: float
    above_chance: float
    """Mean over `data_sets` of the ranking of the value ranked by, minus one half; NaN when the judge misses one."""
    mean_rank: int | None
    """By `above_chance`, among the judges that have one."""
    data_sets: tuple[str, ...]
    """On which the judge was run."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Judges ordered over the data sets, each of which weighs the same."""

    data_sets: tuple[str, ...]
    """Those on which two or more of the judges were run."""
    judges: tuple[Ranked, ...]
    """By rank; none when no two judges can be compared over two data sets."""
    left_out: tuple[str, ...]
    """Judges that share no two data sets with those ordered."""
    contrary: tuple[tuple[str, str], ...]
    """Pairs of judges of which the first is stronger and yet has the lower mean."""
    changed: tuple[str, ...]
    """Judges whose code, parameters or library versions differ between data sets."""
    several: tuple[str, ...]
    """Data sets that have several tables, of which the one with most judges takes part."""


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the leaderboard shows."""

    tables: tuple[Table, ...]
    """By data set, protocol and items."""
    waiting: tuple[Left, ...]
    """Runs that are not ranked because they are unfinished or damaged."""
    ranking: Ranking | None = None
    """Judges ordered over all data sets; None with fewer than two data sets."""
    published: tuple[Beside, ...] = ()
    """Numbers printed elsewhere, each beside the runs of the same judge on the same data set."""
