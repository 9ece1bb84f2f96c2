"""The five rules a teacher's answer must keep to be learned from; the first one broken is counted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.parsers.concluding import in_prose
from adapters.parsers.scores import without_numbers
from adapters.parsers.sums import Sheet, leader, sheet
from adapters.parsers.tags import parts
from adapters.parsers.text import lines, prose
from harness.records import Status, Winner

RULES = ("verdict", "dimensions", "scores", "totals", "winner")
"""`verdict`: there is one, and it is the user's. `dimensions`: at least three distinct ones. `scores`: each has a
number for either image. `totals`: both are written, and are the sums. `winner`: the larger total is the verdict's."""

FEWEST = 3
_SCORED = re.compile(r"\bscore", re.IGNORECASE)


def broken(text: str, status: str, label: int) -> str:
    """The first rule an answer breaks; empty for a good one.

    Args:
        text: the answer.
        status: of the reply; one that is cut off or failed has no verdict.
        label: the number, 1 or 2, of the image the user preferred.
    """
    read = parts(prose(text))
    rows = lines(read.answer)
    said, scores = in_prose(read).settled.winner, sheet(rows)
    wanted: Winner = "A" if label == 1 else "B"
    checks = {
        "verdict": status == Status.OK and said == wanted,
        "dimensions": len({d.name.casefold() for d in scores.dimensions if d.name}) >= FEWEST,
        "scores": _all_scored(rows, scores),
        "totals": scores.totals is not None and "sum-wrong" not in scores.flags(said),
        "winner": scores.stated is not None and leader(scores.stated) == wanted,
    }
    return next((rule for rule in RULES if not checks[rule]), "")


def _all_scored(rows: Sequence[str], scores: Sheet) -> bool:
    """Whether every line that speaks of scores, the totals apart, has two numbers."""
    if without_numbers(rows):
        return False
    of_totals = {scores.totals.row, scores.totals.row - 1} if scores.totals and not scores.totals.inline else set()
    if scores.totals and scores.totals.inline:
        of_totals = {scores.totals.row}
    speaking = {number for number, row in enumerate(rows) if _SCORED.search(row)} - of_totals
    inline = {d.row for d in scores.dimensions if d.inline}
    split = {row for d in scores.dimensions if not d.inline for row in (d.row, d.row - 1)}
    return speaking <= inline | split
