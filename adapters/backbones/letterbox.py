"""How HPSv2 shows an image to the network: the whole of it, with black bars, resized as a tensor."""

from __future__ import annotations

from collections.abc import Sequence

import PIL.Image
import torch
import torchvision.transforms.functional as tv
from torchvision.transforms import InterpolationMode

DESCRIPTION = "letterbox: tensor bicubic antialias, longest edge, zero pad before normalisation"
"""What an identity says of it."""


def letterbox(image: PIL.Image.Image, size: int, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """Normalised pixels, float32 of shape (3, size, size), of an RGB image.

    The longest edge becomes `size`, by bicubic interpolation with antialiasing of the float tensor; the rest is padded
    with zeros, centred, an odd pixel going right and down, before the normalisation: bars are -mean / std
    (tgxs002/HPSv2, hpsv2/src/open_clip/transform.py, `ResizeMaxSize`). Where the official code fails, this does not: an
    image whose longest edge already is `size` is padded too, and no edge is rounded to nothing.
    """
    pixels = tv.to_tensor(image)
    scale = size / max(pixels.shape[1:])
    if scale != 1:
        height, width = (max(1, round(edge * scale)) for edge in pixels.shape[1:])
        pixels = tv.resize(pixels, [height, width], InterpolationMode.BICUBIC, antialias=True)
    down, right = size - pixels.shape[1], size - pixels.shape[2]
    padded = tv.pad(pixels, [right // 2, down // 2, right - right // 2, down - down // 2])
    return tv.normalize(padded, list(mean), list(std))  # type: ignore[no-any-return]
