"""The file in which each side leaves its scores, and the command every `official.py` is. Needs numpy and Pillow."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.parity.materials import digest_of_folder

TOLERANCE = 1e-5
"""Largest |difference| / max(1, |score|) that still counts as equal."""


def write_scores(
    out: Path,
    images: Path,
    scores: Sequence[Sequence[float]],
    distributions: Iterable[str],
    tolerance: float = TOLERANCE,
) -> None:
    """Writes what one side found.

    Args:
        out: the file to write.
        images: the folder that was scored; its digest goes into the file.
        scores: one row a prompt, one number an image (in the order of the file names).
        distributions: what the numbers may depend on; the versions go into the file.
        tolerance: written by our side, larger where library generations differ.
    """
    found: dict[str, Any] = {
        "images": digest_of_folder(images),
        "versions": {name: version(name) for name in distributions},
        "tolerance": tolerance,
        "scores": [[float(f"{score:.9g}") for score in row] for row in scores],
    }
    # A line a prompt, so that a changed file shows which.
    rows = ",\n  ".join(json.dumps(row) for row in found.pop("scores"))
    out.write_text(f'{json.dumps(found, indent=1)[:-2]},\n "scores": [\n  {rows}\n ]\n}}\n')


def official(
    make: Callable[[Path, bool], None],
    score: Callable[[Path, Path], Sequence[Sequence[float]]],
    distributions: Iterable[str],
) -> None:
    """`official.py make FOLDER [--small]` and `official.py score FOLDER IMAGES OUT.json`.

    Args:
        make: writes a checkpoint of drawn weights in the official file format into a new folder, small or of full size.
        score: scores the images of a folder with the checkpoint of another; rows as `write_scores` takes them.
        distributions: as for `write_scores`.
    """
    parser = argparse.ArgumentParser(description=official.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making, scoring = commands.add_parser("make"), commands.add_parser("score")
    making.add_argument("folder", type=Path)
    making.add_argument("--small", action="store_true")
    for name in ("folder", "images", "out"):
        scoring.add_argument(name, type=Path)
    given = parser.parse_args()
    if given.command == "make":
        given.folder.mkdir(parents=True)
        make(given.folder, given.small)
    else:
        write_scores(given.out, given.images, score(given.folder, given.images), distributions)
