from __future__ import annotations

import inspect
import tomllib
from pathlib import Path

import pytest

import adapters
from harness.judge import Hints
from harness.registry import Entry, read_catalogue
from tests.adapters.asking import answer, liked, noise, question

ROOT = Path(__file__).parents[2]
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
ENTRIES = {entry.name: entry for entry in read_catalogue(Path(adapters.__path__[0]) / "catalogue.toml", "here")}
WEIGHT_FREE = [
    "random", "first", "always-tie", "colorfulness", "sharpness", "brightness", "contrast", "nearest", "taste",
]  # fmt: skip


def test_lists_the_judges_that_need_no_weights() -> None:
    assert set(WEIGHT_FREE) <= set(ENTRIES)
    assert [name for name, entry in ENTRIES.items() if entry.kind == "control"] == ["random", "first", "always-tie"]


@pytest.mark.parametrize("entry", [ENTRIES[name] for name in WEIGHT_FREE], ids=WEIGHT_FREE)
def test_a_table_tells_the_truth_about_its_class(entry: Entry) -> None:
    cls = entry.load()
    defaults = {name: p.default for name, p in inspect.signature(cls).parameters.items()}
    assert entry.parameters == defaults
    assert entry.references == Hints.of(cls).reads_references
    assert entry.title
    assert entry.summary.endswith(".")
    assert "\n" not in entry.summary


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_every_table_fits_its_class_and_says_where_it_is_from(entry: Entry) -> None:
    """What the table lists is what the class takes; variants may set some of it."""
    taken = {name: p.default for name, p in inspect.signature(entry.load()).parameters.items()}
    assert set(entry.preset) <= set(taken)
    if entry.parameters is not None:
        assert set(entry.parameters) == set(taken)
    assert entry.title
    assert entry.summary.endswith(".")
    assert "\n" not in entry.summary
    assert entry.licence
    assert set(entry.extras) <= EXTRAS
    if entry.extras:
        assert entry.source
    if entry.weights:
        assert entry.size


@pytest.mark.parametrize("entry", [ENTRIES[name] for name in WEIGHT_FREE], ids=WEIGHT_FREE)
def test_a_judge_made_from_its_table_answers(entry: Entry) -> None:
    verdict = answer(entry.create({}), question(noise(1), noise(2), liked(noise(3), noise(4))))
    assert verdict.winner in {"A", "B", "tie"}
