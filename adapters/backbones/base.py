"""What every backbone does the same way: decode, preprocess in threads, forward in batches, remember on disk."""

from __future__ import annotations

import io
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray

from adapters.devices import Batched, Device
from adapters.embeddings import EmbeddingCache, unit
from harness.errors import ImageError
from harness.identity import identity_hash, versions
from harness.parameters import one_of
from harness.pictures import normalise
from harness.records import Image
from harness.store import cache_folder

DECODES = ("exact", "fast")
"""`exact`: Pillow's full decode, the official path. `fast`: JPEG files are decoded at a reduced size (DCT scaling)."""

PROBES = 8
"""Images on which the drift of the fast decode is measured."""

THREADS = min(8, os.cpu_count() or 1)


class Backbone(ABC):
    """A frozen image encoder.

    Args:
        device: where and in which precision it runs.
        decode: one of `DECODES`.
        cache: whether vectors are kept on disk for later runs and other judges.
    """

    libraries: tuple[str, ...] = ("torch", "pillow", "numpy")
    """Distributions whose versions can change a vector."""

    size: int
    """Side in pixels of what the network sees."""

    def __init__(self, device: Device, *, decode: str = "exact", cache: bool = True) -> None:
        self.device = device
        self.decode = one_of("decode", decode, DECODES)
        self.encoded = 0
        """How many images went through the network."""
        self._kept = cache
        self._batched = Batched(device)
        self._drift: list[float] = []

    @abstractmethod
    def preprocess(self, image: PIL.Image.Image) -> torch.Tensor:
        """Pixels as the network wants them, float32 of shape (3, h, w), the same h and w for all images."""

    @abstractmethod
    def forward_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """Vectors of shape (n, d), not normalised, for pixels of shape (n, 3, h, w) on the device in its dtype."""

    @abstractmethod
    def described(self) -> Mapping[str, Any]:
        """What can change a vector besides device and library versions: digest of the weights, preprocessing."""

    def identity(self) -> dict[str, Any]:
        """Everything that can change a vector; its hash names the cache."""
        return {
            "backbone": type(self).__name__,
            **self.described(),
            **self.device.identity(),
            "decode": self.decode,
            "libraries": versions(self.libraries),
        }

    @cached_property
    def cache(self) -> EmbeddingCache:
        """Vectors of images met before."""
        return EmbeddingCache(cache_folder() / "embeddings" / f"{identity_hash(self.identity())[:32]}.sqlite")

    def known(self, digests: Sequence[str]) -> set[str]:
        """Those of the images whose vectors are on disk."""
        return self.cache.known(digests) if self._kept else set()

    def images(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Vectors of shape (n, d) of n distinct images. Raises `ImageError` for one that cannot be decoded."""
        found = self.cache.lookup([image.digest for image in images]) if self._kept else {}
        fresh = [image for image in images if image.digest not in found]
        if fresh:
            new = dict(zip((image.digest for image in fresh), self._encode(fresh), strict=True))
            if self._kept:
                self.cache.add(new)
            found.update(new)
        return np.stack([found[image.digest] for image in images])

    def _encode(self, images: Sequence[Image]) -> NDArray[np.float32]:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="pigeval-preprocess") as pool:
            vectors = self._batched(lambda some: self._forward(list(pool.map(self._pixels, some))), images)
        self.encoded += len(images)
        if self.decode == "fast" and len(self._drift) < PROBES:
            self._probe(images[: PROBES - len(self._drift)], vectors)
        return vectors

    def _forward(self, pixels: list[torch.Tensor]) -> torch.Tensor:
        return self.forward_images(torch.stack(pixels).to(self.device.device, self.device.torch_dtype))

    def _pixels(self, image: Image) -> torch.Tensor:
        return self.preprocess(self._fast(image) if self.decode == "fast" else image.decode())

    def _fast(self, image: Image) -> PIL.Image.Image:
        """Decodes a JPEG file at the smallest DCT scale that is no smaller than twice what the network sees."""
        try:
            with PIL.Image.open(io.BytesIO(image.bytes())) as opened:
                opened.draft("RGB", (2 * self.size, 2 * self.size))
                opened.load()
                return normalise(opened)
        except Exception as error:
            raise ImageError(f"{image!r}: not an image Pillow can decode ({error}); replace the file") from error

    def _probe(self, images: Sequence[Image], fast: NDArray[np.float32]) -> None:
        """Measures how far the fast decode drifts: 1 - cosine of fast and exact vector."""
        exact = self._batched(lambda some: self._forward([self.preprocess(i.decode()) for i in some]), images)
        cosines = (unit(exact) * unit(fast[: len(exact)])).sum(axis=1)
        self._drift.extend((1 - cosines).tolist())

    @property
    def drift(self) -> float | None:
        """Largest 1 - cosine between fast and exact vectors of the first images; None for the exact decode."""
        return max(self._drift, default=None) if self.decode == "fast" else None


class DualBackbone(Backbone):
    """A frozen image and text encoder with one space for both."""

    scale: float = 1.0
    """Factor on cosines the model was trained with: exp(logit_scale)."""

    def described_texts(self) -> Mapping[str, Any]:
        """What can change a text vector besides `described`: a tokenizer from files. No part of the cache's name."""
        return {}

    @abstractmethod
    def forward_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Vectors of shape (n, d), not normalised. Too long texts are cut so that the end-of-text token stays."""

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape (n, d) of n texts."""
        return self._batched(self.forward_texts, texts)
