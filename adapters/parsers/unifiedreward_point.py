"""UnifiedReward, pointwise: one image's score from 1 to 5, alone or by alignment, coherence and style.

github.com/CodeGoat24/UnifiedReward, qwen_point_score_image_generation.py and point_score_ACS_image_generation.py.
Elements of the caption come as `element (type): 0|1` before `Final Score:`; word-wise scores or `[No_mistakes]` may
come before the three. There is no official score over the three: it is their mean here.
"""

from __future__ import annotations

import re

from adapters.parsers.lexicon import bounded
from adapters.parsers.numbers import NUMBER, RANGE_AHEAD, number
from adapters.parsers.points import Point, PointParser, failed
from adapters.parsers.tags import parts
from adapters.parsers.text import folded, lines, prose
from adapters.parsers.troubles import failure

_SCALE = r"(?: ?[(\[] ?(?:[01] ?(?:-|to|~) ?\d{1,2}|/ ?5|out of 5)(?: ?scale)? ?[)\]])?"
_VALUE = (
    r"(?: ?(?:is |of |=|:|\||-(?= ))+\s{0,3}|\n{1,2})"
    rf"[\[(<\"']{{0,2}}(?P<value>{NUMBER}|[-+]?(?:nan|inf(?:inity)?))"
    rf"(?P<of> ?/ ?\d{{1,3}}(?:\.0)?(?![\d/])| out of \d{{1,3}})?{RANGE_AHEAD}(?![a-z0-9]|[.,]\d)"
)
_FINAL = re.compile(rf"{bounded('final_score')}{_SCALE}[\"']?{_VALUE}")
_ALONE = re.compile(rf"\s*({NUMBER}(?: ?/ ?\d)?)[.\s]*")
_LABEL = re.compile(r"final(?: overall)? (?:score|rating)|(?:alignment|coherence|style) score")
_ELEMENT = re.compile(
    r"[-•\d.) ]{0,12}(?P<name>[^:\n]{1,80}? ?\([^()\n]{1,40}\)) ?: ?(?P<value>[01](?:\.\d{1,6})?)[,;.]?"
)
_SCORE_WORD = r"(?: ?(?:score|rating|得分|评分|分数|スコア))?"
_OF_CRITERION = {
    name: re.compile(rf"{bounded(name.casefold())}{_SCORE_WORD}{_SCALE}[\"']?{_VALUE}")
    for name in ("Alignment", "Coherence", "Style")
}


def parse_final(text: str) -> Point:
    """The last `Final Score:`, from 0 to 5. Elements of the caption are the dimensions."""
    read = parts(prose(text))
    plain = folded(read.answer)
    elements = {m["name"]: float(m["value"]) for row in lines(read.answer) if (m := _ELEMENT.fullmatch(row))}
    values, flags = _values(_FINAL, plain)
    if not values and (alone := _ALONE.fullmatch(plain)):
        values, flags = _values(_FINAL, f"final: {alone[1]}")
    if not values or values[-1] is None:
        return failed(failure(text, flags | _echo(plain, values), read.open), elements)
    if len(set(values)) > 1:
        flags.add("several-verdicts")
    return Point(values[-1], elements, flags=tuple(sorted(flags)))


def parse_criteria(text: str) -> Point:
    """The mean of alignment, coherence and style; all three are needed."""
    read = parts(prose(text))
    plain = folded(read.answer)
    dimensions: dict[str, float] = {}
    flags: set[str] = set()
    for name, pattern in _OF_CRITERION.items():
        values, odd = _values(pattern, plain)
        flags |= odd | ({"several-verdicts"} if len(set(values)) > 1 else set())
        if values and values[-1] is not None:
            dimensions[name] = values[-1]
    if len(dimensions) < len(_OF_CRITERION):
        flags |= {"few-dimensions"} if dimensions else _echo(plain, [])
        return failed(failure(text, flags, read.open or plain.rstrip().endswith((":", "score", "-"))), dimensions)
    return Point(round(sum(dimensions.values()) / len(dimensions), 9), dimensions, flags=tuple(sorted(flags)))


def _values(pattern: re.Pattern[str], plain: str) -> tuple[list[float | None], set[str]]:
    values: list[float | None] = []
    flags: set[str] = set()
    for match in pattern.finditer(plain):
        value = number(match["value"])
        scale = re.search(r"\d+", match["of"] or "")
        if value is None:
            flags.add("non-finite")
        elif not 0 <= value <= 5 or (scale and scale[0] != "5"):
            flags.add("out-of-range")
            value = None
        values.append(value)
    return values, flags


def _echo(plain: str, values: list[float | None]) -> set[str]:
    """The name of the score stands there without one, and the text goes on."""
    places = list(_LABEL.finditer(plain))
    if values or not places:
        return set()
    return {"echo"} if plain[places[-1].end() :].strip(" :\n") else {"cut"}


FINAL = PointParser("unifiedreward-point", 1, parse_final)
CRITERIA = PointParser("unifiedreward-acs", 1, parse_criteria)
