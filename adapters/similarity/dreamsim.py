"""DreamSim's similarity of two images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from adapters.backbones.dreamsim import DreamSimVit
from adapters.devices import Device
from adapters.embeddings import unit
from adapters.similarity.cosine import CosineSimilarity
from adapters.weights import Weights
from harness.errors import ConfigError
from harness.records import Image

WHERE = (
    "unpack dreamsim_ensemble_checkpoint.zip (github.com/ssundaram21/dreamsim, release v0.2.0-checkpoints) into a "
    "folder, put https://dl.fbaipublicfiles.com/dino/dino_vitbase16_pretrain/dino_vitbase16_pretrain.pth into its "
    "folder checkpoints/, then give weights=FOLDER"
)


class DreamSim(CosineSimilarity):
    """Cosine of DreamSim's vectors, each less the mean of its components: 1 - the distance of dreamsim 0.2.1.

    Without a published personal rule, the similarities become a preference as `aggregation.preference` says.

    Args:
        weights: folder in the layout of the package's `cache_dir`; it is on no hub.
        model: one of `adapters.backbones.dreamsim.MODELS`.
        aggregation: `mean` or `max` over the reference images.
        device: `auto`, `cpu`, `cuda` …
        dtype: one of `adapters.devices.DTYPES`.
        batch: images a forward pass.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether image vectors are kept on disk.

    Raises:
        ConfigError: a file is missing or damaged, or not of this model.
    """

    def __init__(
        self,
        *,
        weights: str = "",
        model: str = "ensemble",
        aggregation: str = "mean",
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        if not weights:
            raise ConfigError(f"weights is empty; {WHERE}")
        found = Weights.find(weights, ("*",))
        if found.place.is_file():
            raise ConfigError(f"{found.place}: a file; {WHERE}")
        backbone = DreamSimVit(found, Device(device, dtype, batch), model=model, decode=decode, cache=cache)
        super().__init__(backbone, aggregation)

    def encode(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Centred vectors of length one, shape (n, d)."""
        vectors = self.backbone.images(images).astype(np.float64)
        return unit(vectors - vectors.mean(axis=1, keepdims=True))
