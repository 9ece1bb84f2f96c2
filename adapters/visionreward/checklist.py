"""VisionReward's checklist and its linear rule.

Source: Xu et al., arXiv 2412.21059; repository THUDM/VisionReward, `inference-image.py`, whose questions and
coefficients `pigeval prompts fetch` gets: they are the authors' and no part of this package.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from adapters.prompts.wording import Wording, wording

QUESTIONS, WEIGHTS = "visionreward", "visionreward-weights"
"""The two official texts, as `pigeval prompts list` has them."""

COUNT = 30

MASKED: Mapping[int, tuple[int, ...]] = {0: (22, 23, 24, 28, 29), 1: (25, 26), 2: (27,)}
"""Questions that count only where the one in front is answered yes: is there a body, a face, a hand at all
(`MASK_FEATURE_MAP`). The three themselves have no weight."""

GROUPS: Mapping[str, tuple[int, ...]] = {
    "symmetry": (3, 4), "subject": (5, 6), "richness": (7, 8, 9, 10), "clarity": (11, 12, 13, 14), "brightness": (15,),
    "darkness": (16,), "colour": (17,), "emotion": (18,), "detail": (19,), "recognisability": (20,), "wholeness": (21,),
    "body": (22, 23, 24), "face": (25, 26), "hands": (27,), "harmlessness": (28, 29),
}  # fmt: skip
"""What the questions with a weight are about, in their order; the names are ours."""

ALIGNMENT = "alignment"


@dataclass(frozen=True, slots=True)
class Checklist:
    """Questions and what their answers weigh."""

    questions: tuple[str, ...]
    alignment: float
    """Weight of the VQAScore."""
    weights: tuple[float, ...]
    """Of the questions after the first three."""
    intercept: float

    @classmethod
    def official(cls) -> Self:
        """The authors'. Raises `ConfigError` when they were not fetched yet."""
        questions, weights = official_wordings()
        # As officially: lines without the spaces around them.
        lines = tuple(line.strip() for line in questions.text.splitlines())
        table = json.loads(weights.text)
        alignment, *rest = map(float, table["coef"])
        return cls(lines, alignment, tuple(rest), float(table["intercept"][0]))

    def parts(self, yes: Sequence[bool], alignment: float | None) -> dict[str, float]:
        """What each group of questions adds to the score, and the alignment where there is one.

        An answer counts +1 or -1, and 0 where its mask is not answered yes.

        Args:
            yes: whether each of the 30 answers is yes.
            alignment: VQAScore in [0, 1]; None leaves the term out.
        """
        values = [1.0 if answer else -1.0 for answer in yes]
        for mask, masked in MASKED.items():
            for question in () if yes[mask] else masked:
                values[question] = 0.0
        weighed = [weight * value for weight, value in zip(self.weights, values[len(MASKED) :], strict=True)]
        parts = {name: math.fsum(weighed[i - len(MASKED)] for i in members) for name, members in GROUPS.items()}
        return parts if alignment is None else {ALIGNMENT: self.alignment * alignment, **parts}

    def score(self, parts: Mapping[str, float]) -> float:
        """The reward. Exactly rounded, so that no order of adding up parts two images with equal answers."""
        return math.fsum([self.intercept, *parts.values()])


def official_wordings() -> tuple[Wording, Wording]:
    """Questions and coefficients, with whose they are. Raises `ConfigError` when they were not fetched yet."""
    return wording(QUESTIONS, "official"), wording(WEIGHTS, "official")
