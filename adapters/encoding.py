"""Judges on a frozen backbone: images encoded once and shared through its cache, prompts encoded once a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from adapters.embeddings import unit
from harness.judge import Embed, Encoder
from harness.records import Comparison, Image, Verdict

if TYPE_CHECKING:
    # Not imported when run: a judge over features that need no network needs no torch.
    from adapters.backbones.base import DualBackbone

Vector = NDArray[np.float64]


class ImageVectors(Protocol):
    """What a judge asks of a backbone; `adapters.backbones.base.Backbone` says what each part means."""

    libraries: tuple[str, ...]
    decode: str

    def images(self, images: Sequence[Image]) -> NDArray[np.floating[Any]]:
        """Vectors of shape (n, d)."""
        ...

    def known(self, digests: Sequence[str]) -> set[str]:
        """Those of the images whose vectors are on disk."""
        ...

    def identity(self) -> Mapping[str, Any]:
        """Everything that can change a vector."""
        ...

    @property
    def drift(self) -> float | None:
        """How far the fast decode is from the exact one; None where it is exact."""
        ...


class BackboneJudge(Encoder):
    """Decides from the vectors of one backbone."""

    incidental: ClassVar[tuple[str, ...]] = ("weights", "device", "batch", "cache")
    """Its identity says what of these matters: the digest of the weights and the kind of device."""

    def __init__(self, backbone: ImageVectors) -> None:
        self.backbone = backbone
        self.libraries = backbone.libraries
        self.reads: Literal["pixels", "bytes"] = "bytes" if backbone.decode == "fast" else "pixels"

    def identity(self) -> Mapping[str, Any]:
        """What the backbone is."""
        return self.backbone.identity()

    def encode(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Vectors of shape (n, d)."""
        return self.backbone.images(images).astype(np.float64)

    def unread(self, digests: Sequence[str]) -> set[str]:
        """Those of the images that have to be decoded still: neither seen in this run nor on disk."""
        left = sorted(super().unread(digests))
        return set(left) - self.backbone.known(left)

    def notes(self) -> list[str]:
        """What a user should know after a run: the drift of a faster decode."""
        drift = self.backbone.drift
        return [] if drift is None else [f"fast decode: 1 - cosine to the exact decode is at most {drift:.2e}"]


class DualJudge(BackboneJudge):
    """Scores an image by its prompt: `score` of the cosine of their vectors; the higher score wins."""

    backbone: DualBackbone

    def __init__(self, backbone: DualBackbone) -> None:
        super().__init__(backbone)
        self._texts: dict[str, Vector] = {}

    def identity(self) -> Mapping[str, Any]:
        """What the backbone and its tokenizer are."""
        return {**super().identity(), "texts": dict(self.backbone.described_texts())}

    def encode(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Unit vectors of shape (n, d): normalised once, however many comparisons an image stands in."""
        return unit(super().encode(images))

    def score(self, cosine: float) -> float:
        """The judge's score, higher is better, for a cosine in [-1, 1]."""
        return cosine

    def shown(self, comparison: Comparison) -> Iterable[Image]:
        """The two candidates."""
        return (comparison.image_a, comparison.image_b)

    def prompts(self, comparison: Comparison) -> Iterable[str]:
        """The prompts that are read for a comparison: its own, unless a judge needs others."""
        return (comparison.prompt,)

    def text(self, prompt: str) -> str:
        """What is encoded for a prompt."""
        return prompt

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """Encodes the prompts and images not seen before, then decides one comparison after the other."""
        read = dict.fromkeys(prompt for comparison in comparisons for prompt in self.prompts(comparison))
        fresh = [prompt for prompt in read if prompt not in self._texts]
        if fresh:
            vectors = unit(self.backbone.texts([self.text(prompt) for prompt in fresh]))
            self._texts.update(zip(fresh, vectors, strict=True))
        return super().compare(comparisons)

    def decide(self, comparison: Comparison, embed: Embed) -> Verdict:
        """Compares the two images' scores; `p_a` where the judge gives a probability."""
        text = self._texts[comparison.prompt]
        a, b = (self.score(float(embed(image) @ text)) for image in (comparison.image_a, comparison.image_b))
        return Verdict.from_scores(a, b, self.probability(a, b))

    def probability(self, score_a: float, score_b: float) -> float | None:  # noqa: ARG002
        """Probability that A is preferred; None where the judge defines none."""
        return None
