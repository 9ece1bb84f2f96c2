"""The judge of personalised preference diffusion (PPD): `Prediction of user preference: 1` or `2` at the end.

arXiv 2501.06655, github.com/Asap7772/Personalized-Text-To-Image-Diffusion (eval/eval_winrate*.py). Officially the
text behind the last label must be an integer; here `1.`, `Image 1` and the like count too. No tie is offered; one
that is stated is taken and flagged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.parsers.concluding import Found, concluded, without_tie
from adapters.parsers.lexicon import phrases
from adapters.parsers.readings import closing, labelled, settle
from adapters.parsers.tags import labels_of_tags, parts
from adapters.parsers.text import folded, lines, prose
from adapters.parsers.troubles import ends_early
from adapters.parsers.verdicts import Reading
from harness.generation import Parser
from harness.records import Verdict

_LABEL = re.compile(
    rf"(?:{phrases('prediction')})(?: (?:for|on|in) [^:\n]{{1,40}}(?=:))?[\"']? ?(?: is:?| would be:?|:|=|-+>?|\|)"
    rf"|^\W*(?:{phrases('prediction')})\W*$"
)
_EXAMPLE = re.compile(r"pair [1-4](?!\d)")
_PAIR = re.compile(r"\W*pair [2-5]\W*(?:$|:)")
_LONGEST = 2000


def parse(text: str) -> Verdict:
    """The value behind the last label; without one, the last line where that is a verdict."""
    read = parts(prose(text))
    rows = lines(read.answer)
    readings, flags = _labelled(rows[_query(rows) :]), set[str]()
    examples = _ends_among_examples(rows) if readings else bool(_labelled(rows))
    if examples or not readings:
        readings, flags = closing(labels_of_tags(read.answer)), {"off-format"}
        flags |= {"only-in-reasoning"} if not readings and _labelled(lines(read.reasoning)) else set()
        readings = readings or [Reading(None, "cut")] * examples
    found = without_tie(Found(settle(readings), tuple(flags)))
    return concluded(text, found, cut=read.open, rationale="\n".join(rows[:-1]))


def _query(rows: Sequence[str]) -> int:
    """Where the last pair begins; what is predicted before it are the examples, repeated."""
    pairs = [place for place, row in enumerate(rows) if _PAIR.match(folded(row[:40]))]
    if not pairs:
        return 0
    own = _EXAMPLE.search(folded(rows[pairs[-1]][:40])) and len(_labelled(rows[pairs[-1] :])) > 1
    return pairs[-1] + bool(own)


def _ends_among_examples(rows: Sequence[str]) -> bool:
    """Whether the text is cut off behind a prediction for one of the four example pairs."""
    last = max(place for place, row in enumerate(rows) if _LABEL.search(folded(row[-_LONGEST:])))
    behind = rows[last + 1 :]
    return bool(behind and _EXAMPLE.search(folded(rows[last]))) and ends_early("\n".join(rows))


def _labelled(rows: Sequence[str]) -> list[Reading]:
    return [
        reading
        for place, row in enumerate(rows)
        for reading in labelled(row[-_LONGEST:], _LABEL, rows[place + 1 : place + 2])
    ]


PARSER = Parser("ppd", 1, parse)
