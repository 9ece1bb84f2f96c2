"""The official side: `ImageReward.load(...).score(prompt, image)` of the package image-reward, on a CPU."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ImageReward
from ImageReward.models.BLIP.vit import VisionTransformer

from benchmarks.parity.imagereward.files import PUBLISHED, SMALL, Shape, write_checkpoint
from benchmarks.parity.materials import prompts
from benchmarks.parity.results import official

OFFICIAL = sys.modules["ImageReward.ImageReward"]
"""The module; the package's attribute of this name is the class."""

DISTRIBUTIONS = ("image-reward", "torch", "torchvision", "transformers", "timm", "tokenizers", "pillow", "numpy")


def make(folder: Path, small: bool) -> None:
    """Writes a random checkpoint with the names and shapes of the official module."""
    config = SMALL if small else PUBLISHED
    write_checkpoint(folder, {}, config)
    write_checkpoint(folder, shapes_of(folder), config)


def score(folder: Path, images: Path) -> list[list[float]]:
    """One call for each prompt and image."""
    paths = sorted(images.resolve().iterdir())
    with sizes_of(folder):
        model = ImageReward.load("ImageReward.pt", "cpu", med_config="med_config.json")
        return [[model.score(prompt, str(path)) for path in paths] for prompt in prompts()]


def shapes_of(folder: Path) -> dict[str, Shape]:
    """What the official module's state dict holds."""
    return {name: tuple(tensor.shape) for name, tensor in module_of(folder).state_dict().items()}


def module_of(folder: Path) -> Any:
    """The official module at the folder's sizes, before it gets weights."""
    with sizes_of(folder):
        return OFFICIAL.ImageReward(med_config="med_config.json")


@contextmanager
def sizes_of(folder: Path) -> Iterator[None]:
    """Lets the official code find the folder's vocabulary and, for a reduced one, build networks of its sizes."""
    config = json.loads((folder / "med_config.json").read_text())
    with ExitStack() as stack:
        stack.enter_context(chdir(folder))
        if "vision_width" in config:
            width, layers, heads = (config[f"vision_{name}"] for name in ("width", "layers", "heads"))
            encoder = VisionTransformer(img_size=224, patch_size=16, embed_dim=width, depth=layers, num_heads=heads)
            blip, head = sys.modules["ImageReward.models.BLIP.blip_pretrain"], OFFICIAL.MLP
            stack.enter_context(patch.object(blip, "create_vit", lambda *_: (encoder, width)))
            stack.enter_context(patch.object(OFFICIAL, "MLP", lambda _: head(config["hidden_size"])))
        yield


if __name__ == "__main__":
    official(make, score, DISTRIBUTIONS)
