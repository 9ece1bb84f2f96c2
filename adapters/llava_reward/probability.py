"""The probability that one image is preferred to another, from their rewards (eval/reward_adaptor_loader.py)."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.special import expit


def bradley_terry(a: float, b: float, tau: float) -> float:
    """sigmoid((a - b) / tau), for one reward an image."""
    return float(expit((a - b) / tau))


def general_preference(a: Sequence[float], b: Sequence[float], tau: float) -> float:
    """sigmoid((a₀ b₁ - a₁ b₀) / tau), for two numbers an image.

    Turning the two images round gives the rest to 1. It is not transitive: three vectors 120° apart form a cycle, so no
    score of a single image can stand for it.
    """
    return float(expit((a[0] * b[1] - a[1] * b[0]) / tau))
