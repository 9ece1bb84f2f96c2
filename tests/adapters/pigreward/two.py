"""Two engines that answer by script, and what is asked of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.pigreward.judge import PigReward
from harness.generation import Request
from harness.records import Image, Reference
from tests.adapters.asking import noise
from tests.adapters.fake_engine import FakeEngine, text_of

A, B, C, D, E, F = (noise(seed) for seed in range(6))
NAMES = {image.digest: name for name, image in zip("ABCDEF", (A, B, C, D, E, F), strict=True)}
FIRST, SECOND = Reference("first", (C,), (D,)), Reference("second", (E,), (F,))
ANSWER = (
    "Colour: x. (Score 1: 8, Score 2: 6)\nLight: y. (Score 1: 6, Score 2: 7)\nMood: z. (Score 1: 9, Score 2: 9)\n"
    "Score 1: 8+6+9=23\nScore 2: 6+7+9=22\nImage 1 is better"
)


def name(image: Image) -> str:
    return f"<{NAMES.get(image.digest, '?')}>"


def caption_of(request: Request) -> str:
    """The caption a rationale is asked for."""
    found = re.search(r"caption: (.*)", text_of(request))
    assert found
    return found[1]


@dataclass
class Two:
    """The engines judges are made with."""

    reward: FakeEngine = field(default_factory=lambda: FakeEngine(ANSWER))
    reasoner: FakeEngine = field(default_factory=lambda: FakeEngine(lambda r: f" likes {caption_of(r)} \n"))
    made: list[Any] = field(default_factory=list)

    def engine_of(self, options: Any) -> FakeEngine:
        self.made.append(options)
        return self.reasoner if len(self.made) % 2 == 0 else self.reward


def only(monkeypatch: pytest.MonkeyPatch, **given: Any) -> tuple[PigReward, FakeEngine]:
    """A judge without a reasoner, and its engine."""
    engine = FakeEngine(ANSWER)
    monkeypatch.setattr("adapters.pigreward.judge.engine_of", lambda options: engine)
    return PigReward(**given), engine
