"""Our side."""

from __future__ import annotations

from adapters.pickscore import PickScore
from benchmarks.parity.asking import main

ACROSS_GENERATIONS = 1e-4
"""transformers 4 computes attention in another order than 5."""

if __name__ == "__main__":
    main(
        lambda folder: PickScore(weights=str(folder), device="cpu", cache=False),
        ("torch", "transformers", "pillow"),
        ACROSS_GENERATIONS,
    )
