"""A linear probe: Bradley-Terry on a user's past choices, beginning from the encoder's own idea of a good image."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from adapters.fewshot.base import FewShot, Vector
from adapters.fewshot.fitting import fit
from adapters.fewshot.general import General
from adapters.recent import Recent
from adapters.taste import contrasts
from harness.judge import Embed
from harness.parameters import number
from harness.records import Comparison, Reference, Verdict

KEPT = 4096
"""Most fits kept: targets of one user often share their references, and both orders always do."""


class Probe(FewShot):
    """score(x) = prior_weight · general(x) + w · x with P(A preferred) = sigmoid(score(A) - score(B)).

    x are vectors of length one. general(x) is scale · cos(prompt, x) for an encoder of images and texts, whose `scale`
    makes it the logit it was trained with, and 0 for one of images alone. w is the posterior mode of a Bradley-Terry
    model of the user's references with w ~ N(0, strength² I): the prior of a user is the general score, and choices it
    foretells teach little. A reference weighs 1, shared by its pairs of a preferred and a rejected image. A preferred
    image with nothing rejected beside it is contrasted with the zero vector, without a general score, which draws w
    towards it. Without references the score is the general one; where that is 0 too the answer is a tie.

    The default strength was reasoned, not tuned: two images of cosine 0.5 differ by a vector of length one, so their
    personal logits differ by about 2 before any choice is seen: enough to turn round a general difference of one or
    two, which is what PickScore's logits usually differ by.

    Args:
        encoder: one of `adapters.fewshot.encoders.ENCODERS`.
        weights: as the judge of that name takes them; empty: its default.
        strength: standard deviation of a component of w before any choice is seen, from 0.001 to 1000.
        prior_weight: factor of the general score, from 0 to 100.
        device: `auto`, `cpu`, `cuda` …
        dtype: one of `adapters.devices.DTYPES`.
        batch: images a forward pass.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether image vectors are kept on disk.
    """

    def __init__(  # noqa: PLR0913
        self,
        *,
        encoder: str = "clip",
        weights: str = "",
        strength: float = 2.0,
        prior_weight: float = 1.0,
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        self._strength = number("strength", strength, 0.001, 1000.0)
        weight = number("prior_weight", prior_weight, 0.0, 100.0)
        super().__init__(encoder, weights, device=device, dtype=dtype, batch=batch, decode=decode, cache=cache)
        self._general = General(self.backbone, weight)
        self._fits: Recent[tuple[object, ...], Vector] = Recent(KEPT)

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """Encodes the prompts and images not seen before, then decides one comparison after the other."""
        self._general.read(prompt for comparison in comparisons for prompt in _prompts(comparison))
        return super().compare(comparisons)

    def decide(self, comparison: Comparison, embed: Embed) -> Verdict:
        """Compares the two images' scores."""
        candidates = embed(comparison.image_a), embed(comparison.image_b)
        w = self._user(comparison.references, embed) if comparison.references else np.zeros_like(candidates[0])
        a, b = (self._general.score(comparison.prompt, x) + float(w @ x) for x in candidates)
        return Verdict.from_scores(a, b, 0.5 + 0.5 * math.tanh((a - b) / 2))

    def _user(self, references: Sequence[Reference], embed: Embed) -> Vector:
        """Weights of shape (d,)."""
        key = tuple((r.prompt, tuple(r.preferred), tuple(r.rejected)) for r in references)
        known = self._fits.get(key)
        if known is None:
            known = fit(*self._examples(references, embed), self._strength)
            self._fits.put(key, known)
        return known

    def _examples(self, references: Sequence[Reference], embed: Embed) -> tuple[Vector, Vector, Vector]:
        """Differences preferred minus rejected, (n, d), the same of general scores, (n,), and weights, (n,)."""
        differences, weights = contrasts(references, embed)
        offsets = [self._offsets(reference, embed) for reference in references]
        return differences, np.concatenate(offsets), weights

    def _offsets(self, reference: Reference, embed: Embed) -> Vector:
        if not reference.rejected:
            return np.zeros(len(reference.preferred))
        scores, _ = contrasts(
            [reference], lambda image: np.array([self._general.score(reference.prompt, embed(image))])
        )
        return scores[:, 0]


def _prompts(comparison: Comparison) -> Iterable[str]:
    yield comparison.prompt
    for reference in comparison.references:
        yield reference.prompt
