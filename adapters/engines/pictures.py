"""What a model gets to see of an image: how large, and in which encoding. Shared by every engine."""

from __future__ import annotations

import base64
import io
import math
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock
from typing import Any

import PIL.Image

from harness.parameters import one_of, whole
from harness.records import Image

FORMATS = ("png", "jpeg")

MEMORY = 256 * 2**20
"""Bytes of encoded images an engine keeps."""


@dataclass(frozen=True, slots=True)
class ImagePolicy:
    """Raises `ConfigError` for a value out of range."""

    format: str = "png"
    """`png` keeps every pixel; `jpeg` does as the official clients of several judges do."""
    quality: int = 95
    """Of JPEG, Pillow's scale from 1 to 100."""
    max_pixels: int | None = None
    """A larger image is made smaller, keeping its aspect ratio; None: never."""

    def __post_init__(self) -> None:
        one_of("image_format", self.format, FORMATS)
        whole("jpeg_quality", self.quality, 1, 100)
        if self.max_pixels is not None:
            whole("max_pixels", self.max_pixels, 1)

    def identity(self) -> Mapping[str, Any]:
        """What can change a reply; the quality only where it is used."""
        quality = {"quality": self.quality} if self.format == "jpeg" else {}
        return {"format": self.format, **quality, "max_pixels": self.max_pixels}


def prepared(image: Image, policy: ImagePolicy) -> PIL.Image.Image:
    """The pixels the model gets, mode RGB: those that `encoded` decodes to. Not to be changed in place.

    Raises `ImageError`.
    """
    if policy.format == "png":
        return _shrunk(image.decode(), policy.max_pixels)
    with PIL.Image.open(io.BytesIO(encoded(image, policy)[1])) as decoded:
        return decoded.convert("RGB")


def encoded(image: Image, policy: ImagePolicy) -> tuple[str, bytes]:
    """(media type, encoded bytes). Raises `ImageError`.

    Always encoded anew, from the pixels alone: the text chunks of a file may name the model that drew it.
    """
    return f"image/{policy.format}", _compressed(_shrunk(image.decode(), policy.max_pixels), policy)


def _compressed(pixels: PIL.Image.Image, policy: ImagePolicy) -> bytes:
    bare = PIL.Image.frombytes(pixels.mode, pixels.size, pixels.tobytes())
    buffer = io.BytesIO()
    # PNG is lossless at every level; the first is several times faster than the default and a tenth larger.
    options = {"compress_level": 1} if policy.format == "png" else {"quality": policy.quality}
    bare.save(buffer, policy.format, **options)
    return buffer.getvalue()


def _shrunk(pixels: PIL.Image.Image, max_pixels: int | None) -> PIL.Image.Image:
    """At most so many pixels, bicubic, as in the preprocessing of the Qwen-VL models (transformers, Qwen2VL)."""
    width, height = pixels.size
    if max_pixels is None or width * height <= max_pixels:
        return pixels
    scale = math.sqrt(max_pixels / (width * height))
    narrow = max(1, min(int(width * scale), max_pixels))
    size = (narrow, max(1, min(int(height * scale), max_pixels // narrow)))
    return pixels.resize(size, PIL.Image.Resampling.BICUBIC)


@dataclass(frozen=True, slots=True)
class Sent:
    """An image as it is sent."""

    url: str
    """`data:` URL with the encoded bytes in base64."""
    width: int
    height: int
    """In pixels, as sent."""


class Pictures:
    """Images ready to be sent, each encoded once for as long as it is remembered. Safe to use from several threads."""

    def __init__(self, policy: ImagePolicy, memory: int = MEMORY) -> None:
        self.policy = policy
        self._room = memory
        self._lock = Lock()
        self._known: OrderedDict[str, Future[Sent]] = OrderedDict()

    def __getitem__(self, image: Image) -> Sent:
        """Encodes the image, or waits for the thread that does. Raises `ImageError`."""
        key = image.digest
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
            else:
                mine = self._known[key] = Future()
        if known is not None:
            return known.result()
        try:
            mine.set_result(self._sent(image))
        except BaseException as error:
            with self._lock:
                del self._known[key]
            mine.set_exception(error)
            raise
        self._make_room(mine.result())
        return mine.result()

    def _sent(self, image: Image) -> Sent:
        pixels = _shrunk(image.decode(), self.policy.max_pixels)
        content = base64.b64encode(_compressed(pixels, self.policy)).decode("ascii")
        return Sent(f"data:image/{self.policy.format};base64,{content}", *pixels.size)

    def _make_room(self, fresh: Sent) -> None:
        """Forgets the images used longest ago. One under way in another thread is left alone."""
        with self._lock:
            self._room -= len(fresh.url)
            for key in list(self._known):
                if self._room >= 0:
                    return
                if self._known[key].done():
                    self._room += len(self._known.pop(key).result().url)
