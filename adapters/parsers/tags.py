"""Reasoning set apart from the answer, and the elements of an answer, in one pass over the tags."""

from __future__ import annotations

import re
from dataclasses import dataclass

_REASONING = re.compile(
    r"<(/?) ?(?:think|thinking|thoughts?|reasoning|analysis|reflection|scratchpad) ?>", re.IGNORECASE
)
_ANSWER = re.compile(r"(?:<|^)(/?) ?answer\b(?:[^<>\n]{0,80}>|\s*\Z)", re.IGNORECASE | re.MULTILINE)
_LABELLING = re.compile(
    r"< ?((?:final[_ ]?)?(?:answer|verdict|winner|choice|prediction|preference|decision)) ?>"
    r"\s{0,9}([^<>\n]{1,200}?)\s{0,9}(?:< ?/ ?\1 ?>|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Parts:
    """A text cut at its reasoning tags."""

    reasoning: str
    answer: str
    """All that stands outside of the reasoning."""
    open: bool
    """The reasoning begins and never ends."""


@dataclass(frozen=True, slots=True)
class Element:
    """What stands between an opening tag and its end."""

    body: str
    start: int
    """Offset of the opening tag in the text searched."""
    end: int
    """Offset behind the closing tag, or where the text ends."""
    closed: bool


def parts(text: str) -> Parts:
    """Reasoning and answer. A closing tag without an opening one ends reasoning that the prompt began."""
    reasoning: list[str] = []
    answer: list[str] = []
    at, inside, ended = 0, False, False
    for tag in _REASONING.finditer(text):
        if (inside and not tag[1]) or (tag[1] and ended and not inside):
            continue
        piece, at = text[at : tag.start()], tag.end()
        if inside:
            reasoning.append(piece)
        elif tag[1]:
            reasoning += [*answer, piece]
            answer = []
        else:
            answer.append(piece)
        inside, ended = not tag[1], ended or bool(tag[1])
    (reasoning if inside else answer).append(text[at:])
    return Parts("\n".join(reasoning), "\n".join(answer), inside)


def labels_of_tags(text: str) -> str:
    """The text with `<verdict>1</verdict>` and the like as lines `Answer: 1`, for formats that ask for no tags."""
    return _LABELLING.sub(r"\nAnswer: \2\n", text)


def answers(text: str) -> list[Element]:
    """The `<answer>` elements in order. An opening tag written where the closing one belongs closes the element."""
    tags = list(_ANSWER.finditer(text))
    found: list[Element] = []
    opening: re.Match[str] | None = None
    for place, tag in enumerate(tags):
        if opening is None:
            opening = None if tag[1] else tag
            continue
        body = text[opening.end() : tag.start()]
        mistyped = not tag[1] and place == len(tags) - 1 and bool(body.strip()) and not text[tag.end() :].strip()
        if tag[1] or mistyped:
            found.append(Element(body, opening.start(), tag.end(), True))
            opening = None
        else:
            found.append(Element(body, opening.start(), tag.start(), False))
            opening = tag
    if opening is not None:
        found.append(Element(text[opening.end() :], opening.start(), len(text), False))
    return found
