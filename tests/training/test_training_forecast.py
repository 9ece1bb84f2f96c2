"""What a fit will take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.errors import ConfigError
from tests.training.small import QUIET, answers, pairs, preset, random_model
from training.forecast import Forecast, forecast
from training.trainers import load
from training.weights import Weights

pytestmark = QUIET
MODEL, FIT = preset().model, preset().reward


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return random_model(tmp_path_factory.mktemp("model"))


def test_parameters_are_counted_without_loading_them(start: Weights, tmp_path: Path) -> None:
    model, processor = load(start, FIT, MODEL)
    data = answers(tmp_path, processor, ["Image 1 is better"] * 3)
    found = forecast(start.model, FIT, MODEL, data, processor, preference=False)
    assert found.parameters == found.trained == sum(weights.numel() for weights in model.parameters())
    assert found.samples == 3
    lengths = [len(processor(text=[r["prompt"] + r["completion"]], images=[r["images"]])["input_ids"][0]) for r in data]
    assert found.tokens == round(sum(lengths) / 3)
    assert found.needed > 16 * found.parameters
    assert found.seconds > 0


def test_an_adapter_trains_little(start: Weights, tmp_path: Path) -> None:
    from peft import get_peft_model

    from training.trainers import adapter

    model, processor = load(start, FIT, MODEL)
    data = answers(tmp_path, processor, ["Image 1 is better"])
    fit = replace(FIT, lora=4)
    found = forecast(start.model, fit, MODEL, data, processor, preference=False)
    adapted = get_peft_model(model, adapter(fit))
    assert found.trained == sum(w.numel() for w in adapted.parameters() if w.requires_grad)
    with pytest.raises(ConfigError, match="names no module"):
        forecast(start.model, replace(fit, lora_targets="nothing"), MODEL, data, processor, preference=False)


def test_preferences_need_a_reference_model_and_two_texts(start: Weights, tmp_path: Path) -> None:
    _, processor = load(start, FIT, MODEL)
    data = pairs(tmp_path, processor)
    found = forecast(start.model, preset().reasoner, MODEL, data, processor, preference=True)
    assert found.needed > 20 * found.parameters
    assert found.tokens > 2 * 20


def test_too_little_memory_is_said_before_anything_is_trained() -> None:
    ahead = Forecast(10**9, 10**9, 100, 500, needed=32 * 2**30, free=8 * 2**30, seconds=60.0)
    with pytest.raises(ConfigError, match=r"about 32\.0 GiB are needed and 8\.0 GiB free; take a smaller batch"):
        ahead.check()
    assert "1,000.0 M parameters" in str(ahead)
    replace(ahead, free=33 * 2**30).check()


def test_free_memory_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    from training.forecast import _free

    assert 0 < _free(torch.device("cpu")) < 2**45
