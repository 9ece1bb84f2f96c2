"""PreferThinker: two profiles, reasoning with scores from 0 to 5 for each of five elements, `<answer>Image
A</answer>`.

arXiv 2511.00609, github.com/Shengqi77/PreferThinker (eval_PreferThinker.py). The reasoning holds blocks "Image A(4)
- reason; Image B(2) - reason" and totals "Image A: total_score=4+3=7". The last answer decides, as in the official
evaluation, which compares it letter for letter; the scores never do. No tie is offered; one that is stated is taken
and flagged.
"""

from __future__ import annotations

from adapters.parsers.concluding import concluded, in_tags, without_tie
from adapters.parsers.sums import sheet
from adapters.parsers.tags import parts
from adapters.parsers.text import lines, prose
from harness.generation import Parser
from harness.records import Verdict


def parse(text: str) -> Verdict:
    """The last answer outside of the reasoning."""
    read = parts(prose(text))
    found = without_tie(in_tags(read, bare_suffices=True))
    scores = sheet(lines(read.reasoning or read.answer))
    return concluded(text, found, scores, cut=read.open, rationale=read.reasoning)


PARSER = Parser("preferthinker", 1, parse)
