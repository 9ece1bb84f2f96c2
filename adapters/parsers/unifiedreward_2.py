"""UnifiedReward 2.0, pairwise: alignment, coherence and style, each with a share in [0, 1] for either image.

github.com/CodeGoat24/UnifiedReward, UnifiedReward-2.0-inference/pair_score_image_generation.py. The two shares of a
criterion are asked to sum to 1. There is no official winner over the three; the rule here is the mean of the three:
the image with the higher mean wins, equal means tie.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from adapters.parsers.concluding import Found, concluded, in_prose
from adapters.parsers.lexicon import phrases
from adapters.parsers.numbers import same
from adapters.parsers.readings import Settled
from adapters.parsers.scores import Scored, scored, without_numbers
from adapters.parsers.sums import Sheet
from adapters.parsers.tags import parts
from adapters.parsers.text import folded, lines, prose
from harness.generation import Parser
from harness.records import Verdict

_CRITERIA = {name: re.compile(phrases(name.casefold())) for name in ("Alignment", "Coherence", "Style")}
_TEMPLATE = re.compile(
    rf"(?:{phrases('scored')}) ?[12] ?[:=] ?"
    r"[\[(<]?(?:[xyzn?](?![a-z])|_|0(?:\.0)? ?(?:-|to) ?1|(?:your )?(?:score|number|float|value))"
)


def parse(text: str) -> Verdict:
    """The mean of the three criteria decides; a verdict sentence only adds a flag."""
    read = parts(prose(text))
    rows = lines(read.answer)
    blocks, flags = _blocks(scored(rows))
    flags |= {"non-finite"} if without_numbers(rows) else set()
    sheet = Sheet(tuple(blocks.values()))
    said = in_prose(read).settled.winner
    cut = read.open or _cut(rows, blocks)
    if len(blocks) == len(_CRITERIA) and not cut:
        flags |= {"total-against-verdict"} if said and said != sheet.leader else set()
        verdict = concluded(text, Found(Settled(sheet.leader), tuple(flags)), sheet, rationale=_prose_of(rows))
        return replace(verdict, score_a=_mean(verdict.score_a), score_b=_mean(verdict.score_b))
    flags |= {"few-dimensions"} if blocks else set()
    flags |= {"off-format"} if said else set()
    flags |= {"echo"} if not blocks and _TEMPLATE.search(folded(read.answer)) else set()
    return concluded(text, Found(Settled(None), tuple(flags)), sheet, cut=cut)


def _blocks(pairs: Sequence[Scored]) -> tuple[dict[str, Scored], set[str]]:
    """The last pair of each criterion. Three pairs that name none stand in the order of the format."""
    blocks: dict[str, Scored] = {}
    flags: set[str] = set()
    for pair in pairs:
        name = next((name for name, words in _CRITERIA.items() if words.search(folded(pair.name))), "")
        if name in blocks and blocks[name].dimension != pair.dimension:
            flags.add("several-verdicts")
        if name:
            blocks[name] = pair
    if not blocks and len(pairs) == len(_CRITERIA) and not any(pair.name for pair in pairs):
        blocks = dict(zip(_CRITERIA, pairs, strict=True))
        flags.add("unnamed-dimensions")
    for pair in blocks.values():
        a, b = pair.a.value, pair.b.value
        flags |= {"out-of-range"} if not (0 <= a <= 1 and 0 <= b <= 1) else set()
        flags |= {"sum-wrong"} if not same(a + b, 1.0) else set()
    return blocks, flags


def _cut(rows: Sequence[str], blocks: Mapping[str, Scored]) -> bool:
    """Whether the text ends among the blocks: before the last, within one, or within its last number."""
    if not rows or not blocks:
        return False
    last = max(blocks.values(), key=lambda pair: pair.row)
    if len(blocks) < len(_CRITERIA):
        begun = len(rows[-1]) <= 40 and any(words.search(folded(rows[-1])) for words in _CRITERIA.values())
        return last.row == len(rows) - 1 or begun or bool(re.search(r"[\d:]\.?$|image ?[12]?$", folded(rows[-1])))
    others = [pair for pair in blocks.values() if pair is not last]
    unfinished = not same(last.a.value + last.b.value, 1.0) and all(same(p.a.value + p.b.value, 1.0) for p in others)
    return unfinished and last.row == len(rows) - 1 and bool(re.search(r"[\d.]$", rows[-1]))


def _mean(total: float | None) -> float | None:
    return None if total is None else round(total / len(_CRITERIA), 9)


def _prose_of(rows: Sequence[str]) -> str:
    return "\n".join(row for row in rows if not re.search(r"\d", row) and not row.endswith(":") and len(row) > 40)


PARSER = Parser("unifiedreward-2-pair", 1, parse)
