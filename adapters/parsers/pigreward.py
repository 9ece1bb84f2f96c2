"""PIGReward: dimensions with two scores each, their totals, and which image is better.

    Composition: comparison of the two. (Score 1: 8, Score 2: 6)
    Lighting: comparison of the two. (Score 1: 6, Score 2: 7)
    Score 1: 8+6=14
    Score 2: 6+7=13
    Image 1 is better

Seen from the published checkpoint: totals with and without the written-out sum, wrong sums, equal totals with a
winner, endless repetition, scales that differ between answers. The scores are therefore each answer's own: never
average them across answers. Three rules, each a parser:

- `pigreward`: the last explicit verdict, else the recomputed sums, equal sums a tie.
- `pigreward-totals`: the recomputed sums, equal sums a tie; the verdict only adds a flag.
- `pigreward-strict`: the verdict of answers that keep to the format: at least three distinct dimensions, totals that
  are their sums, one verdict at the end, and the larger total its image's. All others are unparseable.

Sums stand in for a verdict only where the answer is complete: a list of dimensions that is cut off, or that repeats
itself to the token limit, has no sum.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.parsers.concluding import Found, concluded, in_prose
from adapters.parsers.readings import Settled, scan
from adapters.parsers.scores import without_numbers
from adapters.parsers.sums import Sheet, sheet
from adapters.parsers.tags import parts
from adapters.parsers.text import folded, lines, prose
from adapters.parsers.troubles import looping
from harness.generation import Parser
from harness.records import Verdict

_FEWEST = 3
"""Dimensions a valid answer has at least (the paper's filter of its training answers)."""
_TOTALS_BEGIN = re.compile(r"\W*(?:total |sum )?(?:score|image) ?[12]?(?: total)?(?: ?[:=].{0,400})?|\W*totals?.{0,80}")
_UNSCORED = re.compile(r"[\W\d]{0,20}[^\n:]{1,60}:(?= |$)")
"""A dimension whose scores are not there yet."""
_ENDED = re.compile(r"[.!?。)\]\"']$")
_DENIED = frozenset({"conflict", "negation", "unreadable", "cut"})
_INVALID = frozenset(
    {
        "sum-wrong",
        "total-against-verdict",
        "equal-totals",
        "few-dimensions",
        "duplicate-dimensions",
        "several-verdicts",
        "truncated",
        "repetition",
        "non-finite",
    }
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What an answer holds, whatever the rule."""

    text: str
    rows: Sequence[str]
    found: Found
    sheet: Sheet
    cut: bool
    """Ends among its dimensions or in its reasoning."""

    @property
    def sums_stand(self) -> bool:
        """Whether the sums are of a complete answer."""
        return self.sheet.sums is not None and not self.cut and not looping(self.text)


def parse(text: str) -> Verdict:
    """The last explicit verdict, else the sums."""
    answer = _read(text)
    if answer.found.settled.winner is None and answer.sums_stand and not _DENIED & set(answer.found.settled.flags):
        return _by_sums(answer)
    return _concluded(answer, answer.found.settled)


def parse_totals(text: str) -> Verdict:
    """The sums, whatever the verdict."""
    answer = _read(text)
    if answer.sums_stand:
        return _by_sums(answer)
    given = answer.found.settled
    missing = not answer.sheet.sums and (given.winner or "echo" in given.flags)
    return _concluded(answer, Settled(None, ("no-scores",) if missing else ()))


def parse_strict(text: str) -> Verdict:
    """The verdict of an answer that keeps to the format in every point."""
    answer = _read(text)
    verdict = _concluded(answer, answer.found.settled)
    if (verdict.winner is None and not answer.sums_stand) or _keeps_format(answer, verdict):
        return verdict
    return _concluded(replace(answer, cut=False), Settled(None), (*verdict.flags, "format-invalid"))


def _keeps_format(answer: _Answer, verdict: Verdict) -> bool:
    if verdict.winner not in ("A", "B") or answer.sheet.totals is None or _INVALID & set(verdict.flags):
        return False
    return [reading.winner for reading in scan(answer.rows[-1])] == [verdict.winner]


def _read(text: str) -> _Answer:
    read = parts(prose(text))
    rows = lines(read.answer)
    scores = sheet(rows)
    flags = {"non-finite"} if without_numbers(rows) else set()
    if scores.dimensions and len({d.name.casefold() for d in scores.dimensions}) < _FEWEST:
        flags.add("few-dimensions")
    found = in_prose(read)
    ends = _ends_among_scores(rows, scores)
    if ends == "totals":
        flags.add("truncated")
    return _Answer(text, rows, Found(found.settled, (*found.flags, *flags)), scores, read.open or ends == "dimensions")


def _ends_among_scores(rows: Sequence[str], scores: Sheet) -> str:
    """`dimensions` or `totals` where the text ends within them, else nothing."""
    if not scores.dimensions or scores.totals:
        return ""
    last = scores.dimensions[-1]
    rest = rows[last.row + 1 :]
    if rest and last.inline and _TOTALS_BEGIN.fullmatch(folded(rest[0])):
        return "totals"
    if rest and scan(rest[-1]):
        return ""
    if len(scores.dimensions) < _FEWEST:
        return "dimensions"
    whole = _ENDED.search(rest[-1]) and not _UNSCORED.match(rest[-1]) if rest else _ends_alike(rows, scores)
    return "" if whole else "dimensions"


def _ends_alike(rows: Sequence[str], scores: Sheet) -> bool:
    """Whether the line of the last dimension ends as that of the one before it, so that its last number is whole."""
    before, last = (rows[dimension.row] for dimension in scores.dimensions[-2:])
    return before[-1] == last[-1] or (before[-1].isdigit() and last[-1].isdigit())


def _by_sums(answer: _Answer) -> Verdict:
    said, leader = answer.found.settled.winner, answer.sheet.leader
    against = "equal-totals" if leader == "tie" else "total-against-verdict"
    flags = {*answer.found.settled.flags, *([against] if said and said != leader else [])} - {"echo"}
    return _concluded(answer, Settled(leader, tuple(flags)))


def _concluded(answer: _Answer, settled: Settled, flags: Sequence[str] = ()) -> Verdict:
    found = Found(settled, (*answer.found.flags, *flags))
    reasons = "\n".join(f"{d.name}: {d.reason}" for d in answer.sheet.dimensions if d.reason)
    return concluded(answer.text, found, answer.sheet, cut=answer.cut, rationale=reasons)


PARSERS = (
    Parser("pigreward", 1, parse),
    Parser("pigreward-totals", 1, parse_totals),
    Parser("pigreward-strict", 1, parse_strict),
)
