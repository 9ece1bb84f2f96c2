"""Our side: scores of a judge through its public interface, and the command every `ours.py` is."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.parity import materials
from benchmarks.parity.results import TOLERANCE, write_scores
from harness.judge import Judge
from harness.pictures import FilePicture
from harness.records import Comparison, Image


def scores_of(judge: Judge, folder: Path, prompts: Sequence[str]) -> list[list[float]]:
    """The judge's score of each image of a folder for each prompt: one row a prompt."""
    images = [Image(FilePicture(path, path.name)) for path in sorted(folder.iterdir())]
    return [[_score(judge, prompt, image) for image in images] for prompt in prompts]


def _score(judge: Judge, prompt: str, image: Image) -> float:
    (verdict,) = judge.compare([Comparison("0" * 32, "0" * 32, prompt, image, image)])
    if verdict.score_a is None:
        raise SystemExit(f"{type(judge).__name__} gave no score for {image!r} and {prompt[:40]!r}: {verdict}")
    return verdict.score_a


def main(
    make: Callable[[Path], Any],
    distributions: Iterable[str],
    tolerance: float = TOLERANCE,
    prompts: Sequence[str] = (),
) -> None:
    """`ours.py score FOLDER IMAGES OUT.json`: the scores of the judge that `make(FOLDER)` gives, for all prompts."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("command", choices=["score"])
    for name in ("folder", "images", "out"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    scores = scores_of(make(given.folder), given.images, prompts or materials.prompts())
    write_scores(given.out, given.images, scores, distributions, tolerance)
