"""Requests and images for tests of the local engine."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import PIL.Image

from harness.generation import Decoding, Message, Part, Request
from harness.pictures import BytesPicture
from harness.records import Image

BROKEN = Image(BytesPicture(b"not an image", "broken.png"))


def noise(seed: int, width: int = 70, height: int = 60) -> Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "PNG")
    return Image(BytesPicture(buffer.getvalue()))


IMAGES = [noise(seed, 50 + 11 * seed, 90 - 5 * seed) for seed in range(5)]


def request(*parts: Part, max_tokens: int = 12, **decoding: Any) -> Request:
    return Request((Message("user", parts),), Decoding(max_tokens=max_tokens, **decoding))


def mixed(**decoding: Any) -> Sequence[Request]:
    """Five requests of different lengths, with none to three images, some of them shared."""
    a, b, c, d, e = IMAGES
    return [
        request("first", a, "or", b, **decoding),
        request("the others ", a, c, d, " tell more about it than one would think", **decoding),
        request("no image at all", **decoding),
        request(e, **decoding),
        request("x" * 90, b, **decoding),
    ]
