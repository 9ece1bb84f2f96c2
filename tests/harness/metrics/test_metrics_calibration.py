from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.metrics.calibration import ProbabilityFit, brier, ece, fit_probabilities

Floats = NDArray[np.float64]


def world(slope: float, bias: float, n: int = 20_000, seed: int = 0) -> tuple[Floats, Floats]:
    """Probabilities a judge gives, and outcomes whose log-odds are `bias + slope · logit p`."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 2, n)
    wins = rng.random(n) < 1 / (1 + np.exp(-(bias + slope * z)))
    return 1 / (1 + np.exp(-z)), wins.astype(np.float64)


@pytest.mark.parametrize(("slope", "bias"), [(1.0, 0.0), (0.4, -0.8), (2.0, 1.5), (0.0, 0.7)])
def test_finds_the_line_the_outcomes_were_drawn_from(slope: float, bias: float) -> None:
    p, wins = world(slope, bias)
    fit = fit_probabilities(p, wins)
    assert fit.slope == pytest.approx(slope, abs=0.06)
    assert fit.bias == pytest.approx(bias, abs=0.06)
    assert fit.n == len(p)


def test_a_sure_judge_with_a_position_bias_is_put_right() -> None:
    p, wins = world(0.5, -1.0)
    train, test = slice(0, None, 2), slice(1, None, 2)
    calibrated = fit_probabilities(p[train], wins[train])(p[test])
    assert ece(p[test], wins[test]) > 0.15
    assert ece(calibrated, wins[test]) < 0.02
    assert brier(calibrated, wins[test]) < brier(p[test], wins[test]) - 0.03


def test_by_hand() -> None:
    p, target = np.array([0.9, 0.6, 0.2, np.nan]), np.array([1.0, 0.0, 0.5, 1.0])
    assert brier(p, target) == pytest.approx((0.01 + 0.36 + 0.09) / 3)
    # Bins 9, 6 and 2 hold one answer each.
    assert ece(p, target) == pytest.approx((0.1 + 0.6 + 0.3) / 3)
    assert ece(p, target, bins=1) == pytest.approx(abs(1.7 - 1.5) / 3)
    assert math.isnan(brier(p[3:], target[3:]))
    assert math.isnan(ece(p[3:], target[3:]))


def test_constant_probabilities_give_the_frequency() -> None:
    """With 0.5 throughout only the bias is left: logit 3/4 = ln 3."""
    fit = fit_probabilities(np.full(4000, 0.5), np.array([1.0, 1.0, 1.0, 0.0] * 1000))
    assert fit.bias == pytest.approx(math.log(3), abs=1e-3)
    assert fit(np.array([0.5]))[0] == pytest.approx(0.75, abs=1e-3)


def test_answers_are_never_turned_round() -> None:
    p, wins = world(-1.0, 0.3)
    fit = fit_probabilities(p, wins)
    assert fit.slope == 0.0
    assert math.isinf(fit.temperature)
    assert np.ptp(fit(p)) == 0.0


def test_separable_data_and_certain_answers_stay_finite() -> None:
    fit = fit_probabilities(np.array([0.0, 0.1, 0.9, 1.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    assert math.isfinite(fit.slope)
    calibrated = fit(np.array([0.0, 1.0, np.nan]))
    assert 0.0 <= calibrated[0] < 0.01
    assert 0.99 < calibrated[1] <= 1.0
    assert math.isnan(calibrated[2])


def test_nothing_to_fit_is_the_identity() -> None:
    fit = fit_probabilities(np.array([np.nan]), np.array([1.0]))
    assert fit == ProbabilityFit()
    assert fit(np.array([0.3]))[0] == pytest.approx(0.3)


def test_weights_count_as_repetitions() -> None:
    p, target = np.array([0.7, 0.4, 0.6, 0.2]), np.array([1.0, 0.0, 0.0, 1.0])
    weighted = fit_probabilities(p, target, np.array([3.0, 1.0, 1.0, 2.0]))
    repeated = fit_probabilities(np.repeat(p, [3, 1, 1, 2]), np.repeat(target, [3, 1, 1, 2]))
    assert (weighted.slope, weighted.bias) == pytest.approx((repeated.slope, repeated.bias))


def test_order_does_not_matter() -> None:
    p, wins = world(0.7, 0.2, n=500)
    backwards = fit_probabilities(p[::-1], wins[::-1])
    assert backwards.slope == pytest.approx(fit_probabilities(p, wins).slope, rel=1e-9)
