"""Everything a user may say about the model behind a generative judge, and the engine and decoding made from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields, make_dataclass
from typing import Any

from adapters.engines.endpoint import Endpoint
from adapters.engines.local import LIBRARIES, LocalOptions, shared_engine
from adapters.engines.options import EndpointOptions
from harness.errors import ConfigError
from harness.generation import Decoding, Engine
from harness.parameters import number, whole

CONTEXT = 1 << 20
"""More tokens than any model writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingOptions:
    """How the next token is chosen; see `harness.generation.Decoding`."""

    temperature: float = 0.0
    """0: greedy, whatever the checkpoint's own generation config says."""
    top_p: float = 1.0
    max_tokens: int = 2048
    """New tokens at most; an answer that is cut off is none."""
    seed: int = 0
    repetition_penalty: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the model runs."""

    model: str
    """In this process: hub id `owner/name`, `owner/name@revision` or a folder. Behind an endpoint: its name there."""
    base_url: str = ""
    """Address of an OpenAI-compatible server, such as `http://127.0.0.1:8000/v1`; empty: the model runs in process."""


def _declared() -> dict[str, Field[Any]]:
    """Every option by name, as the first of the classes that has it declares it."""
    found: dict[str, Field[Any]] = {}
    for kind in (_Place, DecodingOptions, LocalOptions, EndpointOptions):
        for f in fields(kind):
            found.setdefault(f.name, f)
    return found


DECLARED = _declared()
"""No part of a run's identity under these names: engine and decoding say what of them can change a reply."""


def model_options(**defaults: Any) -> type[Any]:
    """A dataclass with every option, for `harness.parameters.takes`; `defaults` are a judge's own.

    An option without a default, `model`, must be given.
    """
    listed = [(f.name, f.type, _default(f, defaults)) for f in DECLARED.values()]
    return make_dataclass("ModelOptions", listed, frozen=True, kw_only=True)


def _default(declared: Field[Any], defaults: dict[str, Any]) -> Any:
    if declared.name in defaults:
        return field(default=defaults[declared.name])
    if declared.default_factory is not MISSING:
        return field(default_factory=declared.default_factory)
    return field(default=declared.default)


def engine_of(options: Any) -> Engine:
    """The engine that `model_options` describe: behind `base_url` where one is given, else in this process.

    Raises `ConfigError` for a value out of range, and for an option of the engine that is not used.
    """
    used, other = (EndpointOptions, LocalOptions) if options.base_url else (LocalOptions, EndpointOptions)
    for name in _given(options, other):
        if name not in {f.name for f in fields(used)}:
            where = "in this process, without base_url" if options.base_url else "behind an endpoint: give base_url"
            raise ConfigError(f"parameter {name} is for a model {where}")
    values = {f.name: getattr(options, f.name) for f in fields(used)}
    return Endpoint(EndpointOptions(**values)) if options.base_url else shared_engine(LocalOptions(**values))


def _given(options: Any, kind: type[Any]) -> Iterator[str]:
    """The options of a kind of engine that are not at their defaults."""
    for name in sorted({f.name for f in fields(kind)} - {"model", "base_url"}):
        usual = {f.name: f for f in fields(options)}[name]
        default = usual.default_factory() if usual.default_factory is not MISSING else usual.default
        if getattr(options, name) != default:
            yield name


def decoding_of(options: Any, words: tuple[str, ...] = ()) -> Decoding:
    """The decoding that `model_options` describe; `words` as `Decoding.options`. Raises `ConfigError`."""
    return Decoding(
        temperature=number("temperature", options.temperature, 0, 10),
        top_p=number("top_p", options.top_p, 1e-6, 1),
        max_tokens=whole("max_tokens", options.max_tokens, 1, CONTEXT),
        repetition_penalty=number("repetition_penalty", options.repetition_penalty, 0.1, 10),
        seed=whole("seed", options.seed, 0),
        options=words,
    )


def libraries_of(options: Any) -> tuple[str, ...]:
    """Distributions whose versions can change a reply: an endpoint's model does not run on ours."""
    return ("pillow",) if options.base_url else LIBRARIES
