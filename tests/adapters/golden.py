"""What the official modules gave, and the images they gave it for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.parity import materials
from benchmarks.parity.asking import scores_of
from benchmarks.parity.likeness import likeness
from harness.judge import Judge

HERE = Path(__file__).resolve().parent / "golden"


def assert_golden(
    name: str, judge: Judge, factory: pytest.TempPathFactory, tolerance: float, prompts: Sequence[str] = ()
) -> None:
    """The judge's scores of the odd images are within the tolerance of the official ones, times max(1, |score|)."""
    _assert_near(name, scores_of(judge, _images(factory), prompts or materials.prompts()), tolerance)


def assert_like_golden(name: str, judge: Judge, factory: pytest.TempPathFactory, tolerance: float) -> None:
    """The judge's similarities of the odd images are as near to the official ones."""
    _assert_near(name, likeness(judge, _images(factory)), tolerance)


def _images(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "odd-images"
    if not folder.exists():
        materials.write_images(folder)
    return folder


def _assert_near(name: str, scores: Sequence[Sequence[float]], tolerance: float) -> None:
    expected, got = np.asarray(json.loads((HERE / f"{name}.json").read_text())["scores"]), np.asarray(scores)
    assert got.shape == expected.shape
    assert (np.abs(got - expected) / np.maximum(1, np.abs(expected))).max() <= tolerance
    assert np.ptp(expected) > 100 * tolerance, "scores this alike would show no difference"
