"""A judge folder, and what is wrong with one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.pigreward.judge import PigReward
from adapters.pigreward.wording import Wording
from harness.errors import ConfigError
from tests.adapters.asking import answer, question
from tests.adapters.fake_engine import text_of
from tests.adapters.pigreward.two import (
    FIRST,
    A,
    B,
    Two,
)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    (folder / "prompts").mkdir(parents=True)
    (folder / "judge.json").write_text(json.dumps({"format": 1, "base": "owner/base"}))
    (folder / "prompts" / "reward.txt").write_text("{context} | {image_1}{image_2} | which?\n")
    return folder


def test_a_judge_folder_gives_models_prompts_and_base(two: Two, weights: Path) -> None:
    judge = PigReward(weights=str(weights))
    assert [options.model for options in two.made] == [str(weights / "reward"), str(weights / "reasoner")]
    answer(judge, question(A, B, FIRST))
    assert text_of(two.reward.asked[0]).startswith(
        "[user]\nChoice 1, caption: first\nlikes first | <image><image> | which?"
    )
    assert "preferred Image" in text_of(two.reasoner.asked[0])
    assert judge.prompt_hash() != Wording.default().sha256
    PigReward(weights=str(weights), reward="base")
    assert two.made[2].model == "owner/base"


def test_a_judge_works_as_it_was_trained_unless_told_otherwise(two: Two, weights: Path) -> None:
    trained = {"max_pixels": 777, "rationale_tokens": 55, "max_tokens": 66, "k": 8, "cot": False}
    (weights / "judge.json").write_text(json.dumps({"format": 1, "parameters": trained}))
    as_trained, otherwise = (
        PigReward(weights=str(weights)),
        PigReward(weights=str(weights), max_tokens=9, rationale_tokens=5, cot=True),
    )
    for judge in (as_trained, otherwise):
        answer(judge, question(A, B, FIRST))
    assert {options.max_pixels for options in two.made} == {777}
    assert [request.decoding.max_tokens for request in two.reasoner.asked] == [55, 5]
    assert [request.decoding.max_tokens for request in two.reward.asked] == [66, 9]
    assert [judge.identity()["rationale tokens"] for judge in (as_trained, otherwise)] == [55, 5]
    assert [judge.identity()["cot"] for judge in (as_trained, otherwise)] == [False, True]


def test_a_part_of_a_judge_folder_may_be_an_adapter_on_the_base(two: Two, weights: Path) -> None:
    (weights / "reward").mkdir()
    (weights / "reward" / "adapter_config.json").write_text("{}")
    PigReward(weights=str(weights))
    PigReward(weights=str(weights), base_url="http://a/v1")
    (weights / "base").mkdir()
    PigReward(weights=str(weights), base="other")
    PigReward(weights=str(weights))
    own, whole = str(weights / "reward"), (str(weights / "reasoner"), "")
    rewards = [(options.model, options.adapter) for options in two.made[::2]]
    assert rewards == [("owner/base", own), (own, ""), ("other", own), (str(weights / "base"), own)]
    assert {(options.model, options.adapter) for options in two.made[1::2]} == {whole}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "judge.json").unlink(), "judge.json cannot be read"),
        (lambda f: (f / "judge.json").write_text("{"), "judge.json cannot be read"),
        (lambda f: (f / "judge.json").write_text('{"format": 2}'), "expected format 1, found"),
        (lambda f: (f / "judge.json").write_text("[1]"), "expected format 1, found"),
        (lambda f: (f / "prompts" / "reward.txt").write_text("{image_1}"), r"has no \{context\}"),
    ],
)
def test_what_is_wrong_with_a_judge_folder(two: Two, weights: Path, spoil: Callable[[Path], object], says: str) -> None:
    spoil(weights)
    with pytest.raises(ConfigError, match=says):
        PigReward(weights=str(weights))
    assert two.made == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"context": "profile"}, "expected one of rationales, references, none"),
        ({"rule": "mine"}, "expected one of last-verdict, totals, strict"),
        ({"cot": "yes"}, "parameter cot is 'yes'; expected true or false"),
        ({"model": "m"}, "pigreward has two models; name them with reward= and reasoner="),
        ({"adapter": "a"}, "pigreward has two models"),
        ({"rationale_tokens": 0}, "rationale_tokens is 0; expected a whole number of at least 1"),
        ({"weights": "/no/such/folder"}, "single models are named with reward= and reasoner="),
    ],
)
def test_wrong_parameters_are_told(two: Two, given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        PigReward(**given)
