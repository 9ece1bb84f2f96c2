"""Similarities that need both images at once: each pair is measured once, each image decoded once while it is kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import PIL.Image
import torch

from adapters.backbones.base import THREADS
from adapters.devices import Batched, Device
from adapters.recent import Recent
from adapters.similarity.aggregation import aggregate, pairs, preference
from harness.parameters import number, whole
from harness.records import Comparison, Image, Verdict

PAIRS = 1_000_000
"""Most similarities kept: both orders and the targets of one user share many; some hundred megabytes."""

Key = tuple[str, str]


class Pairwise(ABC):
    """Prefers the image nearer to the preferred than to the rejected references (see `aggregation.preference`).

    Every image is resized to `size` × `size` pixels (Pillow, bicubic, aspect not kept), because the two of a pair must
    have one size and no source says which.

    Args:
        device: where it runs and how many images or pairs are worked on at once.
        aggregation: `mean` or `max` over the reference images.
        size: side in pixels, from 64 to 2048.
        memory: GiB of image features kept for the next pairs, from 0 to 1024.
    """

    reads_references: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("torch", "pillow", "numpy")
    incidental: ClassVar[tuple[str, ...]] = ("weights", "device", "batch", "memory")
    """`identity` says what of these matters."""

    def __init__(self, device: Device, *, aggregation: str, size: int, memory: float) -> None:
        self.device = device
        self.size = whole("size", size, 64, 2048)
        self._over = aggregate(aggregation)
        self._batched = Batched(device)
        self._features: Recent[str, torch.Tensor] = Recent(number("memory", memory, 0, 1024) * 2**30, _bytes)
        self._similarities: Recent[Key, float] = Recent(PAIRS)

    @abstractmethod
    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """What is kept of n images, shape (n, ...), for their pixels, uint8 of shape (n, 3, size, size) on the CPU."""

    @abstractmethod
    def similarities(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """How alike the images of n pairs are, shape (n,), for the features of their two sides, shape (n, ...) each."""

    def identity(self) -> Mapping[str, Any]:
        """What of the device can change a score."""
        return {**self.device.identity(), "resize": "Pillow bicubic, aspect not kept"}

    def unread(self, digests: Sequence[str]) -> set[str]:
        """Those of the images that would have to be decoded."""
        return {digest for digest in digests if digest not in self._features}

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """Measures the pairs not met before, then decides one comparison after the other."""
        known = self._measured(pair for comparison in comparisons for pair in pairs(comparison))
        return [preference(c, lambda x, image: known[x.digest, image.digest], self._over) for c in comparisons]

    def _measured(self, asked: Iterable[tuple[Image, Image]]) -> dict[Key, float]:
        wanted = {(x.digest, image.digest): (x, image) for x, image in asked}
        known = {key: value for key in wanted if (value := self._similarities.get(key)) is not None}
        fresh = [key for key in wanted if key not in known]
        size = self._batched.size
        for start in range(0, len(fresh), size):
            some = fresh[start : start + size]
            measured = dict(zip(some, self._measure([wanted[key] for key in some]), strict=True))
            known.update(measured)
            for key, value in measured.items():
                self._similarities.put(key, value)
        return known

    def _measure(self, some: Sequence[tuple[Image, Image]]) -> list[float]:
        features = self._described({image.digest: image for pair in some for image in pair})
        sides = [(features[x.digest], features[image.digest]) for x, image in some]
        return [float(value) for value in self._batched(self._alike, sides)]

    def _alike(self, sides: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
        a, b = (torch.stack(side).to(self.device.device) for side in zip(*sides, strict=True))
        return self.similarities(a, b)

    def _described(self, images: Mapping[str, Image]) -> dict[str, torch.Tensor]:
        found = {digest: kept for digest in images if (kept := self._features.get(digest)) is not None}
        fresh = {digest: image for digest, image in images.items() if digest not in found}
        if fresh:
            new = dict(zip(fresh, self._encoded(list(fresh.values())), strict=True))
            for digest, features in new.items():
                self._features.put(digest, features)
            found.update(new)
        return found

    def _encoded(self, images: Sequence[Image]) -> list[torch.Tensor]:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="pigeval-resize") as pool:
            pixels = list(pool.map(self._resized, images))
        rows = self._batched(lambda some: self.features(torch.stack(list(some))), pixels)
        # Copies, so that keeping one image does not keep its whole batch.
        return [torch.from_numpy(row.copy()) for row in rows]

    def _resized(self, image: Image) -> torch.Tensor:
        resized = image.decode().resize((self.size, self.size), PIL.Image.Resampling.BICUBIC)
        return torch.from_numpy(np.array(resized)).permute(2, 0, 1)


def _bytes(features: torch.Tensor) -> float:
    return features.numel() * features.element_size()
