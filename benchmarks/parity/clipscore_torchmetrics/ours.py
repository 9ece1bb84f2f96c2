"""Our side."""

from __future__ import annotations

from adapters.clipscore import ClipScore
from benchmarks.parity.asking import main
from benchmarks.parity.clipscore_torchmetrics import SHORT
from benchmarks.parity.materials import prompts

ACROSS_GENERATIONS = 1e-4
"""transformers 4 computes attention in another order than 5."""

if __name__ == "__main__":
    main(
        lambda folder: ClipScore(weights=str(folder), variant="torchmetrics", device="cpu", cache=False),
        ("torch", "transformers", "pillow"),
        ACROSS_GENERATIONS,
        [text for text in prompts() if len(text.split()) <= SHORT],
    )
