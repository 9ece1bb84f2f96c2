"""From sampled reasons to preference pairs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from training.hints import plain
from training.pairing import alike, leaks, nearer, pairs
from training.presets import Rationales

SETTINGS = Rationales()
TRUE, FALSE = "warm light, calm sky and rich colour", "cold light, busy sky and pale colour"


def sampled(**texts: str) -> dict[str, dict[str, str]]:
    return {side.replace("_", "-"): {"status": "ok", "text": text} for side, text in texts.items()}


def test_a_good_pair() -> None:
    dropped: Counter[str] = Counter()
    assert list(pairs(sampled(true=TRUE, false=FALSE), SETTINGS, dropped)) == [(TRUE, FALSE)]
    assert not dropped


@pytest.mark.parametrize(
    ("rule", "true", "false"),
    [
        ("empty", TRUE, " <|im_end|> "),
        ("near-equal", TRUE, TRUE.upper() + "."),
        ("hint", "It is known that image 2 is the preferred one; the reason is: " + TRUE, FALSE),
        ("hint", TRUE, FALSE + " since it is known that image 1 is preferred"),
    ],
)
def test_a_pair_is_dropped_by_rule(rule: str, true: str, false: str) -> None:
    dropped: Counter[str] = Counter()
    assert not list(pairs(sampled(true=true, false=false), SETTINGS, dropped))
    assert dropped == {rule: 1}


def test_a_failed_answer_drops_the_pair() -> None:
    dropped: Counter[str] = Counter()
    answers = {**sampled(true=TRUE), "false": {"status": "image_error", "text": "gone"}}
    assert not list(pairs(answers, SETTINGS, dropped))
    assert dropped == {"failed": 1}


def test_control_tokens_are_stripped() -> None:
    assert plain("warm<|image_pad|> light<|video_pad|><|im_end|>", "ok", 100) == "warm light"


def test_a_long_or_cut_off_text_ends_at_its_last_full_stop() -> None:
    assert plain("One reason. Another one. And a", "truncated", 100) == "One reason. Another one."
    assert plain("One reason. Another one. And more.", "ok", 3) == "One reason."
    assert plain("no end at", "truncated", 100) == ""


def test_a_short_hint_leaks_as_well() -> None:
    hint = "Image {number} is preferred:"
    assert leaks("so Image 2 is preferred", hint)
    assert not leaks("the image is warm", hint)


def test_free_samples_are_paired_right_with_wrong() -> None:
    free = sampled(true=TRUE, false=FALSE, free_0=TRUE + ", soft", free_1=FALSE + ", hard", free_2="something else")
    found = list(pairs(free, replace(SETTINGS, alike=0.99), Counter()))
    assert found == [(TRUE, FALSE), (TRUE + ", soft", FALSE + ", hard")]


def test_likeness() -> None:
    assert alike("A b, c", "a B c!") == 1.0
    assert alike("a b", "c d") == 0.0
    assert nearer("warm light", TRUE, FALSE) == "true"
    assert nearer("pale colour", TRUE, FALSE) == "false"
    assert nearer("sky", TRUE, FALSE) == ""
