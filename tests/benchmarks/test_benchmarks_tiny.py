"""The tables of docs/pigreward_tiny.md, and what the published runs of the small PIGReward must show."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.tiny import BLIND, MEASURE, Runs, read, report
from harness.metrics import compare, count

ROOT = Path(__file__).resolve().parents[2]
K = 8
SEEDS = ("", ":weights=work/tiny-1/export/judge", ":weights=work/tiny-2/export/judge")
"""The one in the package is seed 0."""
TINY, TOLD = ([name + seed for seed in SEEDS] for name in ("pigreward-tiny", "pigreward-told"))


@pytest.fixture(scope="module")
def runs() -> Runs:
    (folder,) = (ROOT / "results").glob("simulated-flat-*")
    return read(folder)


def test_the_page_shows_these_tables(runs: Runs) -> None:
    page = (ROOT / "docs" / "pigreward_tiny.md").read_text(encoding="utf-8")
    rows = [line for line in report(runs).splitlines() if line.startswith("| ")]
    assert len(rows) > 30
    assert [row for row in rows if row not in page] == []


@pytest.mark.parametrize(("judge", "least"), [*((one, 0.75) for one in TINY), *((one, 0.80) for one in TOLD)])
def test_it_learned(runs: Runs, judge: str, least: float) -> None:
    """The aims set before training: 75 % with its own rationales, 80 % with true ones."""
    counts = count(runs[judge, K, "own"])
    assert counts.decisive >= 1000
    assert MEASURE.value(counts) >= least


@pytest.mark.parametrize("judge", TINY)
def test_it_reads_the_users_own_references(runs: Runs, judge: str) -> None:
    test = compare(runs[judge, K, "own"], runs[judge, K, "other"], MEASURE)
    assert test.difference >= 0.15
    assert test.interval.low > 0


@pytest.mark.parametrize("judge", TINY)
@pytest.mark.parametrize("whose", ["other", "none"])
def test_without_them_it_is_not_above_the_user_blind_ceiling(runs: Runs, judge: str, whose: str) -> None:
    """The whole interval of the difference, but for three points."""
    assert compare(runs[judge, K, whose], runs[BLIND, K, "own"], MEASURE).interval.high <= 0.03
