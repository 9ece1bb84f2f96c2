"""A vote of the reference images nearest to a candidate."""

from __future__ import annotations

import numpy as np

from adapters.fewshot.base import FewShot, Vector, preferred, rejected, stacked
from harness.judge import Embed
from harness.parameters import number, whole
from harness.records import Comparison, Verdict


class Knn(FewShot):
    """score(x) = sum over the k nearest reference images i of vote_i · exp((cos(x, i) - 1) / temperature).

    The vote is +1 for a preferred and -1 for a rejected image. Votes are weighed but not divided by their sum, as
    Wu et al. do (Unsupervised feature learning via non-parametric instance discrimination, CVPR 2018, section 3.4; the
    default temperature is theirs), so liked images alone tell which candidate is nearer. Images as near as the k-th all
    vote, so that no order among them matters. Without references the answer is a tie.

    Args:
        encoder: one of `adapters.fewshot.encoders.ENCODERS`.
        weights: as the judge of that name takes them; empty: its default.
        k: how many images vote, from 1 to 1000.
        temperature: from 0.01 to 100; a small one makes it the nearest image's vote.
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
        k: int = 5,
        temperature: float = 0.07,
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        self._k = whole("k", k, 1, 1000)
        self._temperature = number("temperature", temperature, 0.01, 100.0)
        super().__init__(encoder, weights, device=device, dtype=dtype, batch=batch, decode=decode, cache=cache)

    def decide(self, comparison: Comparison, embed: Embed) -> Verdict:
        """Compares the two images' scores."""
        a, b = embed(comparison.image_a), embed(comparison.image_b)
        liked, disliked = (stacked(side(comparison), embed, len(a)) for side in (preferred, rejected))
        examples = np.concatenate([liked, disliked])
        votes = np.repeat([1.0, -1.0], [len(liked), len(disliked)])
        return Verdict.from_scores(self._vote(a, examples, votes), self._vote(b, examples, votes))

    def _vote(self, x: Vector, examples: Vector, votes: Vector) -> float:
        if not len(votes):
            return 0.0
        cosines = examples @ x
        # Not the opposite comparison: NaN is to be among the nearest and fail, not to be left out.
        nearest = ~(cosines < np.sort(cosines)[-min(self._k, len(cosines))])
        return float(votes[nearest] @ np.exp((cosines[nearest] - 1) / self._temperature))
