"""The probability that one image is preferred, from two uncertain scores."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

Z = np.linspace(-8.5, 8.5, 1701)
"""Points of the rule below, in standard deviations."""

WEIGHTS = np.exp(-np.square(Z) / 2)
WEIGHTS /= WEIGHTS.sum()

WIDEST = 1e6
"""Spread beyond which the probability no longer moves."""


def preferred(gap: float, spread: float) -> float:
    """E[sigmoid(X)] for normal X: the chance that A wins when its score leads by X.

    It is what the official training maximises with 1000 random draws a pair (MizzenAI/HPSv3, loss "uncertainty" in
    hpsv3/model/qwen2vl_trainer.py). Here it is the trapezoidal rule with steps of 0.01 standard deviations, whose error
    falls exponentially with the step for a function this smooth (Trefethen and Weideman, SIAM Review 56, 2014): below
    1e-12 for spreads up to 50, and always below 0.002. `preferred(gap) + preferred(-gap)` is 1.

    Args:
        gap: mean of X.
        spread: its standard deviation, not negative.
    """
    return float(WEIGHTS @ expit(gap + min(spread, WIDEST) * Z))
