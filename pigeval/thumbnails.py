"""Small pictures in a terminal: two pixels a character, in 24-bit colour, as upper half blocks."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
import PIL.Image

HALF = "\N{UPPER HALF BLOCK}"
RESET = "\x1b[0m"
GAP = "  "


def supported() -> bool:
    """Whether standard output is a terminal that says it shows 24-bit colour."""
    return sys.stdout.isatty() and os.environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}


def thumbnail(image: PIL.Image.Image, width: int) -> list[str]:
    """Lines of `width` characters at most; the aspect ratio is kept, for cells twice as high as wide."""
    scale = width / max(image.size)
    size = max(1, round(image.width * scale)), max(2, 2 * round(image.height * scale / 2))
    pixels = np.asarray(image.convert("RGB").resize(size, PIL.Image.Resampling.BOX))
    return [_line(pixels[row], pixels[row + 1]) for row in range(0, size[1], 2)]


def _line(upper: np.ndarray, lower: np.ndarray) -> str:
    cells = zip(upper.tolist(), lower.tolist(), strict=True)
    return "".join(f"\x1b[38;2;{u[0]};{u[1]};{u[2]};48;2;{v[0]};{v[1]};{v[2]}m{HALF}" for u, v in cells) + RESET


def beside(pictures: Sequence[PIL.Image.Image], width: int) -> list[str]:
    """Thumbnails in one row, their tops aligned."""
    columns = [thumbnail(picture, width) for picture in pictures]
    blanks = [" " * column[0].count(HALF) for column in columns]
    rows = zip_longest(*columns)
    return [GAP.join(cell or blank for cell, blank in zip(row, blanks, strict=True)) for row in rows]
