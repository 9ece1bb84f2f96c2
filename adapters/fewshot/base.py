"""What the few-shot judges share: an encoder by name, vectors of length one, the two sides of the references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from adapters.embeddings import unit
from adapters.encoding import BackboneJudge
from adapters.fewshot.encoders import make_encoder
from harness.identity import source_digest
from harness.judge import Embed
from harness.records import Comparison, Image

Vector = NDArray[np.float64]


class FewShot(BackboneJudge):
    """A judge of one user's choices on the vectors of one of `adapters.fewshot.encoders.ENCODERS`."""

    reads_references: ClassVar[bool] = True

    def __init__(self, encoder: str, weights: str, **options: Any) -> None:
        super().__init__(make_encoder(encoder, weights, **options))

    def identity(self) -> Mapping[str, Any]:
        """What the encoder is, and its source: no module of the judge names it."""
        return {**super().identity(), "encoder": source_digest(type(self.backbone))}

    def encode(self, images: Sequence[Image]) -> Vector:
        """Vectors of length one, shape (n, d)."""
        return unit(super().encode(images))


def preferred(comparison: Comparison) -> list[Image]:
    """The preferred images of all references; one that stands in two counts twice."""
    return [image for reference in comparison.references for image in reference.preferred]


def rejected(comparison: Comparison) -> list[Image]:
    """The rejected images of all references."""
    return [image for reference in comparison.references for image in reference.rejected]


def stacked(images: Iterable[Image], embed: Embed, width: int) -> Vector:
    """Vectors of shape (n, width); n may be 0."""
    return np.array([embed(image) for image in images]).reshape(-1, width)
