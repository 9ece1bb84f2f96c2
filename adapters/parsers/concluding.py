"""From what was read of an answer to its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from adapters.parsers.readings import Settled, closing, scan, settle, value
from adapters.parsers.sums import Sheet
from adapters.parsers.tags import Element, Parts, answers, labels_of_tags
from adapters.parsers.text import lines
from adapters.parsers.troubles import failure, looping
from adapters.parsers.verdicts import Reading, statement
from harness.records import Verdict

_JOINS = {"or", "/", "|", "oder", "ou", "o", "或", "或者", "または", "또는", "или", "vs", "vs."}
_MOST = 200
"""Elements of one answer that are read: the last."""


@dataclass(frozen=True, slots=True)
class Found:
    """The verdict of a text and what is odd about where it stands."""

    settled: Settled
    flags: tuple[str, ...] = ()


def concluded(
    text: str, found: Found, sheet: Sheet | None = None, *, cut: bool = False, rationale: str = ""
) -> Verdict:
    """The verdict with its scores and flags; a failure where none was found.

    An answer that loops through several verdicts ends on whichever the token limit met: it has none.
    """
    winner, sheet = found.settled.winner, sheet or Sheet()
    flags = {*found.flags, *found.settled.flags, *sheet.flags(winner)}
    loops = looping(text)
    if winner is None or (loops and "several-verdicts" in flags):
        return failure(text, flags, cut)
    flags |= {"repetition"} if loops else set()
    a, b = sheet.sums or (None, None)
    return Verdict(
        winner,
        score_a=a,
        score_b=b,
        rationale=rationale.strip() or None,
        dimensions=sheet.verdict_dimensions,
        flags=tuple(sorted(flags)),
    )


def in_prose(parts: Parts) -> Found:
    """The last verdict sentence outside of the reasoning, or the whole answer where it is nothing but a verdict."""
    answer = labels_of_tags(parts.answer)
    readings = scan(answer) or closing(answer)
    return Found(settle(readings), () if readings else _inside(parts))


def in_tags(parts: Parts, bare_suffices: bool) -> Found:
    """The last `<answer>` outside of the reasoning; without one, the last line where that is a verdict.

    `bare_suffices`: an element the text ends in may hold just the image's name; otherwise it must say what is better.
    """
    elements, flags = answers(parts.answer)[-_MOST:], set[str]()
    text = parts.answer
    if not elements and parts.open:
        text = parts.reasoning
        elements = [e for e in answers(text)[-1:] if e.closed and not text[e.end :].strip()]
        flags |= {"unclosed-reasoning"} if elements else set()
    if not elements:
        readings = closing(parts.answer)
        return Found(settle(readings), ("no-answer-tag",) if readings else ("no-answer-tag", *_inside(parts)))
    readings = [_element(element, bare_suffices) for element in elements]
    if all(reading.why == "echo" for reading in readings) and (after := closing(text[elements[-1].end :])):
        return Found(settle(after), ("no-answer-tag",))
    for place, (one, two) in enumerate(pairwise(elements)):
        if text[one.end : two.start].strip().casefold() in _JOINS:
            readings[place : place + 2] = [Reading(None, "echo")] * 2
    if not elements[-1].closed:
        flags.add("unclosed-tag")
    return Found(settle(readings), tuple(flags))


def without_tie(found: Found) -> Found:
    """Flags a tie where the question offers none."""
    return Found(found.settled, (*found.flags, "tie-not-offered")) if found.settled.winner == "tie" else found


def _element(element: Element, bare_suffices: bool) -> Reading:
    if element.closed:
        read = value(element.body)
        return Reading(None, "echo") if read.why == "cut" else read
    body = (lines(element.body) or [""])[0]
    read = value(body) if bare_suffices else statement(body) or Reading(None, "cut")
    return read if read.why not in ("unreadable", "echo") else Reading(None, "cut")


def _inside(parts: Parts) -> tuple[str, ...]:
    inside = answers(parts.reasoning) or any(reading.winner for reading in scan(parts.reasoning))
    return ("only-in-reasoning",) if inside else ()
