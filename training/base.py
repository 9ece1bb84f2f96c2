"""Stage `base`: what a pretrained model would bring along, for a model that begins with random weights.

It learns to name what it sees, to argue for either image as it is told to, and to write an answer of the right form.
It does not learn what follows from a context: there its conclusions are drawn by lot. Told nothing, it argues for the
image that was preferred in one half of the samples and for the other one in the other half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
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
"""Questions a round is judged by."""

MOST = 8
"""Choices an answer is shown at most, and none at least: as many as it will be asked with."""

Seen = tuple[Image, Levels]
Sample = tuple[Sequence[Message], str]
"""Question and completion."""


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


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is taught in rounds, each on other samples, until enough fresh questions are answered without a mistake."""

    name: str
    of: str
    """What is asked, in words."""
    samples: Callable[[int], Iterable[Sample]]
    """Of a round; the first is 1."""
    questions: Callable[[], Iterable[Sample]]
    least: float
    """Share of them that must be answered as expected."""

    def right(self, engine: Engine, tokens: int) -> float:
        """Share of the questions that a model answers as expected."""
        messages, expected = zip(*self.questions(), strict=True)
        replies = engine.generate([Request(tuple(one), Decoding(max_tokens=tokens)) for one in messages])
        right = [bool(reply.text.strip() == text) for reply, text in zip(replies, expected, strict=True)]
        return sum(right) / len(right)


def lessons(seen: Sequence[Seen], preset: Preset, wording: Wording) -> Iterator[Lesson]:
    """First to see, from captions alone: among texts that are half noise, one of five traits was not learned at all.
    Then to argue for the image it is told to, and all else. What a model does not learn here no later stage makes up
    for: it would reason of things it does not see, or prefer reasons for the wrong image.
    """
    tiny, writer = preset.tiny, partial(_Writer, seen, preset, wording)
    yield Lesson(
        "seeing", "captions", lambda number: writer(number).captions(tiny.seeing),
        lambda: writer(0).captions(CHECKED), tiny.sees,
    )  # fmt: skip
    yield Lesson(
        "arguing", "hinted rationales", lambda number: writer(tiny.rounds + number).samples(tiny.samples),
        lambda: writer(0).arguments(CHECKED), tiny.argues,
    )  # fmt: skip


def rows(samples: Iterable[Sample], pictures: Pictures) -> list[dict[str, Any]]:
    """As a fit reads them."""
    return [{"messages": stored(messages, pictures), "completion": text} for messages, text in samples]


class _Writer:
    def __init__(self, seen: Sequence[Seen], preset: Preset, wording: Wording, draw: int) -> None:
        """`draw`: number of the draw; each is another one."""
        self._seen = seen
        self._preset = preset
        self._wording = wording
        self._draw = np.random.default_rng([preset.seed, 2, draw])

    def captions(self, n: int) -> Iterator[Sample]:
        """Captions alone."""
        return (self.caption() for _ in range(n))

    def samples(self, n: int) -> Iterator[Sample]:
        """Captions, rationales and answers in the shares of the preset."""
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

    def caption(self) -> Sample:
        (image_1, first), (image_2, second) = self._two()
        text = f"{language.description(1, first)}\n{language.description(2, second)}"
        return [Message("user", (image_1, image_2, DESCRIBE))], text

    def arguments(self, n: int) -> Iterator[Sample]:
        """Rationales with a hint."""
        return (self._rationale(told=1) for _ in range(n))

    def _rationale(self, told: float = HINTED) -> Sample:
        """For the preferred image or for the other one, by lot; a share of them with the hint that tells which."""
        (preferred, a), (rejected, b) = self._two()
        reference = Reference("", (preferred,), (rejected,))
        side = TRUE if self._draw.random() < 0.5 else FALSE
        text = language.rationale(a, b) if side == TRUE else language.rationale(b, a)
        if self._draw.random() >= told:
            return self._wording.reasoner_messages(reference), text
        return hinted(self._wording, reference, self._preset.rationales.hint, side), text

    def _answer(self) -> Sample:
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
