"""The grammar of verdict sentences: which image a sentence says is better, if it says that at all.

A sentence falls into clauses; a clause decides when it says of exactly one image that it is better (or of one that
it is worse) and narrows that to nothing: "Image 1 is better lit" is about the light, "if you like colour, Image 1
is better" depends, "Image 1 is not better" excludes one answer and gives none. What is not understood is no
verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from adapters.parsers.clauses import IMAGES, LONGEST, SAID, Token, clauses, leads_with_aspect, narrowed, tokens
from adapters.parsers.lexicon import PREDICATE
from adapters.parsers.text import folded
from harness.records import Winner

Why = Literal["", "echo", "negation", "conflict", "unreadable", "cut"]
"""Why a place where a verdict stands gives none; empty where it does."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A place where a verdict is given, or where one is expected and none can be read."""

    winner: Winner | None
    why: Why = ""
    """`echo`: the choice itself is repeated, as in a template. `cut`: the text ends where the verdict should follow."""
    excluded: Winner | None = None
    """For a negation: the answer it denies."""


_HEADING = re.compile(r"(?:\d{1,2}[.)] |[-•] )?[^\n.!?:,]{1,60}(?P<colon>:)?")
_LEADS_IN = re.compile(r"\W*(?:on|after|upon|looking|wait|so|now|here|my|based|given|taking|all|in|let) ")
"""How a line that ends in a colon begins when it names no aspect: `On second thought:`."""
_OTHER: dict[Winner, Winner] = {"A": "B", "B": "A"}


def statement(sentence: str, before: str = "", concludes: bool = False) -> Reading | None:
    """What a sentence decides; None when it is no verdict.

    The line before it narrows it where that is a heading other than a conclusion's. Where the sentence `concludes`,
    what stands behind the verdict does not: in an answer, "Image 1 is better in colour" is the answer.
    """
    if not PREDICATE.search(folded(sentence[-LONGEST:])):
        return None
    found = tokens(sentence)
    kinds = [token.kind for token in found]
    if SAID.isdisjoint(kinds):
        return None
    if "either" in kinds or {"or", "one", "two"} <= set(kinds):
        return Reading(None, "echo")
    if "so" not in kinds and _names_aspect(before):
        return None
    return _joined(list(_clause_readings(found, concludes)))


def _names_aspect(row: str) -> bool:
    """Whether a line is the heading of what follows, such as `2. Lighting:`, and no conclusion's."""
    heading = _HEADING.fullmatch(row)
    if heading is None or _LEADS_IN.match(folded(row)):
        return False
    short = len(row.split()) <= 5 and (row[0].isupper() or row[0].isdigit() or row[0] in "-•")
    said = {token.kind for token in tokens(row)}
    return bool(heading["colon"] or short) and not said & {"so", "one", "two", "better", "tie", "user", "either"}


def _joined(readings: Sequence[Reading]) -> Reading | None:
    winners = {reading.winner for reading in readings if reading.winner}
    if len(winners) > 1 or any(reading.why == "conflict" for reading in readings):
        return Reading(None, "conflict")
    if any(reading.excluded in winners for reading in readings):
        return Reading(None, "conflict")
    return next((reading for reading in readings if reading.winner), readings[0] if readings else None)


def _clause_readings(sentence: Sequence[Token], concludes: bool) -> Iterator[Reading]:
    about = not concludes and leads_with_aspect(sentence)
    reading: Reading | None = None
    for clause in clauses(sentence):
        kinds = [token.kind for token in clause]
        concludes = "so" in kinds or (concludes and not (reading and "but" in kinds))
        about = not concludes and "but" not in kinds and (about or "about" in kinds)
        said = _clause(clause, concludes) or (_elliptic(clause, reading) if reading else None)
        if said and not about:
            reading = said
            yield reading
        about = about and "though" not in kinds


