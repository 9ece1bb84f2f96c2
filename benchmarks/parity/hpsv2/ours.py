"""Our side."""

from __future__ import annotations

from adapters.hps import HpsV2
from benchmarks.parity.asking import main

if __name__ == "__main__":
    main(
        lambda folder: HpsV2(weights=str(folder), device="cpu", cache=False),
        ("torch", "torchvision", "open_clip_torch", "pillow"),
    )
