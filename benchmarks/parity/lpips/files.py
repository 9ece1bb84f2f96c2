"""The checkpoint of drawn weights: AlexNet's features, small enough as they are."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.parity.materials import draw

NAME = "alexnet-owt-7be5be79.pth"

LAYERS = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
"""Channels out, channels in and side of each convolution, by its position."""


def shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of torchvision's file, without the layers that classify."""
    found: dict[str, tuple[int, ...]] = {}
    for position, (out, into, side) in LAYERS.items():
        found[f"features.{position}.weight"] = (out, into, side, side)
        found[f"features.{position}.bias"] = (out,)
    return found


def write(path: Path) -> Path:
    """The file, under any name."""
    torch.save({name: torch.from_numpy(draw(name, shape)) for name, shape in shapes().items()}, path)
    return path
