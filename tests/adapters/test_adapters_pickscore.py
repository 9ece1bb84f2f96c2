"""PickScore: the read-me's formula, the official processor, and the official scores."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPImageProcessorPil, CLIPTokenizer

from adapters.pickscore import OFFICIAL_PROCESSOR, PickScore
from benchmarks.parity import clip_files
from harness.errors import ConfigError
from harness.records import Comparison
from tests.adapters import tiny
from tests.adapters.asking import answer, noise, swapped
from tests.adapters.golden import assert_golden

PROMPTS = ["a cat", "", "x", " ".join(["long"] * 300), " ".join(["longer"] * 300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tiny.write_hf(tmp_path_factory.mktemp("pickscore") / "model")


@pytest.fixture(scope="module")
def judge(folder: Path) -> PickScore:
    return PickScore(weights=str(folder), device="cpu", cache=False)


def asked(prompt: str, a: int = 1, b: int = 2) -> Comparison:
    return Comparison("0" * 32, "0" * 32, prompt, noise(a), noise(b))


def test_score_and_probability_are_the_read_mes(folder: Path, judge: PickScore) -> None:
    process, tokenize = CLIPImageProcessorPil.from_pretrained(folder), CLIPTokenizer.from_pretrained(folder)
    pixels = process(images=[noise(1).decode(), noise(2).decode()], return_tensors="pt")
    tokens = tokenize(PROMPTS, padding=True, truncation=True, max_length=77, return_tensors="pt")
    with torch.no_grad():
        logits = tiny.official_hf(folder)(**pixels, **tokens).logits_per_text
    for prompt, row in zip(PROMPTS, logits, strict=True):
        verdict = answer(judge, asked(prompt))
        assert verdict.score_a == pytest.approx(row[0].item(), abs=1e-4)
        assert verdict.score_b == pytest.approx(row[1].item(), abs=1e-4)
        assert verdict.p_a == pytest.approx(torch.softmax(row, dim=0)[0].item(), abs=1e-4)
        assert verdict.winner == ("A" if row[0] > row[1] else "B")


def test_long_prompts_score_by_what_they_say(judge: PickScore) -> None:
    one, two = (answer(judge, asked(prompt)).score_a for prompt in PROMPTS[-2:])
    assert one != two


def test_swapping_the_sides_swaps_the_answer(judge: PickScore) -> None:
    one, two = answer(judge, asked("a cat")), answer(judge, swapped(asked("a cat")))
    assert (one.score_a, one.score_b) == (two.score_b, two.score_a)
    assert one.p_a is not None
    assert two.p_a is not None
    assert one.p_a + two.p_a == pytest.approx(1)


def test_equal_images_tie_at_one_half(judge: PickScore) -> None:
    verdict = answer(judge, asked("a cat", 1, 1))
    assert (verdict.winner, verdict.p_a) == ("tie", 0.5)


def test_far_scores_have_a_probability(judge: PickScore) -> None:
    assert judge.probability(5000.0, -5000.0) == 1.0
    assert judge.probability(-5000.0, 5000.0) == 0.0
    assert judge.probability(1.0, 0.0) == pytest.approx(1 / (1 + math.exp(-1)))


def test_the_processor_may_lie_elsewhere(tmp_path: Path, folder: Path, judge: PickScore) -> None:
    model, processor = tmp_path / "model", tmp_path / "processor"
    shutil.copytree(folder, model)
    processor.mkdir()
    for name in ("preprocessor_config.json", "vocab.json", "merges.txt", "tokenizer_config.json"):
        (model / name).rename(processor / name)
    parted = PickScore(weights=str(model), processor=str(processor), device="cpu", cache=False)
    assert answer(parted, asked("a cat")) == answer(judge, asked("a cat"))
    assert parted.identity() == judge.identity()
    with pytest.raises(
        ConfigError, match=f"weights {' at '.join(OFFICIAL_PROCESSOR.split('@'))} cannot be had from the hub"
    ):
        PickScore(weights=str(model), device="cpu")


def test_another_tokenizer_is_another_identity_and_the_same_cache(
    tmp_path: Path, folder: Path, judge: PickScore
) -> None:
    other = tmp_path / "model"
    shutil.copytree(folder, other)
    merges = (other / "merges.txt").read_text().splitlines()
    (other / "merges.txt").write_text("\n".join([*merges[:-1], ""]))
    changed = PickScore(weights=str(other), device="cpu", cache=False)
    assert changed.identity() != judge.identity()
    assert changed.backbone.cache.path == judge.backbone.cache.path


def test_nan_in_the_weights_is_a_failure_and_no_tie(tmp_path: Path, folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = tmp_path / "model"
    shutil.copytree(folder, broken)
    state = load_file(broken / "model.safetensors")
    state["visual_projection.weight"] *= np.nan
    save_file(state, broken / "model.safetensors")
    verdict = answer(PickScore(weights=str(broken), device="cpu", cache=False), asked("a cat"))
    assert (verdict.status, verdict.winner) == ("non_finite", None)


def test_scores_are_those_of_the_official_code(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tiny.write_hf(tmp_path / "model", clip_files.SMALL_H)
    judge = PickScore(weights=str(folder), device="cpu", cache=False)
    assert_golden("pickscore", judge, tmp_path_factory, 1e-4)
