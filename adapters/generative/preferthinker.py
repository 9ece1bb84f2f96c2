"""PreferThinker's way of asking (Xu et al. 2025, arXiv 2511.00609): profiles, ratings by element, an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from adapters.generative.judge import ModelJudge
from adapters.generative.messages import filled, joined, sections
from adapters.generative.options import model_options
from adapters.generative.shots import lines
from adapters.parsers import PARSERS
from adapters.prompts.wording import wording
from harness.generation import Message, Part
from harness.parameters import takes, whole
from harness.records import Comparison, Image

OPTIONS = model_options(
    model="Qwen/Qwen2.5-VL-7B-Instruct", max_tokens=4096, repetition_penalty=1.15, max_pixels=512 * 512
)
"""Decoding as in the released evaluation script (Shengqi77/PreferThinker, eval_PreferThinker.py)."""


@takes(OPTIONS)
class PreferThinker(ModelJudge):
    """Liked images, disliked images, then the pair; the caption is not shown, as in the released evaluation script.

    Every image is announced as `Picture 1:`, `Picture 2:` …, which is what the script's chat template makes of its
    option `add_vision_id`. The trained model is not published, so the default is the base model it was trained from,
    and the wording is our own: two worked examples of the authors' stand in theirs.

    `images`: of the references, the first so many liked and so many disliked images are shown (5 in the script).
    """

    reads_references: bool = True

    def __init__(self, *, images: int = 5, **given: Any) -> None:
        self._images = whole("images", images, 1)
        texts = wording("preferthinker")
        super().__init__(OPTIONS(**given), PARSERS["preferthinker"], [texts], words=("A", "B"))
        self._texts = sections(texts.text)

    def messages(self, comparison: Comparison) -> Sequence[Message]:
        """System, then one turn: liked, disliked, Image A and Image B, the task."""
        liked = [image for reference in comparison.references for image in reference.preferred]
        disliked = [image for reference in comparison.references for image in reference.rejected]
        number = count(1)
        shown: list[Part] = []
        for name, images in (("liked", liked), ("disliked", disliked)):
            if images:
                shown += [*lines(self._texts[name]), *_pictures(images[: self._images], number)]
        pair = [
            part
            for letter, image in zip("AB", (comparison.image_a, comparison.image_b), strict=True)
            for part in (f"Image {letter}\n", *_pictures([image], number))
        ]
        query = filled(self._texts["query"], {"images": pair})
        user = joined([*shown, *lines(query, self._texts["task"])])
        return Message("system", (self._texts["system"],)), Message("user", user)


def _pictures(images: Sequence[Image], number: Iterator[int]) -> Iterator[Part]:
    """`Picture n: `, the image and a line break, for each."""
    for image in images:
        yield f"Picture {next(number)}: "
        yield image
        yield "\n"
