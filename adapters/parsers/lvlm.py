"""The plain format of this project's prompts for vision-language models without a format of their own.

    Composition: the first leads the eye, the second is crowded (Image 1: 8, Image 2: 6)
    Colour: both muted, as the user likes (Image 1: 7, Image 2: 7)
    Verdict: 1

A prompt asks for any number of dimension lines `Name: reason (Image 1: score, Image 2: score)`, scores from 0 to
10, and a last line `Verdict: 1`, `Verdict: 2` or `Verdict: tie`. The last verdict decides; sentences such as "Image
1 is better" are verdicts too. Scores are kept and never decide.
"""

from __future__ import annotations

from adapters.parsers.concluding import concluded, in_prose
from adapters.parsers.sums import sheet
from adapters.parsers.tags import parts
from adapters.parsers.text import lines, prose
from harness.generation import Parser
from harness.records import Verdict


def parse(text: str) -> Verdict:
    """The last verdict outside of reasoning tags."""
    read = parts(prose(text))
    rows = lines(read.answer)
    return concluded(text, in_prose(read), sheet(rows), cut=read.open, rationale="\n".join(rows[:-1]))


PARSER = Parser("lvlm", 1, parse)
