"""Engines that differ only in their adapter hold the base's weights once, and answer as if each had its own."""

from __future__ import annotations

import gc
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import pytest
import torch

from adapters.engines import bases
from adapters.engines.local import LocalEngine, LocalOptions
from harness.errors import ConfigError
from tests.adapters.engines.asked import mixed
from tests.adapters.engines.tiny import tiny_lora, tiny_qwen2_vl

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests' engines may still be in memory; they are not to be shared with, nor counted."""
    monkeypatch.setattr(bases, "_shared", WeakValueDictionary())


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tiny_qwen2_vl(tmp_path_factory.mktemp("bases") / "base")


@pytest.fixture(scope="module")
def adapters(base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two adapters of other ranks and on other layers, then one that brings biases."""
    folder = tmp_path_factory.mktemp("adapters")
    return [
        str(tiny_lora(base, folder / "one", seed=1, target_modules=["q_proj"])),
        str(tiny_lora(base, folder / "two", seed=2, r=3, target_modules=["q_proj", "v_proj"])),
        str(tiny_lora(base, folder / "biased", seed=3, target_modules=["q_proj"], bias="all")),
    ]


def engine(base: Path, adapter: str = "", **options: Any) -> LocalEngine:
    return LocalEngine(LocalOptions(model=str(base), adapter=adapter, device="cpu", **options))


def texts(engine: LocalEngine) -> list[str]:
    return [reply.text for reply in engine.generate(mixed())]


def alone(base: Path, adapter: str) -> list[str]:
    """What an engine says that shares with nobody."""
    assert not held()
    return texts(engine(base, adapter))


def held() -> int:
    """Base models in memory."""
    gc.collect()
    return len(bases._shared)


def weights_of(engine: LocalEngine) -> dict[str, torch.Tensor]:
    """The base's own parameters by address."""
    named = engine._base.model.named_parameters()
    return {str(weights.data_ptr()): weights for name, weights in named if "lora_" not in name}


def megabytes(engines: Sequence[LocalEngine]) -> int:
    different = {address: weights for one in engines for address, weights in weights_of(one).items()}
    return sum(weights.nbytes for weights in different.values())


def test_each_answers_as_if_alone_and_the_weights_are_there_once(base: Path, adapters: list[str]) -> None:
    one, two, _ = adapters
    expected = {adapter: alone(base, adapter) for adapter in ("", one, two)}
    assert len({tuple(said) for said in expected.values()}) == 3
    engines = {adapter: engine(base, adapter) for adapter in (one, two, "")}
    # In every order, and each again after the others.
    for adapter in (one, two, "", two, one, "", one):
        assert texts(engines[adapter]) == expected[adapter]
    assert held() == 1
    assert megabytes([*engines.values()]) == megabytes([engines[one]])
    pointers = [set(weights_of(engine)) for engine in engines.values()]
    assert pointers[0] == pointers[1] == pointers[2]


def test_an_adapter_added_later_changes_nothing_for_those_before(base: Path, adapters: list[str]) -> None:
    plain = engine(base)
    before = texts(plain)
    first = engine(base, adapters[0])
    said = texts(first)
    engine(base, adapters[1]).load()
    assert texts(first) == said
    assert texts(plain) == before


def test_an_adapter_that_fails_leaves_the_others_alone(base: Path, adapters: list[str], tmp_path: Path) -> None:
    plain, good = engine(base), engine(base, adapters[0])
    expected = texts(plain), texts(good)
    for number, targets in enumerate((["no_such_layer"], ["q_proj", "k_proj", "v_proj"])):
        bad = tiny_lora(base, tmp_path / str(number), seed=number, target_modules=["q_proj"])
        config = bad / "adapter_config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), "target_modules": targets}))
        for _ in range(2):
            with pytest.raises(ConfigError, match="does not fit the model"):
                engine(base, str(bad)).load()
        assert (texts(plain), texts(good)) == expected


@pytest.mark.filterwarnings("ignore:Careful, disabling adapter layers:UserWarning")
def test_an_adapter_that_brings_biases_has_a_model_of_its_own(base: Path, adapters: list[str]) -> None:
    expected = alone(base, adapters[0])
    biased, plain = engine(base, adapters[2]), engine(base, adapters[0])
    assert texts(biased) != texts(plain) == expected
    assert held() == 2
    assert not set(weights_of(biased)) & set(weights_of(plain))


@pytest.mark.parametrize("options", [{"dtype": "bfloat16"}])
def test_what_needs_other_weights_is_not_shared(base: Path, options: dict[str, Any]) -> None:
    first, second = engine(base), engine(base, **options)
    first.load()
    second.load()
    assert held() == 2


def test_the_weights_go_with_the_last_engine(base: Path, adapters: list[str]) -> None:
    first, second = engine(base, adapters[0], batch=1), engine(base, adapters[1], batch=4, max_pixels=56 * 56)
    first.load()
    second.load()
    assert held() == 1
    del first
    assert held() == 1
    del second
    assert held() == 0
