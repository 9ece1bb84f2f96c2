"""What a judge wrote, read in one way wherever it was kept: the form of its answers and how many-sided they are.

Diversity depends on how much was written, so rows are only compared over the same number of answers; see `drawn`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from adapters.parsers import PARSERS
from harness.generation import Reply
from harness.generator import read
from harness.records import Dimension, Status
from training.draws import words as draws

LENIENT, STRICT = PARSERS["pigreward"], PARSERS["pigreward-strict"]

SEED = 0
"""Of the draw of answers that diversity is measured over."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Answer:
    """One explanation."""

    id: str
    """Of the comparison."""
    text: str
    """All that was written; empty where it was not kept."""
    rationale: str
    """The reasons alone, without scores, sums and verdict."""
    dimensions: tuple[Dimension, ...]
    flags: tuple[str, ...] = ()
    valid: bool | None = None
    """Whether the answer keeps to PIGReward's format; None where the judge has another one."""

    @classmethod
    def of(cls, id: str, status: Status, text: str) -> Self:
        """What PIGReward's parsers read in a text: its format by the strict one, all else also where that is broken."""
        reply = Reply(Status.TRUNCATED if status is Status.TRUNCATED else Status.OK, text)
        strict = read(STRICT, reply)
        valid = strict.winner is not None
        verdict = strict if valid else read(LENIENT, reply)
        return cls(id, text, verdict.rationale or "", verdict.dimensions, verdict.flags, valid)


@dataclass(frozen=True, slots=True)
class Form:
    """How answers are built. Shares are fractions of the answers."""

    answers: int
    valid: float | None
    """None where the judge's format is another than PIGReward's."""
    dimensions: float
    """Mean number of dimensions of an answer."""
    flags: Mapping[str, float]


def form(answers: Sequence[Answer]) -> Form:
    """The form of at least one answer."""
    n = len(answers)
    valid = None if any(answer.valid is None for answer in answers) else sum(bool(a.valid) for a in answers) / n
    flags = Counter(flag for answer in answers for flag in set(answer.flags))
    named = sum(len(answer.dimensions) for answer in answers)
    return Form(n, valid, named / n, {flag: flags[flag] / n for flag in sorted(flags)})


@dataclass(frozen=True, slots=True)
class Diversity:
    """How many-sided some answers are; None where there is nothing to count."""

    distinct_1: float | None
    """Of all that was written; likewise `distinct_2`."""
    distinct_2: float | None
    type_token: float | None
    """Type-token ratio of the reasons alone, which is their distinct-1."""
    names: int
    """Distinct names of dimensions, case aside."""
    effective: float | None
    """As many equally frequent names would be as diverse."""


def diversity(answers: Sequence[Answer]) -> Diversity:
    """The diversity of some answers: of their texts, reasons and names of dimensions."""
    texts = [answer.text for answer in answers]
    names = Counter(d.name.casefold() for answer in answers for d in answer.dimensions if d.name)
    reasons = distinct([answer.rationale for answer in answers], 1)
    return Diversity(distinct(texts, 1), distinct(texts, 2), reasons, len(names), effective_number(names.values()))


def distinct(texts: Iterable[str], n: int) -> float | None:
    """Distinct n-grams over all n-grams, none across two texts; None without any.

    After Li et al. 2016 (A Diversity-Promoting Objective Function for Neural Conversation Models, NAACL), who divide
    by the number of words whatever n is; over the n-grams the largest value is 1 for every n. Words are runs of
    letters, case aside: numbers are none.
    """
    grams = [gram for text in texts for gram in _grams(text, n)]
    return len(set(grams)) / len(grams) if grams else None


def _grams(text: str, n: int) -> Iterator[tuple[str, ...]]:
    found = _WORD.findall(text.casefold())
    return zip(*(found[start:] for start in range(n)), strict=False)


def effective_number(counts: Iterable[int]) -> float | None:
    """exp of Shannon's entropy, the Hill number of order 1 (Hill 1973, Ecology 54); None for no counts."""
    known = [count for count in counts if count]
    total = sum(known)
    return math.exp(-sum(n / total * math.log(n / total) for n in known)) if known else None


def drawn(answers: Sequence[Answer], n: int, seed: int = SEED) -> list[Answer]:
    """n of the answers, a function of their ids: two rows that answered the same questions give the same ones."""
    place = draws([answer.id for answer in answers], seed).tolist()
    order = sorted(range(len(answers)), key=lambda row: (place[row], answers[row].id))
    return [answers[row] for row in order[:n]]
