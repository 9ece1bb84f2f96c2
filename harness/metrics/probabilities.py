"""How far a judge's probabilities mean what they say, before and after a temperature and a bias are fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.metrics.calibration import ProbabilityFit, brier, ece, fit_probabilities
from harness.metrics.outcomes import Outcomes
from harness.metrics.thresholds import calibration_users
from harness.plan import TIE, A

TARGETS = {A: 1.0, TIE: 0.5}
"""What a probability of A should have been; 0 where the user preferred B."""


@dataclass(frozen=True, slots=True)
class Probabilities:
    """Of the answers of the users nothing was fitted on; as `brier` and `ece` define them."""

    brier: float
    ece: float
    fitted_brier: float
    fitted_ece: float
    fit: ProbabilityFit
    answers: int


def probabilities(asked: Outcomes, users: Sequence[str]) -> Probabilities | None:
    """None where users are unknown or fewer than 20, or where no answer has a probability.

    `asked`: each order of a pair apart, since the bias is that of the image shown first; `users`: names by code.
    """
    known = ~np.isnan(asked.p_a)
    fitting = calibration_users(users) if users else None
    if fitting is None or not known.any():
        return None
    target = np.select([asked.gold == code for code in TARGETS], list(TARGETS.values()), 0.0)
    fitted, rest = known & fitting[asked.user], known & ~fitting[asked.user]
    if not fitted.any() or not rest.any():
        return None
    fit = fit_probabilities(asked.p_a[fitted], target[fitted])
    p, better, y = asked.p_a[rest], fit(asked.p_a[rest]), target[rest]
    return Probabilities(brier(p, y), ece(p, y), brier(better, y), ece(better, y), fit, int(rest.sum()))
