"""Writes tests/adapters/golden/hpsv3.json. Run in the official environment: PYTHONPATH=. python golden.py OUT.

The official code gets the wording in `files`.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from safetensors import safe_open

from benchmarks.parity.hpsv3.files import WORDING
from benchmarks.parity.hpsv3.official import DISTRIBUTIONS, make, rewards
from benchmarks.parity.materials import prompts, write_images

IMAGES, PROMPTS = (0, 4, 5, 8, 15), (1, 3)
"""Which of the materials: square, thin, wide and grey ones; two and twelve words."""


def golden(out: Path) -> None:
    """Means and log spreads at the reduced size, and the names and shapes of the checkpoint's tensors."""
    own = dict(zip(("INSTRUCTION", "prompt_with_special_token"), WORDING.values(), strict=True))
    with TemporaryDirectory() as work, patch.dict(vars(sys.modules["hpsv3.inference"]), own):
        folder, paths = Path(work), write_images(Path(work, "images"))
        make(folder, small=True)
        found = rewards(folder, [paths[i] for i in IMAGES], [prompts()[i] for i in PROMPTS])
        with safe_open(folder / "HPSv3.safetensors", "np") as file:
            shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    versions = {name: version(name) for name in DISTRIBUTIONS}
    told = {"versions": versions, "images": IMAGES, "prompts": PROMPTS, "rewards": found, "shapes": shapes}
    out.write_text(json.dumps(told) + "\n")


if __name__ == "__main__":
    golden(Path(sys.argv[1]))
