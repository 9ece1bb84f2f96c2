"""UnifiedReward-Think: `<think>` reasoning, then `<answer>Image 1 is better</answer>` or the same for image 2.

github.com/CodeGoat24/UnifiedReward, UnifiedReward-Think. The reasoning scores each criterion from 1 to 10 for both
images and sums the scores; those are kept as dimensions and never decide. No tie is offered; one that is stated is
taken and flagged.
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
    found = without_tie(in_tags(read, bare_suffices=False))
    scores = sheet(lines(read.reasoning or read.answer))
    return concluded(text, found, scores, cut=read.open, rationale=read.reasoning)


PARSER = Parser("unifiedreward-think", 1, parse)
