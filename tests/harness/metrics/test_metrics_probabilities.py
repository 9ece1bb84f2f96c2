from __future__ import annotations

import numpy as np
import pytest

from harness.metrics.outcomes import Outcomes
from harness.metrics.probabilities import probabilities
from harness.metrics.thresholds import calibration_users

USERS = [f"u{i:02d}" for i in range(40)]


def asked(p_a: np.ndarray, gold: np.ndarray, user: np.ndarray) -> Outcomes:
    n = len(p_a)
    winner = np.where(p_a >= 0.5, 0, 1).astype(np.int8)
    codes = np.arange(n)
    none = np.full(n, np.nan)
    return Outcomes(
        gold=gold.astype(np.int8),
        winner=winner,
        user=user.astype(np.int32),
        group=codes.astype(np.int32),
        pair=codes.astype(np.int32),
        item=codes.astype("V16"),
        order=np.zeros(n, dtype=np.int8),
        score_a=none,
        score_b=none,
        p_a=p_a,
        weight=np.ones(n),
    )


def test_an_overconfident_judge_that_favours_the_first_image_is_set_right_on_other_users() -> None:
    rng = np.random.default_rng(0)
    n = 8000
    user = rng.integers(0, 40, n)
    true = rng.normal(0, 1, n)
    gold = np.where(rng.random(n) < 1 / (1 + np.exp(-true)), 0, 1)
    told = 1 / (1 + np.exp(-(3 * true + 1)))
    found = probabilities(asked(told, gold, user), USERS)
    assert found is not None
    fitting = calibration_users(USERS)
    assert fitting is not None
    assert found.answers == int((~fitting[user]).sum())
    assert found.fit.slope == pytest.approx(1 / 3, abs=0.05)
    assert found.fit.bias == pytest.approx(-1 / 3, abs=0.2)
    assert found.fitted_brier < found.brier - 0.02
    assert found.fitted_ece < 0.03 < found.ece


def test_a_tie_is_worth_one_half() -> None:
    n = 400
    user = np.arange(n) % 40
    found = probabilities(asked(np.full(n, 0.5), np.full(n, 2), user), USERS)
    assert found is not None
    assert (found.brier, found.ece) == (0, 0)


@pytest.mark.parametrize("case", ["no probabilities", "few users", "unknown users"])
def test_nothing_is_said_where_nothing_can_be(case: str) -> None:
    n = 200
    p = np.full(n, np.nan if case == "no probabilities" else 0.6)
    users = {"few users": USERS[:19], "unknown users": []}.get(case, USERS)
    assert probabilities(asked(p, np.zeros(n), np.arange(n) % 19), users) is None