def _elliptic(clause: Sequence[Token], denied: Reading) -> Reading | None:
    """`Image 1 is not the better one; Image 2 is`: the second clause affirms what the first denies."""
    named = [token.kind for token in clause if token.kind not in ("stop", "but", "filler")]
    if denied.why != "negation" or len(named) != 1 or clause[-1].text not in ("is", "does", "was", "would", "will"):
        return None
    winner = IMAGES.get(named[0])
    return Reading(winner) if winner and winner != denied.excluded else None


def _clause(clause: Sequence[Token], concludes: bool) -> Reading | None:
    kinds = [token.kind for token in clause]
    said = [place for place, kind in enumerate(kinds) if kind in SAID]
    if not said or {"maybe", "though", "or"} & set(kinds):
        return None
    predicates, negated = {kinds[place] for place in said}, "not" in kinds
    if "tie" in predicates:
        return _tie(clause, said[0], negated, concludes, alone=len(predicates) == 1)
    subjects, standards = _sides(clause, said[0])
    both_ways = predicates & {"better", "beats"} and predicates & {"worse", "worse_than"}
    if both_ways or len(subjects) > 1 or (len(said) > 1 and subjects and standards):
        return Reading(None, "conflict")
    if not subjects and (len(standards) != 1 or narrowed(clause, 0, len(clause))):
        return None
    subject = next(iter(subjects)) if subjects else _OTHER[next(iter(standards))]
    return None if _scoped(clause, subject, said, concludes) else _answer(subject, predicates, negated)


def _answer(subject: Winner, predicates: set[str], negated: bool) -> Reading:
    if "as_good" in predicates:
        return Reading(_OTHER[subject]) if negated else Reading("tie")
    winner = _OTHER[subject] if predicates & {"worse", "worse_than"} else subject
    return Reading(None, "negation", winner) if negated else Reading(winner)


def _tie(clause: Sequence[Token], said: int, negated: bool, concludes: bool, alone: bool) -> Reading | None:
    if negated:
        return Reading(None, "negation", "tie")
    if not alone:
        return Reading(None, "conflict")
    rest = [token for token in clause[said:] if token.kind != "both"]
    return None if narrowed(rest, 0, len(rest)) and not concludes else Reading("tie")


def _sides(clause: Sequence[Token], said: int) -> tuple[set[Winner], set[Winner]]:
    """The images something is said of, and those they are measured against."""
    subjects: set[Winner] = set()
    standards: set[Winner] = set()
    for place, token in enumerate(clause):
        if token.kind not in IMAGES:
            continue
        before = next((t.kind for t in reversed(clause[:place]) if t.kind not in ("filler", "character")), "")
        after = clause[place + 1].kind if place + 1 < len(clause) else ""
        measured = (
            before in ("bi", "beats", "worse_than", "as_good") or after == "yori" or (before == "than" and place > said)
        )
        (standards if measured else subjects).add(IMAGES[token.kind])
    return subjects - standards, standards


def _scoped(clause: Sequence[Token], subject: Winner, said: Sequence[int], concludes: bool) -> bool:
    """Whether the clause is about a part or an aspect of the image."""
    at = [place for place, token in enumerate(clause) if IMAGES.get(token.kind) == subject]
    first = min([*at, said[0]]) if at else said[0]
    if any(_is_inside(clause, place) for place in at):
        return True
    last = max([*at[:1], said[0]])
    if any(token.kind == "user" for token in clause):
        clause = [Token("filler", token.text) if token.kind == "match" else token for token in clause]
    if narrowed(clause, first, last):
        return True
    lifted = concludes or any(token.kind == "user" for token in clause[last:])
    return not lifted and narrowed(clause, last + 1, len(clause))


def _is_inside(clause: Sequence[Token], place: int) -> bool:
    before = [token for token in clause[:place] if token.text not in ("the", "l", "la", "der", "dem")]
    return bool(before) and before[-1].kind == "inside"
