"""Sentences, their tokens and their clauses.

A clause ends at a pause, a reason, a contrast or an `and` behind a predicate. What only a pause tore apart is one
clause again: "Image 1, not Image 2, is better", "The winner is clear: Image 1".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.parsers.lexicon import PREDICATES, TOKEN
from adapters.parsers.text import folded
from harness.records import Winner

_SENTENCE_END = re.compile(r"(?<!\d)\.(?=[A-Z\"')])|\.(?=\s|$)(?!(?<=[Nn][or]\.) ?\d)|[!?。\n]")
_LETTER = re.compile(
    r"\b((?:IMAGE|[Ii]mage[nm]?|[Ii]mg|[Pp]icture|[Pp]hoto|[Oo]ption|[Cc]andidate|[Bb]ild|[Ii]mmagine)s?[ _#:-]?)"
    r"(A|B)(?![A-Za-z0-9])"
)
"""A capital letter behind a noun names an image; a small one may be an article, which the lexicon minds."""
_NUMBER_OF = {"A": "1", "B": "2"}
LONGEST = 1500
"""Characters of a sentence that are read: its end."""
IMAGES: dict[str, Winner] = {"one": "A", "two": "B"}
"""Kinds of tokens that name one of the two images."""
SAID = frozenset(PREDICATES)
"""Kinds of tokens that say which image is better, or that none is."""
_BREAKS = frozenset({"stop", "why", "but", "though"})
_LABEL_ENDS = frozenset({":", " - ", "(", "→", "->", "=>"})
_NARROWING = frozenset({"word", "match", "glyph", "aspect", "alien", "of_one", "of_two", "inside", "both", "about"})


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a folded sentence and its kind in the lexicon."""

    kind: str
    text: str


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
    plain = folded(_LETTER.sub(lambda m: m[1] + _NUMBER_OF[m[2]], sentence[-LONGEST:]))
    return [Token(m.lastgroup or "", m[0]) for m in TOKEN.finditer(plain)]


def clauses(sentence: Sequence[Token]) -> list[list[Token]]:
    """Clauses up to a condition, each but the first with the token that divides it from the one before."""
    return _mended(list(_divided(sentence)))


def _divided(sentence: Sequence[Token]) -> Iterator[list[Token]]:
    clause: list[Token] = []
    if sentence and _scoped_by_label(sentence):
        return
    for place, token in enumerate(sentence):
        if token.kind == "if":
            return
        said = any(t.kind in SAID for t in clause)
        joins_images = token.kind == "and" and clause and clause[-1].kind in IMAGES and _image_follows(sentence, place)
        breaks = token.kind in _BREAKS or (token.kind == "and" and said and not joins_images)
        if not breaks:
            clause.append(token)
            continue
        if [t.kind for t in clause] != ["stop"]:
            yield clause
        clause = [token]
    yield clause


def _mended(torn: Sequence[list[Token]]) -> list[list[Token]]:
    """Clauses with what a pause tore apart put together again."""
    mended: list[list[Token]] = []
    images = {token.kind for clause in torn for token in clause if token.kind in IMAGES}
    for clause in torn:
        if len(mended) > 1 and _surround(mended[-2], mended[-1], clause):
            mended[-2:] = [[*mended[-2], *clause[1:]]]
        elif mended and len(images) == 1 and _presents(mended[-1], clause):
            mended[-1] = [*mended[-1], *clause[1:]]
        else:
            mended.append(clause)
    return mended


def _surround(subject: Sequence[Token], aside: Sequence[Token], rest: Sequence[Token]) -> bool:
    """Whether the first and the last are one clause: `Image 1, not Image 2, is better`."""
    if not subject or subject[-1].kind not in IMAGES or not SAID.isdisjoint(t.kind for t in [*subject, *aside]):
        return False
    kinds = {token.kind for token in aside}
    others = (kinds & IMAGES.keys()) - {subject[-1].kind}
    if kinds & {"maybe", "or", "either"} or (others and not kinds & {"not", "bi", "than"}):
        return False
    said = next((place for place, token in enumerate(rest) if token.kind in SAID), 0)
    return said > 0 and rest[0].kind == "stop" and all(t.kind in ("filler", "user", "so", "not") for t in rest[1:said])


def _presents(lead: Sequence[Token], clause: Sequence[Token]) -> bool:
    """Whether a clause names what the one before it announces: `The winner is clear: Image 1`."""
    kinds = {token.kind for token in lead}
    if "better" not in kinds or kinds & IMAGES.keys() or narrowed(lead, 0, len(lead)):
        return False
    named = [token.kind for token in clause[1:] if token.kind not in ("filler", "user", "so")]
    return clause[0].text in _LABEL_ENDS and len(named) == 1 and named[0] in IMAGES


def leads_with_aspect(sentence: Sequence[Token]) -> bool:
    """Whether the sentence opens with an aspect, as in `For lighting, …`; `For this user, …` is none."""
    comma = next((place for place, token in enumerate(sentence) if token.text == ","), 0)
    lead = sentence[:comma]
    if not lead or lead[0].text.split()[0] not in ("for", "on", "in", "at", "fur", "pour", "para", "per"):
        return False
    kinds = {token.kind for token in lead}
    reasons = any(token.text.startswith("reason") for token in lead)
    return "word" in kinds and not reasons and not kinds & {"so", "user", "one", "two", "neutral"}


def _image_follows(sentence: Sequence[Token], place: int) -> bool:
    rest = [t.kind for t in sentence[place + 1 :] if t.kind not in ("filler", "character")]
    return bool(rest) and rest[0] in IMAGES and (len(rest) == 1 or rest[1] in _BREAKS)


def _scoped_by_label(sentence: Sequence[Token]) -> bool:
    """Whether the sentence begins with a label such as `Lighting:`, which makes it a verdict on that alone."""
    end = next((place for place, token in enumerate(sentence) if token.text in _LABEL_ENDS), 0)
    label = [token.kind for token in sentence[:end]]
    if not SAID.isdisjoint(label) or {"so", "user", "one", "two"} & set(label):
        return False
    longest = 6 if sentence[end].text == ":" else 3
    return len(label) <= longest and not {"word", "glyph", "aspect"}.isdisjoint(label)


def narrowed(clause: Sequence[Token], first: int, last: int) -> bool:
    """Whether tokens in a range narrow what is said to a part or an aspect of an image."""
    return any(
        token.kind in _NARROWING and not (token.kind == "inside" and token.text in ("of", "von", "de", "des"))
        for token in clause[first:last]
    )
