"""Rewards: against stored official ones, and against the formulas by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from adapters.llava_reward.judge import LlavaReward
from benchmarks.parity import materials
from benchmarks.parity.llava_reward.ours import score
from harness.records import Image
from tests.adapters.llava_reward.small import (
    GOLDEN,
    IMAGES,
    PROMPT,
    change,
    made,
    state_by_hand,
    write_reward,
)


def test_rewards_are_those_of_the_libraries_the_authors_name(work: Path, tmp_path: Path) -> None:
    materials.write_images(tmp_path)
    found = np.array(score(work, tmp_path))
    assert found == pytest.approx(np.array(GOLDEN["scores"]), abs=1e-5)
    assert GOLDEN["versions"]["transformers"] == "4.50.0"
    assert np.ptp(found, axis=1).min() > 0.1


def by_hand(work: Path, name: str, prompt: str, image: Image) -> list[float]:
    """SkipCA is its norm: no token is what the released code attends to."""
    head = torch.load(work / name / "pytorch_model.bin", weights_only=True)
    state = state_by_hand(work, name, prompt, image)
    if "ca_layernorm.weight" in head:
        state = head["ca_layernorm.weight"] * state / (state.square().mean() + 1e-6).sqrt()
    rewards: list[float] = (head["value_head.weight"] @ state).tolist()
    return rewards


@pytest.mark.parametrize("name", ["bt", "skip", "vicuna"])
def test_rewards_are_those_worked_out_by_hand(name: str, work: Path, request: pytest.FixtureRequest) -> None:
    judge: LlavaReward = request.getfixturevalue(name)
    asked = [(prompt, image) for prompt in ("a cat", "a cat and a very long dog " * 4) for image in IMAGES[:2]]
    expected = [by_hand(work, name, prompt, image) for prompt, image in asked]
    rewards = judge.rewards([prompt for prompt, _ in asked], [image for _, image in asked])
    assert rewards == pytest.approx(np.array(expected), abs=2e-5)
    assert np.ptp(rewards, axis=0).min() > 1e-2, "rewards depend on prompt and image"


@pytest.mark.parametrize("name", ["bt", "skip", "vicuna"])
def test_rewards_do_not_depend_on_the_batch_or_the_padding(
    name: str, work: Path, request: pytest.FixtureRequest
) -> None:
    judge: LlavaReward = request.getfixturevalue(name)
    prompts = ["a cat", "", "a very long caption " * 10]
    together = judge.rewards(prompts, IMAGES)
    alone = [judge.rewards([prompt], [image])[0] for prompt, image in zip(prompts, IMAGES, strict=True)]
    assert together == pytest.approx(np.array(alone), abs=1e-5)


@pytest.mark.parametrize(
    ("file", "part"), [("lora/adapter_model.bin", "lora_B"), ("pytorch_model.bin", "mlp.2.weight")]
)
def test_the_adapter_and_the_projector_change_the_reward(
    file: str, part: str, work: Path, tmp_path: Path, bt: LlavaReward
) -> None:
    folder = write_reward(tmp_path / "x", general_preference_tau=0.5)
    change(folder / file, lambda key, tensor: tensor * 3 if part in key else tensor)
    own, other = (judge.rewards([PROMPT], IMAGES[:1])[0, 0] for judge in (bt, made(folder, work / "qwen")))
    assert abs(own - other) > 1e-3


def test_skipca_attends_to_end_of_text_tokens_and_to_no_padding(work: Path, skip: LlavaReward) -> None:
    """What the released code takes for the image's tokens."""
    head = torch.load(work / "skip" / "pytorch_model.bin", weights_only=True)
    inputs = skip._asking.inputs([PROMPT, PROMPT], [IMAGES[0]] * 2)
    source = skip._asking.source
    inputs["input_ids"][1, -3:-1] = source
    inputs["attention_mask"][0, -1] = 0
    inputs["input_ids"][0, -1] = source
    with torch.inference_mode():
        rewards = skip._network(inputs)
        hidden = skip._network.base(**inputs).last_hidden_state
        embedding = skip._network.base.get_input_embeddings().weight[source]
    weight = {name: head[f"{name}.weight"] for name in ("W_q", "W_k", "W_v", "ca_layernorm", "value_head")}
    # All attended embeddings are one, so attention gives it whatever its weights are.
    for row, (last, attended) in enumerate([(-2, torch.zeros_like(embedding)), (-1, weight["W_v"] @ embedding)]):
        state = hidden[row, last] + attended
        normed = weight["ca_layernorm"] * state / (state.square().mean() + 1e-6).sqrt()
        assert rewards[row].tolist() == pytest.approx((weight["value_head"] @ normed).tolist(), abs=1e-5)


def test_attention_of_skipca_is_a_softmax_over_sources(work: Path, skip: LlavaReward) -> None:
    head = torch.load(work / "skip" / "pytorch_model.bin", weights_only=True)
    state, sources = torch.randn(32, generator=torch.Generator().manual_seed(0)), torch.eye(32)[:3]
    q, k, v = (head[f"W_{letter}.weight"].double() for letter in "qkv")
    scores = [float((q @ state.double()) @ k[:, i]) / math.sqrt(32) for i in range(3)]
    weights = np.exp(scores) / np.exp(scores).sum()
    expected = sum(weight * v[:, i] for i, weight in enumerate(weights))
    with torch.inference_mode():
        assert skip._network.head._attend(state, sources).tolist() == pytest.approx(expected.tolist(), abs=1e-5)
