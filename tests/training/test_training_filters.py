"""The five rules for a teacher's answers, each by an answer that breaks it alone."""

from __future__ import annotations

import pytest

from training.filters import RULES, broken

GOOD = """Composition: the first is calmer. (Score 1: 8, Score 2: 6)
Lighting: the second is softer. (Score 1: 6, Score 2: 7)
Detail: the first has more. (Score 1: 9, Score 2: 7)
Score 1: 8+6+9=23
Score 2: 6+7+7=20
Image 1 is better"""


def test_a_good_answer_keeps_all_rules() -> None:
    assert broken(GOOD, "ok", 1) == ""


@pytest.mark.parametrize(
    ("rule", "text", "label"),
    [
        ("verdict", GOOD, 2),
        ("verdict", GOOD.replace("Image 1 is better", ""), 1),
        ("verdict", "I cannot help with that.", 1),
        ("verdict", "", 1),
        ("verdict", GOOD.replace("Image 1 is better", "Both images are equally good"), 1),
        ("dimensions", GOOD.replace("Detail: the first has more. (Score 1: 9, Score 2: 7)\n", ""), 1),
        ("dimensions", GOOD.replace("Detail", "Lighting"), 1),
        ("scores", GOOD.replace("(Score 1: 9, Score 2: 7)", "(Score 1: 9, Score 2: 7)\nMood: (Score 1: 5)"), 1),
        ("scores", GOOD.replace("Score 1: 8+6", "Mood: dark. (Score 1: high, Score 2: 2)\nScore 1: 8+6"), 1),
        ("totals", GOOD.replace("=23", "=24"), 1),
        ("totals", GOOD.replace("Score 1: 8+6+9=23\nScore 2: 6+7+7=20\n", ""), 1),
        ("winner", GOOD.replace("Image 1 is better", "Image 2 is better"), 2),
        ("winner", GOOD.replace("Score 2: 7)\nScore 1: 8+6+9=23\nScore 2: 6+7+7=20",
                                "Score 2: 10)\nScore 1: 8+6+9=23\nScore 2: 6+7+10=23"), 1),
    ],
)  # fmt: skip
def test_a_rule_is_named(rule: str, text: str, label: int) -> None:
    assert rule in RULES
    assert broken(text, "ok", label) == rule


def test_an_answer_that_was_cut_off_is_none() -> None:
    assert broken(GOOD, "truncated", 1) == "verdict"


def test_totals_without_the_sum_and_scores_on_two_lines_will_do() -> None:
    assert broken(GOOD.replace("8+6+9=", "").replace("6+7+7=", ""), "ok", 1) == ""
