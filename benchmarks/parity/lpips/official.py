"""`lpips.LPIPS(net="alex")` over a backbone of drawn weights, on images resized to 256 × 256 pixels by Pillow."""

from __future__ import annotations

from pathlib import Path

from benchmarks.parity import plain_torchvision  # noqa: F401

import lpips  # isort: skip
import numpy as np
import PIL.Image
import torch

from benchmarks.parity.lpips.files import NAME, write
from benchmarks.parity.results import official

ROWS, SIDE = 6, 256


def make(folder: Path, small: bool) -> None:  # noqa: ARG001
    write(folder / NAME)


def opened(path: Path) -> torch.Tensor:
    picture = PIL.Image.open(path).convert("RGB").resize((SIDE, SIDE), PIL.Image.Resampling.BICUBIC)
    pixels: torch.Tensor = lpips.im2tensor(np.array(picture))
    return pixels


@torch.no_grad()
def score(folder: Path, images: Path) -> list[list[float]]:
    model = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
    state = torch.load(folder / NAME, weights_only=True)
    own = {key: state[f"features.{key.partition('.')[2]}"] for key in model.net.state_dict()}
    model.net.load_state_dict(own)
    pictures = [opened(path) for path in sorted(images.iterdir())]
    return [[-float(model(x, liked)) for x in pictures] for liked in pictures[:ROWS]]


if __name__ == "__main__":
    official(make, score, ("torch", "torchvision", "lpips", "pillow"))
