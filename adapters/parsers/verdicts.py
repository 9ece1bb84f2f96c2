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

from adapters.parsers.lexicon import PREDICATE, PREDICATES, TOKEN
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


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a folded sentence and its kind in the lexicon."""

    kind: str
    text: str


_SENTENCE_END = re.compile(r"(?<!\d)\.(?=[A-Z\"')])|\.(?=\s|$)(?!(?<=[Nn][or]\.) ?\d)|[!?。\n]")
_LETTER = re.compile(
    r"\b((?:IMAGE|[Ii]mage[nm]?|[Ii]mg|[Pp]icture|[Pp]hoto|[Oo]ption|[Cc]andidate|[Bb]ild|[Ii]mmagine)s?[ _#:-]?)"
    r"(A|B)(?![A-Za-z0-9])"
)
"""A capital letter behind a noun names an image; a small one may be an article, which the lexicon minds."""
_NUMBER_OF = {"A": "1", "B": "2"}
_HEADING = re.compile(r"(?:\d{1,2}[.)] |[-•] )?[^\n.!?:,]{1,60}(?P<colon>:)?")
_LEADS_IN = re.compile(r"\W*(?:on|after|upon|looking|wait|so|now|here|my|based|given|taking|all|in|let) ")
"""How a line that ends in a colon begins when it names no aspect: `On second thought:`."""
_LONGEST = 1500
"""Characters of a sentence that are read: its end."""
_OTHER: dict[Winner, Winner] = {"A": "B", "B": "A"}
_IMAGES: dict[str, Winner] = {"one": "A", "two": "B"}
_PREDICATES = frozenset(PREDICATES)
_BREAKS = frozenset({"stop", "why", "but", "though"})
_LABEL_ENDS = frozenset({":", " - ", "(", "→", "->", "=>"})
_NARROWING = frozenset({"word", "glyph", "alien", "of_one", "of_two", "inside", "both", "about"})


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, questions and blanks left out."""
    at = 0
    for end in _SENTENCE_END.finditer(text):
        if end.start() > at and end[0] != "?":
            yield text[at : end.start()].strip()
        at = end.end()
    if at < len(text):
        yield text[at:].strip()


def tokens(sentence: str) -> list[Token]:
    """Tokens of a sentence, or of its end where it is very long."""
    plain = folded(_LETTER.sub(lambda m: m[1] + _NUMBER_OF[m[2]], sentence[-_LONGEST:]))
    return [Token(m.lastgroup or "", m[0]) for m in TOKEN.finditer(plain)]


def statement(sentence: str, before: str = "", concludes: bool = False) -> Reading | None:
    """What a sentence decides; None when it is no verdict.

    The line before it narrows it where that is a heading other than a conclusion's. Where the sentence `concludes`,
    what stands behind the verdict does not: in an answer, "Image 1 is better in colour" is the answer.
    """
    if not PREDICATE.search(folded(sentence[-_LONGEST:])):
        return None
    found = tokens(sentence)
    kinds = [token.kind for token in found]
    if _PREDICATES.isdisjoint(kinds):
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
    about = not concludes and _leads_with_aspect(sentence)
    reading: Reading | None = None
    for clause in _mended(list(_clauses(sentence))):
        kinds = [token.kind for token in clause]
        concludes = "so" in kinds or (concludes and not (reading and "but" in kinds))
        about = not concludes and "but" not in kinds and (about or "about" in kinds)
        said = _clause(clause, concludes) or (_elliptic(clause, reading) if reading else None)
        if said and not about:
            reading = said
            yield reading


def _clauses(sentence: Sequence[Token]) -> Iterator[list[Token]]:
    """Clauses that assert something: not those that concede, nor those behind a condition."""
    clause: list[Token] = []
    if sentence and _scoped_by_label(sentence):
        return
    for place, token in enumerate(sentence):
        if token.kind == "if":
            return
        said = any(t.kind in _PREDICATES for t in clause)
        joins_images = token.kind == "and" and clause and clause[-1].kind in _IMAGES and _image_follows(sentence, place)
        breaks = token.kind in _BREAKS or (token.kind == "and" and said and not joins_images)
        if not breaks:
            clause.append(token)
            continue
        if [t.kind for t in clause] != ["stop"]:
            yield clause
        clause = [token]
    yield clause


def _mended(clauses: Sequence[list[Token]]) -> list[list[Token]]:
    """Clauses with what a pause tore apart put together again."""
    mended: list[list[Token]] = []
    images = {token.kind for clause in clauses for token in clause if token.kind in _IMAGES}
    for clause in clauses:
        if len(mended) > 1 and _surround(mended[-2], mended[-1], clause):
            mended[-2:] = [[*mended[-2], *clause[1:]]]
        elif mended and len(images) == 1 and _presents(mended[-1], clause):
            mended[-1] = [*mended[-1], *clause[1:]]
        else:
            mended.append(clause)
    return mended


def _surround(subject: Sequence[Token], aside: Sequence[Token], rest: Sequence[Token]) -> bool:
    """Whether the first and the last are one clause: `Image 1, not Image 2, is better`."""
    if not subject or subject[-1].kind not in _IMAGES or not _PREDICATES.isdisjoint(t.kind for t in [*subject, *aside]):
        return False
    kinds = {token.kind for token in aside}
    others = (kinds & _IMAGES.keys()) - {subject[-1].kind}
    if kinds & {"maybe", "or", "either"} or (others and not kinds & {"not", "bi", "than"}):
        return False
    said = next((place for place, token in enumerate(rest) if token.kind in _PREDICATES), 0)
    return said > 0 and rest[0].kind == "stop" and all(t.kind in ("filler", "user", "so", "not") for t in rest[1:said])


