"""Penalised logistic regression on differences, for fewer examples than dimensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

STEPS = 100
DECREMENT = 1e-10
"""Squared Newton decrement at which the next step is the last: after it w is exact to rounding."""


def fit(differences: Vector, offsets: Vector, weights: Vector, strength: float) -> Vector:
    """The w, shape (d,), that minimises sum_i weights_i log(1 + exp(-(offsets_i + w · x_i))) + |w|² / (2 strength²).

    x are the differences, shape (n, d); offsets and weights have shape (n,). w lies in their span, so it is sought in
    the at most n coordinates of that span (Kimeldorf and Wahba, J. Math. Anal. Appl. 33, 1971).
    Raises `ArithmeticError` for numbers that are not finite.
    """
    if not (np.isfinite(differences).all() and np.isfinite(offsets).all()):
        raise ArithmeticError(f"{len(differences)} differences that are not all finite; expected vectors of numbers")
    left, lengths, axes = np.linalg.svd(differences, full_matrices=False)
    return np.asarray(_minimum(left * lengths, offsets, weights, strength) @ axes)


def _minimum(x: Vector, offsets: Vector, weights: Vector, strength: float) -> Vector:
    """Newton's method, each step halved until the strictly convex loss falls enough (Boyd and Vandenberghe, "Convex
    optimization", 2004, section 9.5).
    """

    def loss(z: Vector) -> float:
        return float(weights @ np.logaddexp(0, -(offsets + x @ z)) + z @ z / (2 * strength**2))

    z = np.zeros(x.shape[1])
    for _ in range(STEPS):
        wrong = np.exp(-np.logaddexp(0, offsets + x @ z))
        gradient = z / strength**2 - x.T @ (weights * wrong)
        curvature = (x.T * (weights * wrong * (1 - wrong))) @ x + np.eye(len(z)) / strength**2
        step = np.linalg.solve(curvature, gradient)
        decrement = float(gradient @ step)
        if decrement <= DECREMENT:
            return np.asarray(z - step)
        while loss(z - step) > loss(z) - float(gradient @ step) / 4:
            step /= 2
        z -= step
    raise ArithmeticError(f"no minimum within {STEPS} Newton steps over {len(x)} differences; are they huge?")
