"""Writes tests/adapters/golden/llava_reward.json, in the official environment: PYTHONPATH=. python golden.py OUT."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from qwen_vl_utils.vision_process import smart_resize  # type: ignore[import-not-found]

from benchmarks.parity.llava_reward.files import write_all
from benchmarks.parity.llava_reward.official import DISTRIBUTIONS, score, shapes_of
from benchmarks.parity.materials import SIZES, write_images
from benchmarks.parity.results import write_scores

LARGE = ((4000, 4000), (8000, 2000), (30000, 600))


def golden(out: Path) -> None:
    """Rewards, sizes after the first resize, names and shapes of the tensors as the official libraries have them."""
    with TemporaryDirectory() as work:
        folder, images = Path(work), Path(work, "images")
        write_images(images)
        shapes = shapes_of(folder / "configs")
        write_all(folder, shapes)
        write_scores(out, images, score(folder, images), DISTRIBUTIONS)
    sizes = [[width, height, *reversed(smart_resize(height, width))] for width, height in (*SIZES, *LARGE)]
    out.write_text(json.dumps({**json.loads(out.read_text()), "sizes": sizes, "shapes": shapes}) + "\n")


if __name__ == "__main__":
    golden(Path(sys.argv[1]))
