"""How well an image fits the prompts a user wrote before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from adapters.backbones.clip import load_clip
from adapters.devices import Device
from adapters.embeddings import unit
from adapters.encoding import DualJudge
from adapters.similarity.aggregation import aggregate
from harness.judge import Embed
from harness.records import Comparison, Verdict


class Pms(DualJudge):
    """Prefers the image that fits the user's past prompts (Chen et al., Tailored Visions, CVPR 2024: PMS).

    score(x) = over the references: 2.5 · max(cos(prompt of the reference, x), 0), their Text-Align
    (zzjchen/Tailored-Visions, metrics.py) with a past prompt in the place of the image's own. What was preferred and
    what rejected does not count: both were made from the one prompt. Without references the answer is a tie. That their
    PMS averages over all past prompts is not confirmed by their code.

    Args:
        weights: hub id (`owner/name` or `owner/name@revision`), folder or file of a CLIP.
        library: layout of the weights, one of `adapters.backbones.clip.LIBRARIES`.
        aggregation: `mean` or `max` over the references.
        device: `auto`, `cpu`, `cuda` …
        dtype: one of `adapters.devices.DTYPES`.
        batch: images a forward pass.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether image vectors are kept on disk.
    """

    reads_references: ClassVar[bool] = True

    def __init__(
        self,
        *,
        weights: str = "openai/clip-vit-base-patch32@3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
        library: str = "transformers",
        aggregation: str = "mean",
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        self._over = aggregate(aggregation)
        super().__init__(load_clip(weights, library, Device(device, dtype, batch), decode=decode, cache=cache))

    def prompts(self, comparison: Comparison) -> Iterable[str]:
        """The past prompts."""
        return (reference.prompt for reference in comparison.references)

    def score(self, cosine: float) -> float:
        """Of one past prompt; from 0 to 2.5."""
        return 2.5 * max(cosine, 0.0)

    def decide(self, comparison: Comparison, embed: Embed) -> Verdict:
        """Compares the two images' scores."""
        texts = [self._texts[prompt] for prompt in self.prompts(comparison)]
        a, b = (
            self._over([self.score(float(image @ text)) for text in texts])
            for image in (unit(embed(comparison.image_a)), unit(embed(comparison.image_b)))
        )
        return Verdict.from_scores(a, b)
