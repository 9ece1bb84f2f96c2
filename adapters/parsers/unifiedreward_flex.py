"""UnifiedReward-Flex: one JSON object with categories, their dimensions and a winner.

arXiv 2602.02380, github.com/CodeGoat24/UnifiedReward (flex_pair_rank_image_generation.py): `{prompt, categories:
[{name, dims: [{name, reason_1, reason_2, score_1, score_2}], cat_reason, cat_winner}], reason, winner}`. The scores
of a dimension are asked to sum to 10. The overall `winner` decides, never the scores and never a category. No tie
is offered; one that is stated is taken and flagged.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.parsers.concluding import Found, concluded, without_tie
from adapters.parsers.loose_json import Field, read
from adapters.parsers.numbers import Amount, number, same
from adapters.parsers.readings import Settled, closing, only_image, settle, value
from adapters.parsers.scores import Scored
from adapters.parsers.sums import Sheet
from adapters.parsers.tags import parts
from adapters.parsers.text import clean, folded, prose
from adapters.parsers.verdicts import Reading
from harness.generation import Parser
from harness.records import Verdict

_WINNER = frozenset({"winner", "overall_winner", "overall winner", "final_winner", "final winner"})
_NAMED = frozenset({"image", "name", "choice", "label", "id", "value"})
"""Fields of a winner that is an object: `{"winner": {"image": "Image 2"}}`."""
_WRAPPERS = frozenset(
    {
        "",
        "result",
        "results",
        "output",
        "answer",
        "response",
        "evaluation",
        "final",
        "judgement",
        "judgment",
        "verdict",
        "overall",
        "data",
        "json",
    }
)
_SCORES = {"score_1": "A", "score_2": "B", "score1": "A", "score2": "B"}


def parse(text: str) -> Verdict:
    """The last `winner` of the outermost object, or of one wrapped in a field such as `result`."""
    whole = parts(clean(text))
    document = read(whole.answer)
    readings = [_reading(field) for field in document.fields if _decides(field)]
    flags = set[str]()
    if not readings and "{" not in whole.answer and not document.fields:
        readings, flags = closing(parts(prose(text)).answer), {"no-json"}
    elif not document.complete:
        flags = {"broken-json"}
    found = without_tie(Found(settle(readings), tuple(flags)))
    dimensions = _dimensions(document.fields)
    extra = _odd(document.fields, dimensions, found.settled)
    cut = whole.open or not document.complete
    rationale = next((f.value for f in reversed(document.fields) if f.path[-1] == "reason" and _outermost(f)), "")
    return concluded(
        text, Found(found.settled, (*found.flags, *extra)), Sheet(dimensions), cut=cut, rationale=rationale
    )


def _outermost(field: Field) -> bool:
    return all(folded(key) in _WRAPPERS for key in field.path[:-1])


def _decides(field: Field) -> bool:
    if len(field.path) > 1 and folded(field.path[-1]) in _NAMED and folded(field.path[-2]) in _WINNER:
        return all(folded(key) in _WRAPPERS for key in field.path[:-2])
    return folded(field.path[-1]) in _WINNER and _outermost(field)


def _reading(field: Field) -> Reading:
    """A string is read as an answer; a bare value only when it is 1 or 2."""
    if not field.quoted and number(field.value) not in (1.0, 2.0):
        return (
            value(field.value) if field.value[:1].isalpha() and field.value != "null" else Reading(None, "unreadable")
        )
    plain = prose(field.value)
    read = value(plain)
    if read.why == "unreadable" and (named := only_image(plain)):
        return Reading(named)
    return Reading(None, "unreadable") if read.why == "cut" else read


def _dimensions(fields: Sequence[Field]) -> tuple[Scored, ...]:
    """Dimensions with both scores."""
    objects: dict[int, dict[str, str]] = {}
    for field in fields:
        objects.setdefault(field.object, {})[folded(field.path[-1])] = field.value
    found = []
    for row, values in enumerate(objects.values()):
        scores = {side: number(values[key]) for key, side in _SCORES.items() if key in values}
        a, b = scores.get("A"), scores.get("B")
        if a is None or b is None:
            continue
        reason = " / ".join(values[key] for key in ("reason_1", "reason_2") if key in values)
        name = values.get("name", "")[:120]
        found.append(Scored(name, Amount(a, (a,)), Amount(b, (b,)), False, True, reason, row, True))
    return tuple(found)


def _odd(fields: Sequence[Field], dimensions: Sequence[Scored], settled: Settled) -> set[str]:
    flags = set()
    if any(not same(d.a.value + d.b.value, 10.0) for d in dimensions):
        flags.add("sum-wrong")
    categories = [_reading(f).winner for f in fields if folded(f.path[-1]) in ("cat_winner", "category_winner")]
    other = {"A": "B", "B": "A"}.get(settled.winner or "")
    if other and categories.count("A" if other == "A" else "B") > categories.count(settled.winner):
        flags.add("categories-against-verdict")
    return flags


PARSER = Parser("unifiedreward-flex", 1, parse)
