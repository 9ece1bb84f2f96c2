"""The simplest few-shot judge: the direction from what a user rejected to what they preferred."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adapters.fewshot.base import FewShot, Vector, preferred, rejected, stacked
from harness.judge import Embed
from harness.records import Comparison, Image, Verdict


class PreferenceDirection(FewShot):
    """score(x) = x · (mean of the preferred - mean of the rejected), over vectors of length one of all references.

    A side without images is left out. Where nothing was rejected that is the same as to contrast with the midpoint of
    the two candidates, for of vectors of length one it adds the same to both scores. Without references the answer is a
    tie. On one backbone this is the mean cosine similarity of `adapters.similarity`.

    Args:
        encoder: one of `adapters.fewshot.encoders.ENCODERS`.
        weights: as the judge of that name takes them; empty: its default.
        device: `auto`, `cpu`, `cuda` …
        dtype: one of `adapters.devices.DTYPES`.
        batch: images a forward pass.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether image vectors are kept on disk.
    """

    def __init__(
        self,
        *,
        encoder: str = "clip",
        weights: str = "",
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        super().__init__(encoder, weights, device=device, dtype=dtype, batch=batch, decode=decode, cache=cache)

    def decide(self, comparison: Comparison, embed: Embed) -> Verdict:
        """Compares the two images' scores."""
        a, b = embed(comparison.image_a), embed(comparison.image_b)
        direction = _mean(preferred(comparison), embed, len(a)) - _mean(rejected(comparison), embed, len(a))
        return Verdict.from_scores(float(a @ direction), float(b @ direction))


def _mean(images: Sequence[Image], embed: Embed, width: int) -> Vector:
    return stacked(images, embed, width).mean(axis=0) if images else np.zeros(width)
