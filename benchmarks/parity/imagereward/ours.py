"""Our side. See `benchmarks.parity.asking`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from adapters.imagereward.checkpoint import UNUSED
from adapters.imagereward.judge import ImageReward
from adapters.imagereward.network import ImageRewardNetwork, Sizes
from benchmarks.parity.asking import main
from benchmarks.parity.imagereward.files import TOKENIZER, Shape


def judge(folder: Path, **parameters: Any) -> ImageReward:
    return ImageReward(weights=str(folder), tokenizer=str(folder / TOKENIZER), device="cpu", **parameters)


def shapes_of(config: Mapping[str, Any]) -> dict[str, Shape]:
    """What a checkpoint of a configuration holds, by our network."""
    sizes = Sizes(**{field.name: config[field.name] for field in fields(Sizes) if field.name in config})
    with torch.device("meta"):
        network = ImageRewardNetwork(sizes)
    (positions,) = UNUSED
    shapes: dict[str, Shape] = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    return {**shapes, positions: (1, sizes.max_position_embeddings)}


if __name__ == "__main__":
    main(judge, ImageReward.libraries, tolerance=1e-4)
