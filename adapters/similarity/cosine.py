"""Similarity as the cosine of two vectors of one backbone: DINO score and CLIP-I."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from adapters.backbones.clip import load_clip
from adapters.backbones.dino import Dino, find_dino
from adapters.devices import Device
from adapters.embeddings import unit
from adapters.encoding import BackboneJudge, ImageVectors
from adapters.similarity.aggregation import aggregate, preference
from harness.judge import Embed
from harness.records import Comparison, Image, Verdict


class CosineSimilarity(BackboneJudge):
    """Prefers the image nearer to the preferred than to the rejected references (see `aggregation.preference`)."""

    reads_references: ClassVar[bool] = True

    def __init__(self, backbone: ImageVectors, aggregation: str) -> None:
        self._over = aggregate(aggregation)
        super().__init__(backbone)

    def encode(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Vectors of length one, shape (n, d)."""
        return unit(super().encode(images))

    def similarity(self, cosine: float) -> float:
        """How alike two images of that cosine are."""
        return cosine

    def decide(self, comparison: Comparison, embed: Embed) -> Verdict:
        """Compares the two images' scores."""

        def alike(candidate: Image, image: Image) -> float:
            return self.similarity(float(embed(candidate) @ embed(image)))

        return preference(comparison, alike, self._over)


class DinoScore(CosineSimilarity):
    """Cosine of class tokens of DINOv2, or of DINO, as Ruiz et al. compare subjects (DreamBooth, CVPR 2023).

    Without a published personal rule, the similarities become a preference as `aggregation.preference` says.

    Args:
        weights: hub id (`owner/name` or `owner/name@revision`) or folder of a DINOv2 or DINO model.
        aggregation: `mean` or `max` over the reference images.
        device: `auto`, `cpu`, `cuda` …
        dtype: one of `adapters.devices.DTYPES`.
        batch: images a forward pass.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether image vectors are kept on disk.
    """

    def __init__(
        self,
        *,
        weights: str = "facebook/dinov2-base@f9e44c814b77203eaa57a6bdbbd535f21ede1415",
        aggregation: str = "mean",
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        backbone = Dino(find_dino(weights), Device(device, dtype, batch), decode=decode, cache=cache)
        super().__init__(backbone, aggregation)


class ClipI(CosineSimilarity):
    """Cosine of CLIP image vectors; `clamp` takes negative ones as 0, as Tailored Visions' Image-Align does.

    Source of the clamp: Chen et al., Tailored Visions, CVPR 2024 (zzjchen/Tailored-Visions, metrics.py). Without a
    published personal rule, the similarities become a preference as `aggregation.preference` says.

    Args:
        weights: hub id (`owner/name` or `owner/name@revision`), folder or file of a CLIP.
        library: layout of the weights, one of `adapters.backbones.clip.LIBRARIES`.
        aggregation: `mean` or `max` over the reference images.
        clamp: whether a negative cosine counts as 0.
        device: `auto`, `cpu`, `cuda` …
        dtype: one of `adapters.devices.DTYPES`.
        batch: images a forward pass.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether image vectors are kept on disk.
    """

    def __init__(  # noqa: PLR0913
        self,
        *,
        weights: str = "openai/clip-vit-base-patch32@3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
        library: str = "transformers",
        aggregation: str = "mean",
        clamp: bool = False,
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        self._floor = 0.0 if clamp else -np.inf
        backbone = load_clip(weights, library, Device(device, dtype, batch), text=False, decode=decode, cache=cache)
        super().__init__(backbone, aggregation)

    def similarity(self, cosine: float) -> float:
        """The cosine, or 0 where it is negative and clamped."""
        return max(cosine, self._floor)
