"""The parity benchmark: what counts as equal, and what every case brings along."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from benchmarks.parity.__main__ import HERE, cases, compared, main


def side(*scores: float, images: str = "one", tolerance: float = 1e-5) -> dict[str, Any]:
    return {"images": images, "scores": [list(scores)], "tolerance": tolerance}


def test_the_tolerance_is_relative_above_one_and_absolute_below() -> None:
    outcome = compared("case", side(0.5, 20.0), side(0.5 + 0.9e-5, 20.0 - 1.8e-4))
    assert outcome.within
    assert outcome.difference == pytest.approx(1.8e-4)
    assert outcome.relative == pytest.approx(0.9e-5)
    assert not compared("case", side(0.5), side(0.5 + 1.1e-5)).within
    assert compared("case", side(0.5), side(0.5 + 1.1e-5, tolerance=1e-4)).within


def test_what_is_no_number_is_not_equal() -> None:
    assert not compared("case", side(1.0, 2.0), side(1.0, math.nan)).within


@pytest.mark.parametrize("ours", [side(1.0, 2.0), side(1.0, images="other")])
def test_sides_that_scored_different_things_are_not_compared(ours: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the sides scored different things"):
        compared("case", side(1.0), ours)


@pytest.mark.parametrize("name", cases())
def test_every_case_has_both_sides_and_exact_pins(name: str) -> None:
    assert (HERE / name / "ours.py").is_file()
    lines = (HERE / name / "requirements.txt").read_text().split("\n")
    assert all(re.fullmatch(r"[\w.-]+(\[[\w,]+\])?==[\w.]+", line) for line in lines if line and line[0] != "#")


def test_an_unknown_case_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["no-such-case"])
    assert "no case no-such-case; there are" in capsys.readouterr().err
    assert {"pickscore", "hpsv2", "laion_aesthetics"} <= set(cases())
