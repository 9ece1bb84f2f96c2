"""UnifiedReward 1 and 1.5, pairwise: prose that ends in one of three sentences.

The sentences are "Image 1 is better" (the LLaVA models go on "than Image 2"), the same for image 2, and "Both
images are equally good" (github.com/CodeGoat24/UnifiedReward, inference_qwen and inference_llava). The official
benchmark looks for the sentence anywhere; here the last one counts.
"""

from __future__ import annotations

from adapters.parsers.concluding import concluded, in_prose
from adapters.parsers.sums import sheet
from adapters.parsers.tags import parts
from adapters.parsers.text import lines, prose
from harness.generation import Parser
from harness.records import Verdict


def parse(text: str) -> Verdict:
    """The last of the three sentences outside of reasoning tags."""
    read = parts(prose(text))
    return concluded(text, in_prose(read), sheet(lines(read.answer)), cut=read.open, rationale=read.answer)


PARSER = Parser("unifiedreward-pair", 1, parse)
