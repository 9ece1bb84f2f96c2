"""What judges say around a verdict, in many voices (`corpus/phrases.toml`), and noise."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from typing import Any

_SAID: dict[str, Any] = tomllib.loads((Path(__file__).parent / "corpus" / "phrases.toml").read_text(encoding="utf-8"))

ASPECTS: list[str] = _SAID["aspects"]
PRAISE: list[str] = _SAID["praise"]
BLAME: list[str] = _SAID["blame"]
REVIEWS: list[str] = _SAID["reviews"]
OPENINGS: list[str] = _SAID["openings"]
REFUSALS: list[str] = _SAID["refusals"]
FOREIGN: dict[str, list[str]] = _SAID["foreign"]
VERDICTS: dict[str, list[str]] = _SAID["verdicts"]


def review(rng: random.Random, count: int = 2) -> str:
    """Sentences that compare the images; the praised one varies and has nothing to do with the verdict."""
    said = []
    for shape in rng.sample(REVIEWS, count):
        x, y = rng.sample("12", 2)
        said.append(shape.format(x=x, y=y, praise=rng.choice(PRAISE), blame=rng.choice(BLAME)))
    return " ".join(said)


def foreign(rng: random.Random, language: str) -> str:
    """Prose in another language, again without a verdict."""
    x, y = rng.sample("12", 2)
    joint = "" if language in ("zh", "ja") else " "
    return joint.join(sentence.format(x=x, y=y) for sentence in rng.sample(FOREIGN[language], 2))


def translated(rng: random.Random, language: str, winner: str) -> str:
    """A verdict in another language."""
    x, y = ("1", "2") if winner == "A" else ("2", "1")
    return rng.choice(VERDICTS[language]).format(x=x, y=y)


def noise(seed: int, size: int) -> str:
    """Lines of made-up words, `size` characters, none of which says anything."""
    rng = random.Random(seed)
    syllables = ("ka", "lo", "mi", "zu", "ter", "van", "ish", "pol", "qua", "dre", "sny", "ub")
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(400)]
    lines: list[str] = []
    length = 0
    while length < size:
        line = " ".join(rng.choices(words, k=rng.randint(3, 14)))
        if rng.random() < 0.1:
            line += " " + "".join(rng.choices("~^%$#@{}[]<>=+\\|/'\";:,.0123456789", k=rng.randint(2, 12)))
        lines.append(line)
        length += len(line) + 1
    return "\n".join(lines)[:size]
