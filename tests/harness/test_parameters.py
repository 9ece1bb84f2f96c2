from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ConfigError
from harness.parameters import takes
from harness.registry import Entry, registries


@dataclass(frozen=True)
class Options:
    model: str
    batch: int = 8
    extra: dict[str, Any] = field(default_factory=dict)


@takes(Options)
class Takes:
    """A judge whose options are declared elsewhere."""

    def __init__(self, *, own: float = 0.5, **options: Any) -> None:
        self.own = own
        self.options = Options(**options)

    def compare(self, comparisons: Any) -> list[Any]:
        return []


ENTRY = Entry("takes", f"{__name__}:Takes", "here")


def test_options_of_a_dataclass_are_parameters_of_the_judge() -> None:
    judge = ENTRY.create({"model": "m", "own": 2, "batch": 3})
    assert (judge.own, judge.options) == (2, Options("m", 3))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "m", "bacth": 3}, "did you mean batch"),
        ({}, "takes needs model"),
        ({"model": 7}, "expected text"),
    ],
)
def test_wrong_options_are_refused_by_name(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ENTRY.create(given)


def test_a_plugin_may_use_it(tmp_path: Path) -> None:
    plugin = tmp_path / "p.py"
    plugin.write_text(
        "from dataclasses import dataclass\n"
        "from harness.parameters import takes\n"
        "@dataclass\nclass O:\n    size: int = 4\n"
        "@takes(O)\nclass Mine:\n    def __init__(self, **options): self.options = O(**options)\n"
        "    def compare(self, comparisons): return []\n"
    )
    judges, _ = registries([plugin])
    assert judges.create("mine:size=5")[2].options.size == 5


def test_a_class_may_take_what_another_class_takes() -> None:
    class First:
        def __init__(self, *, a: int = 1) -> None: ...

    @takes(First)
    class Second:
        def __init__(self, *, b: int, **given: int) -> None: ...

    assert {name: p.default for name, p in inspect.signature(Second).parameters.items()} == {
        "b": inspect.Parameter.empty,
        "a": 1,
    }
