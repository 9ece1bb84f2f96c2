"""Our side."""

from __future__ import annotations

from adapters.similarity.dreamsim import DreamSim
from benchmarks.parity.likeness import main

if __name__ == "__main__":
    main(
        lambda folder: DreamSim(weights=str(folder), device="cpu", cache=False),
        ("torch", "torchvision", "timm", "pillow"),
    )
