"""A user's past choices as parts of a prompt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from adapters.generative.messages import caption, filled, labelled, shuffled
from harness.generation import Part
from harness.records import Reference


def shots(texts: Mapping[str, str], references: Iterable[Reference], seed: int) -> Iterator[Part]:
    """Each choice by the section `pair`, or `liked` where nothing was rejected, with a line break after it.

    Slots: `number` from 1, `caption`, and as the section asks for them `images` (all of the choice, in an order that
    tells nothing, see `shuffled`), `preferred` (the numbers of the preferred among them), `liked` and `disliked`. A
    choice among more than two images shows them all; several preferred ones are named together.
    """
    for number, reference in enumerate(references, 1):
        shown = shuffled(reference, seed)
        preferred = [str(place) for place, (_, wanted) in enumerate(shown, 1) if wanted]
        yield from filled(
            texts["pair" if reference.rejected else "liked"] + "\n",
            {
                "number": str(number),
                "caption": caption(reference.prompt),
                "images": tuple(labelled([image for image, _ in shown])),
                "preferred": " and ".join(preferred),
                "liked": tuple(labelled(reference.preferred, "Liked image")),
                "disliked": tuple(labelled(reference.rejected, "Disliked image")),
            },
        )


def lines(*blocks: Sequence[Part]) -> Iterator[Part]:
    """The blocks one after the other, a line break after each."""
    for block in blocks:
        yield from [block] if isinstance(block, str) else block
        yield "\n"