def _presents(lead: Sequence[Token], clause: Sequence[Token]) -> bool:
    """Whether a clause names what the one before it announces: `The winner is clear: Image 1`."""
    kinds = {token.kind for token in lead}
    if "better" not in kinds or kinds & _IMAGES.keys() or _narrowed(lead, 0, len(lead)):
        return False
    named = [token.kind for token in clause[1:] if token.kind not in ("filler", "user", "so")]
    return clause[0].text in _LABEL_ENDS and len(named) == 1 and named[0] in _IMAGES


def _elliptic(clause: Sequence[Token], denied: Reading) -> Reading | None:
    """`Image 1 is not the better one; Image 2 is`: the second clause affirms what the first denies."""
    named = [token.kind for token in clause if token.kind not in ("stop", "but", "filler")]
    if denied.why != "negation" or len(named) != 1 or clause[-1].text not in ("is", "does", "was", "would", "will"):
        return None
    winner = _IMAGES.get(named[0])
    return Reading(winner) if winner and winner != denied.excluded else None


def _leads_with_aspect(sentence: Sequence[Token]) -> bool:
    """Whether the sentence opens with an aspect, as in `For lighting, …`; `For this user, …` is none."""
    comma = next((place for place, token in enumerate(sentence) if token.text == ","), 0)
    lead = sentence[:comma]
    if not lead or lead[0].text not in ("for", "on", "in", "at", "fur", "pour", "para", "per"):
        return False
    kinds = {token.kind for token in lead}
    reasons = any(token.text.startswith("reason") for token in lead)
    return "word" in kinds and not reasons and not kinds & {"so", "user", "one", "two", "neutral"}


def _image_follows(sentence: Sequence[Token], place: int) -> bool:
    rest = [t.kind for t in sentence[place + 1 :] if t.kind not in ("filler", "character")]
    return bool(rest) and rest[0] in _IMAGES and (len(rest) == 1 or rest[1] in _BREAKS)


def _scoped_by_label(sentence: Sequence[Token]) -> bool:
    """Whether the sentence begins with a label such as `Lighting:`, which makes it a verdict on that alone."""
    end = next((place for place, token in enumerate(sentence) if token.text in _LABEL_ENDS), 0)
    label = [token.kind for token in sentence[:end]]
    if not _PREDICATES.isdisjoint(label) or {"so", "user", "one", "two"} & set(label):
        return False
    return len(label) <= (6 if sentence[end].text == ":" else 3) and any(kind in ("word", "glyph") for kind in label)


def _clause(clause: Sequence[Token], concludes: bool) -> Reading | None:
    kinds = [token.kind for token in clause]
    said = [place for place, kind in enumerate(kinds) if kind in _PREDICATES]
    if not said or {"maybe", "though", "or"} & set(kinds):
        return None
    predicates, negated = {kinds[place] for place in said}, "not" in kinds
    if "tie" in predicates:
        return _tie(clause, said[0], negated, concludes, alone=len(predicates) == 1)
    subjects, standards = _sides(clause, said[0])
    both_ways = predicates & {"better", "beats"} and predicates & {"worse", "worse_than"}
    if both_ways or len(subjects) > 1 or (len(said) > 1 and subjects and standards):
        return Reading(None, "conflict")
    if not subjects and (len(standards) != 1 or _narrowed(clause, 0, len(clause))):
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
    return None if _narrowed(clause, said, len(clause)) and not concludes else Reading("tie")


def _sides(clause: Sequence[Token], said: int) -> tuple[set[Winner], set[Winner]]:
    """The images something is said of, and those they are measured against."""
    subjects: set[Winner] = set()
    standards: set[Winner] = set()
    for place, token in enumerate(clause):
        if token.kind not in _IMAGES:
            continue
        before = next((t.kind for t in reversed(clause[:place]) if t.kind not in ("filler", "character")), "")
        after = clause[place + 1].kind if place + 1 < len(clause) else ""
        measured = (
            before in ("bi", "beats", "worse_than", "as_good") or after == "yori" or (before == "than" and place > said)
        )
        (standards if measured else subjects).add(_IMAGES[token.kind])
    return subjects - standards, standards


def _scoped(clause: Sequence[Token], subject: Winner, said: Sequence[int], concludes: bool) -> bool:
    """Whether the clause is about a part or an aspect of the image."""
    at = [place for place, token in enumerate(clause) if _IMAGES.get(token.kind) == subject]
    first = min([*at, said[0]]) if at else said[0]
    if any(_is_inside(clause, place) for place in at):
        return True
    last = max([*at[:1], said[0]])
    if _narrowed(clause, first, last):
        return True
    lifted = concludes or any(token.kind == "user" for token in clause[last:])
    return not lifted and _narrowed(clause, last + 1, len(clause))


def _is_inside(clause: Sequence[Token], place: int) -> bool:
    before = [token for token in clause[:place] if token.text not in ("the", "l", "la", "der", "dem")]
    return bool(before) and before[-1].kind == "inside"


def _narrowed(clause: Sequence[Token], first: int, last: int) -> bool:
    return any(
        token.kind in _NARROWING and not (token.kind == "inside" and token.text in ("of", "von", "de", "des"))
        for token in clause[first:last]
    )
