"""Our side."""

from __future__ import annotations

from pathlib import Path

from adapters.aesthetics import Aesthetics
from benchmarks.parity.asking import main


def judge(folder: Path) -> Aesthetics:
    backbone = str(folder / "ViT-L-14.pt")
    return Aesthetics(weights=str(folder), backbone=backbone, library="open_clip", device="cpu", cache=False)


if __name__ == "__main__":
    main(judge, ("torch", "torchvision", "open_clip_torch", "numpy", "pillow"))
