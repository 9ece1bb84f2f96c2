"""What is stored of two images' answers, and the verdict read from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from adapters.parsers.points import Point, pair_of
from adapters.visionreward.checklist import COUNT, Checklist
from harness.generation import Parser
from harness.records import Status, Verdict

END = "<|end_of_text|>"
"""Ends the official model's answers; some servers leave it in."""

Sides = tuple[float | None, float | None]


def stored(questions: Sequence[str], a: Sequence[str], b: Sequence[str], alignment: Sides) -> str:
    """Answers by question and the VQAScore of A and B, as JSON: no text in them can pass for a border.

    A question a line, for people to read.
    """
    sides = {
        name: {"alignment": fits, "answers": dict(zip(questions, answers, strict=True))}
        for name, answers, fits in zip("AB", (a, b), alignment, strict=True)
    }
    return json.dumps(sides, ensure_ascii=False, indent=1)


def parse(checklist: Checklist | None, text: str) -> Verdict:
    """The verdict on what `stored` made; any other text has none.

    Args:
        checklist: the coefficients; None: the official ones that were fetched.
        text: the stored output.
    """
    try:
        sides = json.loads(text)
        told = [(_number(sides[name]["alignment"]), [*sides[name]["answers"].values()]) for name in "AB"]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return Verdict.failure(Status.UNPARSEABLE, text)
    aligned = {fits is not None for fits, _ in told}
    if len(aligned) > 1 or any(len(answers) != COUNT for _, answers in told):
        return Verdict.failure(Status.UNPARSEABLE, text)
    weights = checklist or Checklist.official()
    a, b = (_point(weights, answers, fits) for fits, answers in told)
    return pair_of(a, b)


def parser(checklist: Checklist | None = None) -> Parser:
    """Reads with these coefficients; None: with those that were fetched, whose hash was checked."""
    return Parser("visionreward", 1, partial(parse, checklist))


def _point(checklist: Checklist, answers: Sequence[Any], alignment: float | None) -> Point:
    """Only `yes` is yes, letter by letter, as officially. What is neither yes nor no says so by a flag."""
    said = [str(answer).strip().removesuffix(END) for answer in answers]
    parts = checklist.parts([answer == "yes" for answer in said], alignment)
    flags = () if {*said} <= {"yes", "no"} else ("off-format",)
    return Point(checklist.score(parts), parts, flags=flags)


def _number(value: Any) -> float | None:
    if isinstance(value, bool | str):
        raise TypeError(f"{value!r} is no number")
    return None if value is None else float(value)
