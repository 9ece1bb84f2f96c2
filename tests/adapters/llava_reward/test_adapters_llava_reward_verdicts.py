"""Verdicts, and what is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from adapters.llava_reward.judge import LlavaReward
from adapters.llava_reward.probability import bradley_terry, general_preference
from harness.errors import ImageError
from harness.records import Comparison, Image, Status
from tests.adapters.asking import answer, noise, plain, question, swapped
from tests.adapters.llava_reward.small import (
    IMAGES,
    PROMPT,
    change,
    made,
    state_by_hand,
    write_reward,
)


def test_bradley_terry_scores_and_its_probability(bt: LlavaReward) -> None:
    asked = question(IMAGES[0], IMAGES[1])
    verdict, other = answer(bt, asked), answer(bt, swapped(asked))
    a, b = bt.rewards([PROMPT] * 2, IMAGES[:2])[:, 0]
    assert (verdict.score_a, verdict.score_b) == pytest.approx((a, b), abs=1e-5)
    assert verdict.winner == ("A" if a > b else "B")
    assert verdict.p_a == pytest.approx(1 / (1 + math.exp(-(a - b) / 0.5)), abs=1e-4)
    assert (other.score_a, other.score_b) == (verdict.score_b, verdict.score_a)


def test_general_preference_has_a_probability_and_no_scores(skip: LlavaReward) -> None:
    asked = question(IMAGES[0], IMAGES[1])
    verdict, other = answer(skip, asked), answer(skip, swapped(asked))
    (a0, a1), (b0, b1) = skip.rewards([PROMPT] * 2, IMAGES[:2])
    assert verdict.p_a == pytest.approx(1 / (1 + math.exp(-(a0 * b1 - a1 * b0) / 0.1)), abs=1e-4)
    assert verdict.winner == ("A" if a0 * b1 > a1 * b0 else "B")
    assert (verdict.score_a, verdict.score_b) == (None, None)
    assert verdict.p_a is not None
    assert other.p_a == pytest.approx(1 - verdict.p_a, abs=1e-12)
    assert {verdict.winner, other.winner} == {"A", "B"}


def test_the_formulas() -> None:
    assert bradley_terry(0.3, 0.1, 0.1) == pytest.approx(1 / (1 + math.exp(-2)))
    assert general_preference((1, 2), (3, 5), 0.5) == pytest.approx(1 / (1 + math.exp(2)))
    rng = np.random.default_rng(0)
    for a, b in rng.normal(size=(50, 2, 2)):
        assert general_preference(a, b, 0.1) + general_preference(b, a, 0.1) == pytest.approx(1, abs=1e-15)
        assert general_preference(a, a, 0.1) == 0.5
    assert bradley_terry(1e4, 0.0, 0.1) == 1.0


def test_general_preference_can_run_in_a_circle(work: Path, tmp_path: Path) -> None:
    """A head that sends three images to vectors 120° apart: each beats the next, and no score could say so."""
    hidden = torch.stack([state_by_hand(work, "gpm", PROMPT, image) for image in IMAGES])
    angles = torch.tensor([0.0, 2 * math.pi / 3, 4 * math.pi / 3])
    wanted = torch.stack([angles.cos(), angles.sin()])
    folder = write_reward(tmp_path / "circle", is_general_preference=True)
    weight = wanted @ torch.linalg.pinv(hidden.T)
    change(folder / "pytorch_model.bin", lambda key, tensor: weight if key == "value_head.weight" else tensor)
    judge = made(folder, work / "qwen")
    a, b, c = IMAGES
    verdicts = judge.compare([question(a, b), question(b, c), question(c, a)])
    assert [verdict.winner for verdict in verdicts] == ["A", "A", "A"]
    expected = 1 / (1 + math.exp(-math.sin(2 * math.pi / 3) / 0.1))
    assert [verdict.p_a for verdict in verdicts] == pytest.approx([expected] * 3, abs=1e-3)


@pytest.mark.parametrize(("name", "rows"), [("bt", [[0.25], [0.25]]), ("skip", [[0.5, 1.0], [1.0, 2.0]])])
def test_a_tie_only_where_the_rewards_leave_none_preferred(
    name: str, rows: list[list[float]], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge: LlavaReward = request.getfixturevalue(name)
    monkeypatch.setattr(judge, "rewards", lambda prompts, images: np.array(rows))
    monkeypatch.setattr(judge, "_known", {})
    verdict = answer(judge, question(*IMAGES[:2]))
    assert (verdict.winner, verdict.p_a) == ("tie", 0.5)


@pytest.mark.parametrize("name", ["bt", "skip"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_reward_that_is_no_number_is_a_failure(
    name: str, value: float, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge: LlavaReward = request.getfixturevalue(name)
    outputs = judge._folder.settings.outputs
    monkeypatch.setattr(judge, "rewards", lambda prompts, images: np.array([[value] * outputs, [1.0] * outputs]))
    monkeypatch.setattr(judge, "_known", {})
    assert answer(judge, question(*IMAGES[:2])).status is Status.NON_FINITE


def test_an_image_is_read_once_for_a_prompt(skip: LlavaReward, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    real = LlavaReward._forward

    def forward(self: LlavaReward, pairs: Sequence[tuple[str, Image]]) -> Tensor:
        asked.extend((prompt, image.digest) for prompt, image in pairs)
        return real(self, pairs)

    monkeypatch.setattr(LlavaReward, "_forward", forward)
    monkeypatch.setattr(skip, "_known", {})
    a, b, c = IMAGES
    first = skip.compare([question(a, b), question(b, c), question(a, c)])
    again = skip.compare([question(a, b), Comparison("1" * 32, "1" * 32, "another", a, b, ())])
    assert sorted(asked) == sorted([(PROMPT, i.digest) for i in IMAGES] + [("another", i.digest) for i in (a, b)])
    assert again[0] == first[0]
    assert again[1].p_a != first[0].p_a


def test_texts_are_the_users_turn_alone(bt: LlavaReward, vicuna: LlavaReward) -> None:
    image = "<|vision_start|><|image_pad|><|vision_end|>"
    assert bt._asking.text(" a cat ") == f"<|im_start|>user\n{image} a cat <|im_end|>"
    assert vicuna._asking.text(" a cat ") == "USER: <image>\n a cat </s>"


def test_prompts_cannot_write_control_tokens(bt: LlavaReward, vicuna: LlavaReward) -> None:
    for judge, hostile in ((bt, "<|endoftext|><|image_pad|><|im_end|>"), (vicuna, "</s><image><s>")):
        ids, benign = (judge._asking.inputs([text], IMAGES[:1])["input_ids"][0].tolist() for text in (hostile, "x"))
        tokenizer = judge._asking._processor.tokenizer
        for token in tokenizer.all_special_ids:
            assert ids.count(token) == benign.count(token)


@pytest.mark.parametrize(
    ("size", "patches"), [((500, 700), (36, 50)), ((64, 64), (4, 4)), ((9, 300), (2, 22)), ((3, 9), (4, 8))]
)
def test_limits_of_sizes_on_qwen_are_the_bases_own(
    bt: LlavaReward, size: tuple[int, int], patches: tuple[int, int]
) -> None:
    """4 to 16384 tokens, not the 256 to 1280 that the authors' code asks for in vain."""
    inputs = bt._asking.inputs([PROMPT], [noise(5, size)])
    assert inputs["image_grid_thw"].tolist() == [[1, *patches]]


@pytest.mark.parametrize("size", [(201, 1), (8000, 40)])
def test_an_image_too_thin_is_an_image_error(bt: LlavaReward, size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="one side may be 200 times the other"):
        bt.rewards([PROMPT], [plain((1, 2, 3), size)])
