"""The part of VisionReward's score that knows the prompt: VQAScore, of each prompt and image once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.records import Comparison

if TYPE_CHECKING:
    from adapters.vqascore.judge import VQAScore


class Alignment:
    """Scores pairs of prompt and image together where it can; loads the network when it is first needed.

    Args:
        options: parameters of `VQAScore`.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._known: dict[tuple[str, str], float] = {}

    @cached_property
    def scorer(self) -> VQAScore:
        """Raises `ConfigError` when weights or prompt cannot be had."""
        from adapters.vqascore.judge import VQAScore  # noqa: PLC0415

        return VQAScore(**self._options)

    def prepare(self, comparisons: Sequence[Comparison]) -> None:
        """Scores what is new in some comparisons. What fails is tried again, and told, by `of`."""
        _ = self.scorer
        with suppress(Exception):
            self._learn(comparisons)

    def of(self, comparison: Comparison) -> tuple[float, float]:
        """VQAScore of A and of B. Raises as the scorer does."""
        self._learn([comparison])
        prompt, a, b = comparison.prompt, comparison.image_a, comparison.image_b
        return self._known[prompt, a.digest], self._known[prompt, b.digest]

    def _learn(self, comparisons: Sequence[Comparison]) -> None:
        wanted = {(c.prompt, image.digest): image for c in comparisons for image in (c.image_a, c.image_b)}
        fresh = [key for key in wanted if key not in self._known]
        if fresh:
            scores = self.scorer.score([prompt for prompt, _ in fresh], [wanted[key] for key in fresh])
            self._known.update(zip(fresh, scores.tolist(), strict=True))
