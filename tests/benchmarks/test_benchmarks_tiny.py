"""The tables of docs/pigreward_tiny.md, and what the published runs of the small PIGReward must show."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.tiny import BLIND, MEASURE, Runs, read, report
from harness.metrics import compare, count

ROOT = Path(__file__).resolve().parents[2]
K = 8
TINY, TOLD = "pigreward-tiny", "pigreward-told"


@pytest.fixture(scope="module")
def runs() -> Runs:
    (folder,) = (ROOT / "results").glob("simulated-flat-*")
    return read(folder)


def test_the_page_shows_these_tables(runs: Runs) -> None:
    page = (ROOT / "docs" / "pigreward_tiny.md").read_text(encoding="utf-8")
    rows = [line for line in report(runs).splitlines() if line.startswith("| ")]
    assert len(rows) > 30
    assert [row for row in rows if row not in page] == []


@pytest.mark.parametrize(("judge", "least"), [(TINY, 0.75), (TOLD, 0.80)])
def test_it_learned(runs: Runs, judge: str, least: float) -> None:
    """The aims set before training: 75 % with its own rationales, 80 % with true ones."""
    counts = count(runs[judge, K, "own"])
    assert counts.decisive >= 1000
    assert MEASURE.value(counts) >= least


def test_it_reads_the_users_own_references(runs: Runs) -> None:
    test = compare(runs[TINY, K, "own"], runs[TINY, K, "other"], MEASURE)
    assert test.difference >= 0.15
    assert test.interval.low > 0


@pytest.mark.parametrize("whose", ["other", "none"])
def test_without_them_it_is_not_above_the_user_blind_ceiling(runs: Runs, whose: str) -> None:
    """The estimates; with sixty sets the interval of another user's references reaches some points further up."""
    test = compare(runs[TINY, K, whose], runs[BLIND, K, "own"], MEASURE)
    assert test.difference <= 0
    assert test.interval.low < 0
