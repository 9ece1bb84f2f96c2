"""What the published runs show, and that the published page is made from them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.log import Run, find_runs
from harness.metrics import MEASURES, combine_orders, compare, count, interval
from harness.views import outcomes_of
from leaderboard.board import build
from leaderboard.write import write

RESULTS = Path(__file__).resolve().parent.parent / "results"
HALF = MEASURES["decisive_half_acc"]


@pytest.fixture(scope="module")
def runs() -> dict[tuple[str, str], Run]:
    """Published runs on `simulated` by judge and whose references."""
    found = find_runs(RESULTS / "simulated-1")
    return {(run.info["judge"]["name"], run.info["protocol"]["references"]): run for run in found}


def accuracy(run: Run) -> float:
    return HALF.value(count(combine_orders(outcomes_of(run))))


def test_the_page_is_made_from_the_runs(tmp_path: Path) -> None:
    for path in write(build(find_runs(RESULTS)), tmp_path):
        assert path.read_bytes() == (RESULTS / path.name).read_bytes()


def test_taste_beats_the_user_blind_ceiling(runs: dict[tuple[str, str], Run]) -> None:
    test = compare(outcomes_of(runs["taste", "own"]), outcomes_of(runs["blind-ceiling", "own"]), HALF)
    assert test.interval.low is not None
    assert test.interval.low > 0


def test_taste_closes_half_of_the_gap_to_the_ceiling_with_these_references(runs: dict[tuple[str, str], Run]) -> None:
    blind, taste, best = (accuracy(runs[name, "own"]) for name in ("blind-ceiling", "taste", "reference-ceiling"))
    assert (taste - blind) / (best - blind) >= 0.5


def test_with_another_users_references_taste_does_not_exceed_the_blind_ceiling(
    runs: dict[tuple[str, str], Run],
) -> None:
    test = compare(outcomes_of(runs["taste", "other"]), outcomes_of(runs["blind-ceiling", "own"]), HALF)
    assert test.interval.low is not None
    assert test.interval.low <= 0


@pytest.mark.parametrize("name", ["random", "first", "always-tie"])
def test_controls_are_at_one_half(runs: dict[tuple[str, str], Run], name: str) -> None:
    shown = interval(outcomes_of(runs[name, "own"]), HALF)
    assert not math.isnan(shown.low)
    assert shown.low <= 0.5 <= shown.high


def test_the_ceilings_stand_in_order(runs: dict[tuple[str, str], Run]) -> None:
    order = ("blind-ceiling", "reference-ceiling", "taste-ceiling")
    values = [accuracy(runs[name, "own"]) for name in order]
    assert values == sorted(values)
