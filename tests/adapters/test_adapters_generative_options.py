from __future__ import annotations

import inspect
from typing import Any

import pytest

from adapters.engines.endpoint import Endpoint
from adapters.engines.options import EndpointOptions
from adapters.generative import options as module
from adapters.generative.options import decoding_of, engine_of, libraries_of, model_options
from harness.errors import ConfigError
from harness.parameters import takes

OPTIONS = model_options(model="owner/name", max_tokens=512)


def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The options local engines are asked for with."""
    asked: list[Any] = []
    monkeypatch.setattr(module, "shared_engine", asked.append)
    return asked


def test_without_an_address_the_model_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = opened(monkeypatch)
    engine_of(OPTIONS(dtype="float32", max_pixels=4096))
    (local,) = asked
    assert (local.model, local.dtype, local.max_pixels, local.batch) == ("owner/name", "float32", 4096, 8)


def test_with_an_address_it_is_asked_there() -> None:
    engine = engine_of(OPTIONS(model="served", base_url="http://127.0.0.1:1/v1", server="vllm", budget_tokens=9))
    assert isinstance(engine, Endpoint)
    assert isinstance(engine.options, EndpointOptions)
    assert (engine.options.model, engine.options.server, engine.options.budget_tokens) == ("served", "vllm", 9)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"server": "vllm"}, "parameter server is for a model behind an endpoint: give base_url"),
        ({"batch": 2, "base_url": "http://h/v1"}, "parameter batch is for a model in this process, without base_url"),
        ({"model": ""}, "parameter model is empty"),
        ({"base_url": "ftp://h"}, "expected an address such as"),
        ({"dtype": "int8"}, "parameter dtype is 'int8'"),
    ],
)
def test_options_that_would_have_no_effect_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        engine_of(OPTIONS(**given))


def test_what_a_judge_sets_itself_is_not_taken_for_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    opened(monkeypatch)
    engine_of(model_options(model="owner/name", image_format="jpeg", server="vllm")())


def test_decoding() -> None:
    decoding = decoding_of(OPTIONS(temperature=0.7, seed=3), ("1", "2"))
    assert (decoding.temperature, decoding.max_tokens, decoding.seed) == (0.7, 512, 3)
    assert decoding.options == ("1", "2")
    for name, value in {"temperature": -1, "top_p": 0, "max_tokens": 0, "seed": 1.5, "repetition_penalty": 0}.items():
        with pytest.raises(ConfigError, match=f"parameter {name} is"):
            decoding_of(OPTIONS(**{name: value}))


def test_libraries_are_those_that_can_change_a_reply() -> None:
    assert "torch" in libraries_of(OPTIONS())
    assert libraries_of(OPTIONS(base_url="http://h/v1")) == ("pillow",)


def test_a_judge_lists_every_option_once_with_its_own_default() -> None:
    @takes(OPTIONS)
    class Judge:
        def __init__(self, *, kind: str = "pair", **given: Any) -> None: ...

    listed = inspect.signature(Judge).parameters
    assert list(listed)[:3] == ["kind", "model", "base_url"]
    assert (listed["max_tokens"].default, listed["temperature"].default, listed["extra"].default) == (512, 0.0, {})
    assert listed["model"].annotation == "str"


def test_without_a_default_model_one_must_be_named() -> None:
    with pytest.raises(TypeError, match="model"):
        model_options()()
