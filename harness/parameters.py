"""Checks of the parameters judges are made with, so that a wrong one stops the run before anything is loaded."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from harness.errors import ConfigError


def whole(name: str, value: object, low: int, high: int | None = None) -> int:
    """`value` when it is an int in [low, high]; else a `ConfigError` naming the parameter, the value and the range."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        limit = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ConfigError(f"parameter {name} is {value!r}; expected a whole number {limit}")
    return value


def number(name: str, value: object, low: float, high: float) -> float:
    """`value` as a float when it is a finite int or float in [low, high]; else a `ConfigError`, as for `whole`."""
    # NaN fails every comparison and infinity any finite limit.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ConfigError(f"parameter {name} is {value!r}; expected a number from {low:g} to {high:g}")
    return float(value)


def one_of(name: str, value: object, known: Collection[str]) -> str:
    """`value` when it is one of the known words; else a `ConfigError` that lists them."""
    if not isinstance(value, str) or value not in known:
        raise ConfigError(f"parameter {name} is {value!r}; expected one of {', '.join(known)}")
    return value


C = TypeVar("C", bound=type)


def takes(options: type) -> Callable[[C], C]:
    """A class decorator: the constructor's `**options` are the fields of a dataclass, each with its default, or what
    another class takes.

    Only the signature that is shown and checked changes: `pigeval judges NAME` lists the fields, and a wrong name is
    refused before anything is loaded.
    """

    def decorate(cls: C) -> C:
        own = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
        named = [p for p in own if p.kind is p.KEYWORD_ONLY]
        cls.__signature__ = inspect.Signature([*named, *_listed(options)])  # type: ignore[attr-defined]
        return cls

    return decorate


def _listed(options: type) -> list[inspect.Parameter]:
    """As keyword-only parameters; a field without a default stays required."""
    if not is_dataclass(options):
        return list(inspect.signature(options).parameters.values())
    return [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=_default(f), annotation=f.type)
        for f in fields(options)
    ]


def _default(field: Any) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is MISSING else field.default
