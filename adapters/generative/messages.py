"""Texts with slots to message parts. A slot is filled with text, an image, or a sequence of both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from harness.generation import Part
from harness.records import Image, Reference, digest_of

SECTION = re.compile(r"^=== (?P<name>[a-z-]+) ===\n", re.MULTILINE)
"""Begins a section of a prompt file that has several."""

NO_CAPTION = "(no caption)"
"""Stands where a caption is empty."""

Filling = Part | Sequence[Part]


def sections(text: str) -> dict[str, str]:
    """The sections of a prompt file by name, each without the line breaks at its end."""
    parts = SECTION.split(text)
    return {name: body.rstrip("\n") for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def filled(template: str, slots: Mapping[str, Filling]) -> tuple[Part, ...]:
    """The template with each `{name}` of a slot replaced; other braces stay, and what is filled in is not searched.

    Neighbouring texts are joined, so that a template without images gives one part.
    """
    pattern = "|".join(re.escape(name) for name in slots)
    pieces = re.split(rf"\{{({pattern})\}}", template) if slots else [template]
    found: list[Part] = []
    for place, piece in enumerate(pieces):
        value: Filling = slots[piece] if place % 2 else piece
        found.extend([value] if isinstance(value, str | Image) else value)
    return joined(found)


def joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts with neighbouring texts as one, and no empty ones."""
    found: list[Part] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif part != "":
            found.append(part)
    return tuple(found)


def caption(prompt: str) -> str:
    """The prompt on one line, or what stands for none."""
    return " ".join(prompt.split()) or NO_CAPTION


def labelled(images: Sequence[Image], label: str = "Image", first: int = 1) -> Iterator[Part]:
    """`Image 1:` and the image, a line each."""
    for number, image in enumerate(images, first):
        yield f"{label} {number}: "
        yield image
        yield "\n"


def shuffled(reference: Reference, seed: int) -> list[tuple[Image, bool]]:
    """(image, whether it is preferred), in an order that is a function of the reference and the seed.

    Which images are preferred has no part in it, so that the order tells nothing; and the comparison has none, so that
    a reference looks the same in every question.
    """
    shown = [(image, True) for image in reference.preferred] + [(image, False) for image in reference.rejected]
    shown.sort(key=lambda one: one[0].digest)
    together = "".join(image.digest for image, _ in shown)

    def place(one: tuple[Image, bool]) -> bytes:
        return digest_of(str(seed).encode(), reference.prompt.encode("utf-8", "replace"), together.encode(),
                         one[0].digest.encode())  # fmt: skip

    return sorted(shown, key=place)
