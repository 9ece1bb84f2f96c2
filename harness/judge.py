"""The judge interface and two bases that lift scores and embeddings to verdicts.

A class of anybody's with a `compare` is a judge; it need not inherit from anything here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from harness.records import Comparison, Image, Verdict

Embed = Callable[[Image], NDArray[np.float64]]
"""Looks up the embedding of an image that stands in the comparison at hand."""


class Judge(Protocol):
    """Anything that answers comparisons. `compare` is the whole interface; `Hints` lists what else may be told."""

    def compare(self, comparisons: Sequence[Comparison]) -> Sequence[Verdict]:
        """One verdict for each comparison, in order. May raise: the runner then asks one by one."""
        ...


@dataclass(frozen=True, slots=True)
class Hints:
    """Optional attributes of a judge's class, with the defaults for one that has none."""

    reads_references: bool = False
    """Whether the answer depends on the user's past choices. Shown on the leaderboard."""
    reads: Literal["pixels", "bytes", "nothing"] = "pixels"
    """What is fetched ahead for it, in threads."""
    reads_once: bool = False
    """True when an image is asked for only the first time it appears in a run."""
    libraries: tuple[str, ...] = ()
    """Distributions whose versions can change a verdict; they become part of the run's identity."""
    streams: bool = False
    """Whether `stream(numbered comparisons)` yields (number, verdict) as answers come; see `Generator`."""
    incidental: tuple[str, ...] = ()
    """Parameters that cannot change a verdict (batch size, budget, where weights lie): no part of the identity."""

    @classmethod
    def of(cls, judge: Judge | type[Judge]) -> Self:
        """The hints a judge or its class gives."""
        return cls(**{f.name: getattr(judge, f.name) for f in fields(cls) if hasattr(judge, f.name)})


class Scorer(ABC):
    """A judge that scores each (prompt, image) on its own; the higher score wins, equal floats tie."""

    reads_once: ClassVar[bool] = True
    uses_prompt: ClassVar[bool] = True
    """False: the score is of the image alone, so an image is scored once whatever its prompts."""

    @abstractmethod
    def score(self, prompts: Sequence[str], images: Sequence[Image]) -> NDArray[np.float64]:
        """Scores of shape (n,) for n aligned prompts and images; must not depend on how they are batched."""

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """Verdicts from scores, each distinct (prompt, image) scored once in the life of the judge."""
        scores = self._scores(comparisons)
        return [Verdict.from_scores(scores[self._key(c.prompt, c.image_a)], scores[self._key(c.prompt, c.image_b)])
                for c in comparisons]  # fmt: skip

    def _key(self, prompt: str, image: Image) -> tuple[str, str]:
        return (prompt if self.uses_prompt else "", image.digest)

    def _scores(self, comparisons: Sequence[Comparison]) -> dict[tuple[str, str], float]:
        known: dict[tuple[str, str], float] = self.__dict__.setdefault("_known_scores", {})
        fresh = {self._key(c.prompt, image): (c.prompt, image) for c in comparisons for image in (c.image_a, c.image_b)}
        fresh = {key: pair for key, pair in fresh.items() if key not in known}
        if fresh:
            prompts, images = zip(*fresh.values(), strict=True)
            known.update(zip(fresh, _checked(self.score(prompts, images), len(images)).tolist(), strict=True))
        return known


class Encoder(ABC):
    """A judge that embeds images and decides from embeddings; each distinct image is encoded once a run."""

    reads_once: ClassVar[bool] = True

    @abstractmethod
    def encode(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Embeddings of shape (n, d) for n distinct images; must not depend on how they are batched."""

    @abstractmethod
    def decide(self, comparison: Comparison, embed: Embed) -> Verdict:
        """The verdict on one comparison; `embed(image)` gives an embedding of shape (d,)."""

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """Encodes the images not seen before, then decides one comparison after the other."""
        embeddings = self._embeddings(comparisons)
        return [self.decide(comparison, lambda image: embeddings[image.digest]) for comparison in comparisons]

    def shown(self, comparison: Comparison) -> Iterable[Image]:
        """The images that are embedded for a comparison: all of it, unless a judge needs fewer."""
        return images_of(comparison)

    def unread(self, digests: Sequence[str]) -> set[str]:
        """Those of the images, by digest, that still have to be looked at: the others are not decoded again."""
        known: dict[str, NDArray[np.float64]] = self.__dict__.get("_known_embeddings", {})
        return set(digests) - known.keys()

    def _embeddings(self, comparisons: Sequence[Comparison]) -> dict[str, NDArray[np.float64]]:
        known: dict[str, NDArray[np.float64]] = self.__dict__.setdefault("_known_embeddings", {})
        fresh = {image.digest: image for c in comparisons for image in self.shown(c) if image.digest not in known}
        if fresh:
            rows = self.encode(list(fresh.values()))
            if len(rows) != len(fresh):
                raise ValueError(f"encode returned {len(rows)} rows for {len(fresh)} images; expected one each")
            known.update(zip(fresh, rows, strict=True))
        return known


def images_of(comparison: Comparison) -> Iterable[Image]:
    """Every image of a comparison: A, B, then the references' in order."""
    yield comparison.image_a
    yield comparison.image_b
    for reference in comparison.references:
        yield from reference.preferred
        yield from reference.rejected


def _checked(scores: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != (n,):
        raise ValueError(f"score returned shape {scores.shape} for {n} images; expected ({n},)")
    return scores
