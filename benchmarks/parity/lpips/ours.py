"""Our side."""

from __future__ import annotations

from adapters.similarity.lpips import Lpips
from benchmarks.parity.likeness import main

if __name__ == "__main__":
    main(lambda folder: Lpips(weights=str(folder), device="cpu"), ("torch", "torchvision", "torchmetrics", "pillow"))
