"""Stage `base`: what a pretrained model would bring along, for a model that begins with random weights.

It learns to name what it sees, to argue for either image as it is told to, and to write an answer of the right form.
It does not learn what follows from a context: there its conclusions are drawn by lot. Told nothing, it argues for the
image that was preferred in one half of the samples and for the other one in the other half.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from adapters.pigreward.wording import Wording
from harness.errors import ConfigError
from harness.generation import Decoding, Engine, Message, Request
from harness.records import Image, Reference
from training import language
from training.hints import FALSE, TRUE, hinted
from training.language import TRAITS, Levels
from training.material import Material
from training.messages import stored
from training.pictures import Pictures
from training.presets import Preset
from training.splits import Split
from training.teacher import levels_of

DESCRIBE = "\nDescribe both images."
HINTED = 0.7
"""Share of the rationales with a hint. The others only keep it from knowing by itself which image to argue for."""

DIRECT = 0.1
"""Share of the answers that are a verdict alone, for the question that asks for no more."""

CHECKED = 200
"""Captions a round is judged by."""
MOST = 8
"""Choices an answer is shown at most, and none at least: as many as it will be asked with."""

Seen = tuple[Image, Levels]


def images(material: Material, split: Split, most: int, seed: int) -> list[Seen]:
    """Images of the parts that train, and what they show. Raises `ConfigError` where that is not known."""
    levels = levels_of(material)
    if levels is None:
        raise ConfigError(
            f"the stage base needs images whose content is known; {material.table.name} does not say: name a "
            "pretrained model with model.base"
        )
    wanted = {*split.parts["reasoner"].images, *split.parts["reward"].images}
    codes = [code for code in range(len(material.table.images)) if material.store.image(code).digest in wanted]
    drawn = np.random.default_rng([seed, 1]).permutation(len(codes))[:most]
    found = (material.store.image(codes[place]) for place in drawn.tolist())
    return [(image, levels[image.digest]) for image in found]


def captions(
    seen: Sequence[Seen], preset: Preset, wording: Wording, pictures: Pictures, number: int
) -> list[dict[str, Any]]:
    """What is taught first, alone, in a round: among texts that are half noise, one of five traits was not learned at
    all.
    """
    writer = _Writer(seen, preset, wording, number)
    return [_row(*writer.caption(), pictures) for _ in range(preset.tiny.seeing)]


def captions_right(engine: Engine, seen: Sequence[Seen], preset: Preset, wording: Wording) -> float:
    """Share of fresh captions a model writes without a mistake."""
    writer = _Writer(seen, preset, wording, 0)
    asked, expected = zip(*(writer.caption() for _ in range(CHECKED)), strict=True)
    decoding = Decoding(max_tokens=preset.contexts.max_tokens)
    replies = engine.generate([Request(tuple(messages), decoding) for messages in asked])
    right = [bool(reply.text.strip() == text) for reply, text in zip(replies, expected, strict=True)]
    return sum(right) / CHECKED


def samples(seen: Sequence[Seen], preset: Preset, wording: Wording, pictures: Pictures) -> list[dict[str, Any]]:
    """Messages and completions; a function of the preset's seed."""
    writer = _Writer(seen, preset, wording, preset.tiny.rounds + 1)
    return [_row(messages, text, pictures) for messages, text in writer.samples(preset.tiny.samples)]


def _row(messages: Sequence[Message], text: str, pictures: Pictures) -> dict[str, Any]:
    return {"messages": stored(messages, pictures), "completion": text}


class _Writer:
    def __init__(self, seen: Sequence[Seen], preset: Preset, wording: Wording, draw: int) -> None:
        """`draw`: number of the draw; each is another one."""
        self._seen = seen
        self._preset = preset
        self._wording = wording
        self._draw = np.random.default_rng([preset.seed, 2, draw])

    def samples(self, n: int) -> Iterator[tuple[Sequence[Message], str]]:
        tiny = self._preset.tiny
        for lot in self._draw.random(n):
            if lot < tiny.captions:
                yield self.caption()
            elif lot < tiny.captions + tiny.rationales:
                yield self._rationale()
            else:
                yield self._answer()

    def _two(self) -> tuple[Seen, Seen]:
        first, second = self._draw.choice(len(self._seen), 2, replace=False).tolist()
        return self._seen[first], self._seen[second]

    def caption(self) -> tuple[Sequence[Message], str]:
        (image_1, first), (image_2, second) = self._two()
        text = f"{language.description(1, first)}\n{language.description(2, second)}"
        return [Message("user", (image_1, image_2, DESCRIBE))], text

    def _rationale(self) -> tuple[Sequence[Message], str]:
        """For the preferred image or for the other one, by lot; most of them with the hint that tells which."""
        (preferred, a), (rejected, b) = self._two()
        reference = Reference("", (preferred,), (rejected,))
        side = TRUE if self._draw.random() < 0.5 else FALSE
        text = language.rationale(a, b) if side == TRUE else language.rationale(b, a)
        if self._draw.random() >= HINTED:
            return self._wording.reasoner_messages(reference), text
        return hinted(self._wording, reference, self._preset.rationales.hint, side), text

    def _answer(self) -> tuple[Sequence[Message], str]:
        """The evidence is added up as it stands; what is concluded from it is drawn by lot."""
        (image_1, first), (image_2, second) = self._two()
        shown = [self._two() for _ in range(self._draw.integers(0, MOST + 1))]
        references = [Reference("", (a[0],), (b[0],)) for a, b in shown]
        texts = [language.rationale(a[1], b[1]) for a, b in shown]
        gaps = language.evidence("\n".join(texts))
        traits = self._draw.permutation(len(TRAITS))[:3].tolist()
        drawn = [(trait, int(self._draw.integers(-1, 2))) for trait in traits]
        context, cot = self._wording.context(texts, references), self._draw.random() >= DIRECT
        text = language.written(gaps, drawn, first, second)
        messages = self._wording.reward_messages(context, "", image_1, image_2, cot=cot)
        return messages, text if cot else text.rpartition("\n")[2]
