"""What an encoder of images and texts thinks of an image, whoever asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from adapters.embeddings import unit
from adapters.encoding import ImageVectors

Vector = NDArray[np.float64]


@runtime_checkable
class TextVectors(Protocol):
    """The half of a dual encoder that reads texts; `adapters.backbones.base.DualBackbone` is one."""

    scale: float

    def texts(self, texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        """Vectors of shape (n, d)."""
        ...


class General:
    """weight · scale · cos(prompt, image); 0 for an encoder of images alone."""

    def __init__(self, encoder: ImageVectors, weight: float) -> None:
        self._texts = encoder if weight and isinstance(encoder, TextVectors) else None
        self._factor = weight * self._texts.scale if self._texts else 0.0
        self._known: dict[str, Vector] = {}

    def read(self, prompts: Iterable[str]) -> None:
        """Encodes the prompts not met before."""
        fresh = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._known]
        if self._texts and fresh:
            self._known.update(zip(fresh, unit(self._texts.texts(fresh)), strict=True))

    def score(self, prompt: str, x: Vector) -> float:
        """For a prompt that was read and an image's vector of length one, shape (d,)."""
        return self._factor * float(self._known[prompt] @ x) if self._texts else 0.0
