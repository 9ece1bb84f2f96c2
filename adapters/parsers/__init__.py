"""Parsers of what generative judges write, by name. Pure functions of the text; no library beyond the standard one.

`PARSERS` read outputs about a pair, `POINT_PARSERS` outputs about one image, of which `points.pair_of` makes a
pair. The last explicit verdict outside of the reasoning decides; what contradicts it becomes a flag and never
another winner.

Flags. Of the verdict: `several-verdicts`, `conflict` (two in one statement), `negation`, `echo` (the choice is
repeated), `unreadable`, `cut` (ends where it should follow), `tie-not-offered`, `only-in-reasoning`. Of the format:
`no-answer-tag`, `unclosed-tag`, `unclosed-reasoning`, `no-json`, `broken-json`, `off-format`, `format-invalid`,
`empty`, `repetition`, `truncated`. Of the scores: `sum-wrong`, `equal-totals`, `total-against-verdict`,
`categories-against-verdict`, `few-dimensions`, `duplicate-dimensions`, `unnamed-dimensions`, `out-of-range`, `non-
finite`, `no-scores`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from adapters.parsers import (
    lvlm,
    pigreward,
    ppd,
    preferthinker,
    unifiedreward_2,
    unifiedreward_flex,
    unifiedreward_pair,
    unifiedreward_point,
    unifiedreward_think,
)
from adapters.parsers.points import PointParser
from harness.generation import Parser

PARSERS: Mapping[str, Parser] = MappingProxyType(
    {
        parser.name: parser
        for parser in (
            unifiedreward_pair.PARSER,
            unifiedreward_2.PARSER,
            unifiedreward_think.PARSER,
            unifiedreward_flex.PARSER,
            ppd.PARSER,
            lvlm.PARSER,
            preferthinker.PARSER,
            *pigreward.PARSERS,
        )
    }
)
"""By name; `Parser.version` is raised whenever some text, or a word of `lexicon.toml`, would be read differently."""

POINT_PARSERS: Mapping[str, PointParser] = MappingProxyType(
    {parser.name: parser for parser in (unifiedreward_point.FINAL, unifiedreward_point.CRITERIA)}
)
"""By name; the outputs they read score one image."""
