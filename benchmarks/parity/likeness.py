"""Our side for similarities: a row for each of the first images as the only one liked, a number for each image."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.parity.results import TOLERANCE, write_scores
from harness.judge import Judge
from harness.pictures import FilePicture
from harness.records import Comparison, Image, Reference

ROWS = 6
"""How many images stand as references."""


def likeness(judge: Judge, folder: Path) -> list[list[float]]:
    """The judge's score of each image of a folder with one liked image and nothing else: their similarity."""
    images = [Image(FilePicture(path, path.name)) for path in sorted(folder.iterdir())]
    return [[_score(judge, image, liked) for image in images] for liked in images[:ROWS]]


def _score(judge: Judge, image: Image, liked: Image) -> float:
    reference = Reference("", (liked,))
    (verdict,) = judge.compare([Comparison("0" * 32, "0" * 32, "", image, image, (reference,))])
    if verdict.score_a is None:
        raise SystemExit(f"{type(judge).__name__} gave no score for {image!r} beside {liked!r}: {verdict}")
    return verdict.score_a


def main(make: Callable[[Path], Judge], distributions: Iterable[str], tolerance: float = TOLERANCE) -> None:
    """`ours.py score FOLDER IMAGES OUT.json`: the similarities of the judge that `make(FOLDER)` gives."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("command", choices=["score"])
    for name in ("folder", "images", "out"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    write_scores(given.out, given.images, likeness(make(given.folder), given.images), distributions, tolerance)
