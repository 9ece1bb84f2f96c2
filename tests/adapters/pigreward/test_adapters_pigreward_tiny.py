"""The small PIGReward that comes with the package: what it is, and that it learned."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from adapters.pigreward.judge import SHIPPED, read_card
from harness.metrics import MEASURES
from pigeval import evaluate
from pigeval.api import Report

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")

WORLD = "simulated-flat:users=60,split=test,noise_free=true"
MEASURE = MEASURES["decisive_half_acc"].name
PARTS = ("base", "reasoner", "reward")


def header(part: str) -> dict[str, Any]:
    """Names, types and shapes of a part's weights."""
    with (SHIPPED / part / "model.safetensors").open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        found: dict[str, Any] = json.loads(file.read(size))
    return {name: of for name, of in found.items() if name != "__metadata__"}


def test_it_is_small_and_safe() -> None:
    files = [path for path in SHIPPED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 20e6
    assert {path.suffix for path in files} <= {".json", ".jinja", ".safetensors", ".txt", ".md"}
    weights = 0
    for part in PARTS:
        for of in header(part).values():
            size = 1
            for length in of["shape"]:
                size *= length
            weights += size
    assert weights <= 4_000_000


def test_its_card_tells_how_it_was_made() -> None:
    card = read_card(SHIPPED)
    assert card["preset"] == "tiny"
    assert card["gate"]["decision"] == "promoted"
    assert card["gate"]["after"]["share"] > card["gate"]["before"]["share"]
    assert not any(word in json.dumps(card) for word in ("/home", "/root", "/tmp"))
    parts = card["stages"]["split"]["facts"]
    assert len({parts[part]["digest"] for part in ("reasoner", "reward", "evaluation")}) == 3


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return judged(tmp_path_factory.mktemp("own"), "own")


def judged(out: Path, references: str) -> Report:
    return evaluate("pigreward-tiny:device=cpu", WORLD, out=out, k=8, targets=1, limit=128, references=references)


def test_it_judges_for_users_of_a_taste_it_never_saw(own: Report) -> None:
    """Of 128 pairs one standard error is some 4 points; the published runs are larger."""
    assert own.measures[MEASURE] > 0.75
    assert own.counts.missing + own.counts.missing_on_tie == 0


def test_it_needs_the_users_own_references(own: Report, tmp_path: Path) -> None:
    assert own.measures[MEASURE] - judged(tmp_path, "other").measures[MEASURE] > 0.15


def test_it_says_why(own: Report) -> None:
    row = own.table.iloc[0]
    assert len(row["dimensions"]) == 3
    assert row["raw"].count("Score 1: ") == 4
