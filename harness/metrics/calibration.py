"""Probabilities that mean what they say: a temperature and a bias fitted to what people preferred.

A judge with a position bias gives the first image too much whatever it shows; one that is too sure puts every answer
near 0 or 1. Both are a line in log-odds: logit p' = bias + logit p / temperature (Platt 1999; Guo et al. 2017 without
the bias). Fit on one part of the users, apply to the rest: see `calibration_users`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CLIP = 1e-6
"""Probabilities nearer to 0 or 1 count as this near: a server that lists no alternative reports exactly 1."""

RIDGE = 1e-3
"""Weight of a penalty on leaving temperature 1 and bias 0, per fit: separable data would have no finite optimum."""

STEPS, PRECISION = 100, 1e-10
BINS = 10


@dataclass(frozen=True, slots=True)
class ProbabilityFit:
    """logit p' = bias + slope · logit p; the identity where nothing was fitted."""

    slope: float = 1.0
    """1 / temperature; at least 0, so that calibration never turns answers round."""
    bias: float = 0.0
    """Log-odds added to A's; negative where the judge favours the first image."""
    n: int = 0
    """Answers it was fitted on."""

    @property
    def temperature(self) -> float:
        """Above 1 for a judge that is too sure; infinite for one whose probabilities say nothing."""
        return 1 / self.slope if self.slope else math.inf

    def __call__(self, p_a: Floats) -> Floats:
        """Calibrated probabilities, shape (n,); NaN stays NaN."""
        return _sigmoid(self.bias + self.slope * _logit(p_a))


def fit_probabilities(p_a: Floats, target: Floats, weight: Floats | None = None) -> ProbabilityFit:
    """The temperature and bias of least log loss, by Newton's method.

    Args:
        p_a: (n,) probability that A is preferred; entries that are NaN take no part.
        target: (n,) 1 where people preferred A, 0 where B, 0.5 for a tie.
        weight: (n,) of each answer; None: all alike.
    """
    known = ~np.isnan(p_a) & ~np.isnan(target)
    x, y = _logit(p_a[known]), target[known]
    w = np.ones(len(x)) if weight is None else weight[known]
    if not len(x) or not w.sum():
        return ProbabilityFit()
    both = _newton(np.stack([x, np.ones(len(x))], axis=1), y, w)
    if both[0] < 0:
        alone = _newton(np.ones((len(x), 1)), y, w)
        both = np.array([0.0, alone[0]])
    return ProbabilityFit(float(both[0]), float(both[1]), len(x))


def _newton(design: Floats, y: Floats, w: Floats) -> Floats:
    """Coefficients of a logistic regression with a ridge around slope 1 and bias 0."""
    rest = np.array([1.0, 0.0]) if design.shape[1] == 2 else np.zeros(1)
    beta = rest.copy()
    loss = _penalised(design, y, w, beta, rest)
    for _ in range(STEPS):
        p = _sigmoid(design @ beta)
        gradient = design.T @ (w * (p - y)) + RIDGE * (beta - rest)
        hessian = (design * (w * p * (1 - p))[:, None]).T @ design + RIDGE * np.eye(len(beta))
        step = np.linalg.solve(hessian, gradient)
        # The loss is convex, but a full step may overshoot where it is nearly flat.
        while (new := _penalised(design, y, w, beta - step, rest)) > loss and np.abs(step).max() > PRECISION:
            step /= 2
        beta, loss = beta - step, new
        if np.abs(step).max() <= PRECISION:
            break
    return beta


def _penalised(design: Floats, y: Floats, w: Floats, beta: Floats, rest: Floats) -> float:
    z = design @ beta
    return float((w * (np.logaddexp(0, z) - y * z)).sum() + RIDGE / 2 * np.square(beta - rest).sum())


def brier(p_a: Floats, target: Floats) -> float:
    """Mean squared distance of probability and target, over entries where both are known; NaN when there are none.

    0 is perfect, 0.25 what a constant 0.5 has where there are no ties (Brier 1950, in its form for two outcomes).
    """
    known = ~np.isnan(p_a) & ~np.isnan(target)
    return float(np.square(p_a[known] - target[known]).mean()) if known.any() else math.nan


def ece(p_a: Floats, target: Floats, bins: int = BINS) -> float:
    """Expected calibration error: mean gap of probability and frequency over bins of equal width, weighted by size.

    Of the probability of A, so that a preference for a side shows (Naeini et al. 2015). NaN when nothing is known.
    """
    known = ~np.isnan(p_a) & ~np.isnan(target)
    if not known.any():
        return math.nan
    p, y = p_a[known], target[known]
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(place, weights=p - y, minlength=bins)
    return float(np.abs(gaps).sum() / len(p))


def _logit(p: Floats) -> Floats:
    p = np.clip(p, CLIP, 1 - CLIP)
    return np.asarray(np.log(p) - np.log1p(-p))


def _sigmoid(z: Floats) -> Floats:
    # tanh neither overflows nor loses NaN.
    return np.asarray((1 + np.tanh(z / 2)) / 2)
