"""Tokens a request will take, before anybody has counted them. Estimates; what was used is what the server reports."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from harness.errors import ImageError
from harness.generation import Request
from harness.records import Image

CHARACTERS = 4
"""Of English text a token: the rule of thumb in OpenAI's "What are tokens and how to count them"."""

MESSAGE = 16
"""Tokens for a message's role and delimiters, and as many again for the beginning of a reply: a generous round number
above what the chat templates of the Qwen, LLaVA and OpenAI models add."""

UNREAD = 1024 * 1024
"""Pixels assumed of an image that cannot be read here, where there is no smaller `max_pixels`."""

ImageRule = Callable[[int, int], int]
"""Tokens of an image of so many pixels in width and height."""


def patches(side: int, factor: float = 1.0, most: int | None = None) -> ImageRule:
    """One token for each square of `side` pixels, at most `most` squares, times a factor; two that frame the image."""

    def rule(width: int, height: int) -> int:
        squares = math.ceil(width / side) * math.ceil(height / side)
        return 2 + math.ceil(factor * (squares if most is None else min(squares, most)))

    return rule


def tiles(base: int, each: int) -> ImageRule:
    """`base`, and `each` for every tile of 512 pixels after fitting into 2048 × 2048 and a short side of 768."""

    def rule(width: int, height: int) -> int:
        scale = min(1.0, 2048 / max(width, height))
        scale = min(scale, 768 / min(width, height))
        return base + each * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)

    return rule


def area(width: int, height: int) -> int:
    """Anthropic, "Vision": width × height / 750, after fitting into 1568 pixels on the long side."""
    scale = min(1.0, 1568 / max(width, height))
    return math.ceil(width * scale * height * scale / 750)


RULES: Mapping[str, ImageRule] = {
    "gpt-4o-mini": tiles(2833, 5667),
    "gpt-4.1-mini": patches(32, 1.62, 1536),
    "gpt-4.1-nano": patches(32, 2.46, 1536),
    "gpt-5-mini": patches(32, 1.62, 1536),
    "gpt-5-nano": patches(32, 2.46, 1536),
    "o4-mini": patches(32, 1.72, 1536),
    "gpt-4": tiles(85, 170),
    "gpt-5": tiles(70, 140),
    "o1": tiles(75, 150),
    "o3": tiles(75, 150),
    "claude": area,
    "qwen3-vl": patches(32),
    "qwen3vl": patches(32),
}
"""Image tokens by a part of the model's name, the first that fits. OpenAI, "Images and vision": calculating costs;
Anthropic, "Vision": image costs; Qwen3-VL: patches of 16 merged two by two."""

OTHERWISE = patches(28)
"""Qwen2-VL and Qwen2.5-VL: patches of 14 merged two by two; the finest grid among the open models judged here."""


def image_rule(model: str) -> ImageRule:
    """The rule for a model, by its name."""
    return next((rule for part, rule in RULES.items() if part in model.lower()), OTHERWISE)


def sent_size(image: Image, max_pixels: int | None) -> tuple[int, int]:
    """Width and height an image is sent at; a square of `max_pixels`, or `UNREAD`, where it cannot be read."""
    try:
        width, height = image.size
    except ImageError:
        width = height = math.isqrt(UNREAD)
    scale = 1.0 if max_pixels is None else min(1.0, math.sqrt(max_pixels / (width * height)))
    return max(1, int(width * scale)), max(1, int(height * scale))


def likely_text_tokens(request: Request) -> int:
    """Four characters a token."""
    return _framing(request) + math.ceil(sum(map(len, _texts(request))) / CHARACTERS)


def stand_in(tokens: int) -> str:
    """A text that `likely_text_tokens` counts so, in place of one yet to be written."""
    return "x" * (CHARACTERS * tokens)


def most_text_tokens(request: Request) -> int:
    """An upper bound: vocabularies that fall back on bytes need at most a token for a byte of UTF-8."""
    return _framing(request) + sum(len(text.encode("utf-8", "surrogatepass")) for text in _texts(request))


def _framing(request: Request) -> int:
    return MESSAGE * (1 + len(request.messages))


def _texts(request: Request) -> list[str]:
    return [part for message in request.messages for part in message.parts if isinstance(part, str)]
