"""`hpsv2.img_score.score` on a checkpoint of drawn weights.

The scorer is given its network beforehand, made without the base weights that it would download and then overwrite;
hpsv2/evaluation.py makes it the same way.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.parity import plain_torchvision  # noqa: F401

import torch  # isort: skip
from hpsv2 import img_score  # isort: skip
from hpsv2.src import open_clip as fork  # isort: skip

from benchmarks.parity.clip_files import SMALL_H, drawn
from benchmarks.parity.materials import prompts
from benchmarks.parity.results import official

FILES = ("HPS_v2_compressed.pt", "HPS_v2.1_compressed.pt")
SMALL = "ViT-H-14-small"


def network(small: bool) -> tuple[torch.nn.Module, object]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{SMALL}.json"
        path.write_text(json.dumps(SMALL_H))
        fork.add_model_config(path)
    model, _, transform = fork.create_model_and_transforms(
        SMALL if small else "ViT-H-14", None, precision="amp", light_augmentation=True, aug_cfg={}, output_dict=True
    )
    return model, transform


def make(folder: Path, small: bool) -> None:
    model, _ = network(small)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    state = {name: torch.from_numpy(values) for name, values in drawn(shapes).items()}
    torch.save({"state_dict": state}, folder / FILES[0])


def score(folder: Path, images: Path) -> list[list[float]]:
    checkpoint = folder / FILES[0]
    model, transform = network(small=checkpoint.stat().st_size < 1 << 30)
    img_score.model_dict.update(model=model, preprocess_val=transform)
    paths = [str(path) for path in sorted(images.iterdir())]
    return [[float(value) for value in img_score.score(paths, prompt, str(checkpoint))] for prompt in prompts()]


if __name__ == "__main__":
    official(make, score, ("torch", "torchvision", "hpsv2x", "pillow"))
