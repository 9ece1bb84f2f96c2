"""From similarities between images to a preference: preferred minus rejected references."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from harness.parameters import one_of
from harness.records import Comparison, Image, Verdict

AGGREGATIONS = ("mean", "max")
"""Over the reference images: all count alike, or only the nearest. No published rule says which."""

Similarity = Callable[[Image, Image], float]
"""How alike a candidate and a reference image are; higher is more alike."""

Aggregate = Callable[[Sequence[float]], float]


def aggregate(name: str) -> Aggregate:
    """The aggregation of a name; of nothing it is 0. Raises `ConfigError` for a name that is not known."""
    nearest = one_of("aggregation", name, AGGREGATIONS) == "max"

    def over(similarities: Sequence[float]) -> float:
        if not similarities:
            return 0.0
        return max(similarities) if nearest else sum(similarities) / len(similarities)

    return over


def preference(comparison: Comparison, similarity: Similarity, over: Aggregate) -> Verdict:
    """Compares score(x) = over(similarity(x, preferred)) - over(similarity(x, rejected)) of the two candidates.

    The images of all references are pooled; one that stands in two references counts twice. A side without images
    contributes 0, so that liked images alone suffice and without references the answer is a tie.
    """
    preferred = [image for reference in comparison.references for image in reference.preferred]
    rejected = [image for reference in comparison.references for image in reference.rejected]
    a, b = (
        over([similarity(x, image) for image in preferred]) - over([similarity(x, image) for image in rejected])
        for x in (comparison.image_a, comparison.image_b)
    )
    return Verdict.from_scores(a, b)


def pairs(comparison: Comparison) -> Iterator[tuple[Image, Image]]:
    """The (candidate, reference image) pairs whose similarity `preference` asks for."""
    for candidate in (comparison.image_a, comparison.image_b):
        for reference in comparison.references:
            for image in (*reference.preferred, *reference.rejected):
                yield candidate, image
