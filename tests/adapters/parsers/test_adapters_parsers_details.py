"""What a verdict keeps besides its winner."""

from __future__ import annotations

import math

import pytest

from adapters.parsers import PARSERS
from adapters.parsers.loose_json import read
from adapters.parsers.numbers import amount, total
from adapters.parsers.text import clean, prose
from harness.records import Dimension, Status

PIGREWARD = """Composition: Image 1 leads the eye. (Score 1: 8, Score 2: 6)
Lighting: the second glows. (Score 1: 6, Score 2: 7)
Detail: finer in the first. (Score 1: 9, Score 2: 7)
Score 1: 8+6+9=23
Score 2: 6+7+7=20
Image 1 is better"""


@pytest.mark.parametrize("rule", ["pigreward", "pigreward-totals", "pigreward-strict"])
def test_pigreward_keeps_dimensions_and_sums(rule: str) -> None:
    verdict = PARSERS[rule].parse(PIGREWARD)
    assert (verdict.winner, verdict.score_a, verdict.score_b, verdict.flags) == ("A", 23.0, 20.0, ())
    assert verdict.dimensions[1] == Dimension("Lighting", 6.0, 7.0, "the second glows.")
    assert verdict.rationale is not None
    assert verdict.rationale.startswith("Composition: Image 1 leads the eye.")


def test_sums_are_recomputed_and_decimals_do_not_drift() -> None:
    rows = [f"D{i}: x (Score 1: {a}, Score 2: {b})" for i, (a, b) in enumerate(((0.1, 0.3), (0.2, 0.1), (0.3, 0.2)))]
    verdict = PARSERS["pigreward-totals"].parse("\n".join([*rows, "Score 1: 0.9", "Score 2: 0.6"]))
    assert (verdict.winner, verdict.score_a, verdict.score_b) == ("tie", 0.6, 0.6)
    assert "sum-wrong" in verdict.flags


def test_think_keeps_the_scores_of_the_reasoning() -> None:
    text = (
        "<think>1. Semantics: Image 1 (8/10) - ok; Image 2 (6/10) - meh\nTotal score:\nImage 1: 8\nImage 2: 6</think>"
        "<answer>Image 2 is better</answer>"
    )
    verdict = PARSERS["unifiedreward-think"].parse(text)
    assert (verdict.winner, verdict.score_a, verdict.score_b) == ("B", 8.0, 6.0)
    assert [d.name for d in verdict.dimensions] == ["Semantics"]
    assert "total-against-verdict" in verdict.flags


def test_flex_keeps_dimensions_and_the_reason() -> None:
    dims = '[{"name": "Hat", "reason_1": "there", "reason_2": "gone", "score_1": 7, "score_2": 3}]'
    category = f'{{"name": "A", "dims": {dims}, "cat_winner": "Image 1"}}'
    text = f'{{"categories": [{category}], "reason": "hat", "winner": "Image 1"}}'
    verdict = PARSERS["unifiedreward-flex"].parse(text)
    assert verdict.dimensions == (Dimension("Hat", 7.0, 3.0, "there / gone"),)
    assert (verdict.winner, verdict.rationale, verdict.flags) == ("A", "hat", ())


def test_two_scores_by_the_mean_of_three() -> None:
    shares = {"Alignment": (0.9, 0.1), "Coherence": (0.3, 0.7), "Style": (0.3, 0.7)}
    text = "\n".join(f"{name}: Image 1: {a}, Image 2: {b}" for name, (a, b) in shares.items())
    verdict = PARSERS["unifiedreward-2-pair"].parse(text)
    assert (verdict.winner, verdict.score_a, verdict.score_b) == ("tie", 0.5, 0.5)


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_the_raw_text_and_the_probability_are_left_to_the_caller(name: str) -> None:
    verdict = PARSERS[name].parse(PIGREWARD)
    assert (verdict.raw, verdict.p_a, verdict.grade, verdict.tokens, verdict.cost) == (None, None, None, None, None)


@pytest.mark.parametrize("name", sorted(PARSERS))
@pytest.mark.parametrize("text", ["", " \n\t\n"])
def test_an_empty_output_is_unparseable(name: str, text: str) -> None:
    verdict = PARSERS[name].parse(text)
    assert (verdict.winner, verdict.status) == (None, Status.UNPARSEABLE)
    assert "empty" in verdict.flags


def test_names_are_kebab_and_versions_positive() -> None:
    for name, parser in PARSERS.items():
        assert parser.name == name == name.lower()
        assert parser.version >= 1


@pytest.mark.parametrize(
    ("text", "value", "terms", "adds_up"),
    [
        ("8", 8.0, (8.0,), True),
        ("8/10", 8.0, (8.0,), True),
        ("8+6+9=23", 23.0, (8.0, 6.0, 9.0), True),
        ("8 + 6 = 15", 15.0, (8.0, 6.0), False),
        ("0,5", 0.5, (0.5,), True),
        ("0.1+0.2=0.3", 0.3, (0.1, 0.2), True),
        ("-2", -2.0, (-2.0,), True),
    ],
)
def test_amounts(text: str, value: float, terms: tuple[float, ...], adds_up: bool) -> None:
    read = amount(text)
    assert read is not None
    assert (read.value, read.terms, read.adds_up) == (value, terms, adds_up)


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999", "1e308+1e308", "9" * 320])
def test_what_is_not_finite_is_no_amount(text: str) -> None:
    assert amount(text) is None


def test_totals_overflow_to_infinity() -> None:
    assert total((1e308, 1e308)) == math.inf


def test_loose_json_survives_what_models_do_to_it() -> None:
    text = '```json\n{"a": "he said "hi", twice", \'b\': 1, "c": [{"d": "x",},], "e": {"f": nul'
    document = read(text)
    values = {".".join(field.path): field.value for field in document.fields}
    assert values == {"a": 'he said "hi", twice', "b": "1", "c.[].d": "x"}
    assert not document.complete


def test_loose_json_finds_its_way_back_to_the_keys() -> None:
    document = read('{"reason": "signs say "OPEN", "CLOSED" and "SOLD"", "winner": "Image 2"}')
    assert document.fields[-1].path == ("winner",)
    assert document.fields[-1].value == "Image 2"


def test_text_is_made_plain() -> None:
    assert clean("Ｉｍａｇｅ\u3000①：１\u200b\r\n") == "Image 1:1\n"
    assert clean("\ud800") == "\ufffd"
    assert prose("## **Image\u00a01** is $\\boxed{\\text{better}}$ ~~not~~") == "Image 1 is better "
