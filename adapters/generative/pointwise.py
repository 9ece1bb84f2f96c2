"""A score for each image made into a verdict on two: the stored output is both answers, so it can be read again."""

from __future__ import annotations

import json
from collections.abc import Mapping

from adapters.parsers import POINT_PARSERS
from adapters.parsers.points import pair_of
from adapters.visionreward.reading import parser
from harness.generation import Parser
from harness.records import Status, Verdict


def both(a: str, b: str) -> str:
    """Two answers as one output: a JSON list, so that no text in them can pass for the border."""
    return json.dumps([a, b], ensure_ascii=False)


def in_pairs(name: str) -> Parser:
    """The parser of what `both` makes of outputs one of `POINT_PARSERS` reads; any other text has no verdict."""
    point = POINT_PARSERS[name]

    def parse(text: str) -> Verdict:
        try:
            a, b = map(str, json.loads(text))
        except (ValueError, TypeError, RecursionError):
            return Verdict.failure(Status.UNPARSEABLE, text)
        return pair_of(point.parse(a), point.parse(b))

    return Parser(point.name, point.version, parse)


PARSERS: Mapping[str, Parser] = {**{name: in_pairs(name) for name in POINT_PARSERS}, "visionreward": parser()}
"""By name, for the stored outputs of runs."""
