"""How each family writes an answer whose verdict is known, and what of it can go wrong."""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.adapters.parsers.corpus_phrases import ASPECTS, BLAME, PRAISE, review

NUMBER = {"A": "1", "B": "2"}
OTHER = {"A": "B", "B": "A"}


@dataclass(frozen=True)
class Family:
    """A family whose answers are a body and a final statement."""

    parser: str
    body: Callable[[random.Random], str]
    """What comes before the verdict, reasoning tags included."""
    finals: Sequence[str]
    """Spellings of the verdict; {x} is the winner, {y} the other one."""
    ties: Sequence[str]
    echoes: Sequence[str]
    unreadable: Sequence[str]
    """Final statements that deny, contradict themselves or decide nothing."""
    inside: Callable[[random.Random], str]
    """Reasoning with a verdict in it, closed."""
    names: str = "12"

    def final(self, rng: random.Random, winner: str) -> str:
        if winner == "tie":
            return rng.choice(self.ties)
        x, y = (self.names[0], self.names[1]) if winner == "A" else (self.names[1], self.names[0])
        return rng.choice(self.finals).format(x=x, y=y)

    def answer(self, rng: random.Random, winner: str) -> str:
        return f"{self.body(rng)}\n\n{self.final(rng, winner)}"


def _pair_body(rng: random.Random) -> str:
    return review(rng, rng.randint(2, 4))


def _thought(rng: random.Random) -> str:
    blocks = []
    sums: dict[str, list[int]] = {"1": [], "2": []}
    for number, aspect in enumerate(rng.sample(ASPECTS, 3), 1):
        scores = {image: rng.randint(1, 10) for image in "12"}
        for image in "12":
            sums[image].append(scores[image])
        blocks.append(
            f"{number}. {aspect}:\n   Image 1 ({scores['1']}/10) - {rng.choice(PRAISE)}.\n"
            f"   Image 2 ({scores['2']}/10) - {rng.choice(BLAME)}."
        )
    totals = "\n".join(f"Image {i}: {'+'.join(map(str, sums[i]))}={sum(sums[i])}" for i in "12")
    return "\n".join(blocks) + f"\nTotal score:\n{totals}"


def _think_body(rng: random.Random) -> str:
    opening = rng.choice(("<think>\n", "<think> ", "<Think>\n", ""))
    return f"{opening}{_thought(rng)}\n{review(rng)}</think>"


def _profile(rng: random.Random) -> str:
    style, colour = rng.choice(("ink wash", "pixel art", "baroque oil", "vector poster")), rng.choice(("muted", "neon"))
    return (
        f'<visual preference profile>\n"Art Styles": "{style}",\n"Color": "{colour}",\n"Artistic Medium": "digital",\n'
        f'"Saturation": "low",\n"Detail": "{rng.choice(PRAISE)}"\n</visual preference profile>\n'
        f'<visual non-preference profile>\n"Art Styles": "photo",\n"Detail": "{rng.choice(BLAME)}"\n'
        "</visual non-preference profile>\n"
    )


def _elements(rng: random.Random) -> str:
    blocks: list[str] = []
    sums: dict[str, list[int]] = {"A": [], "B": []}
    for number, name in enumerate(("Art Styles", "Color", "Artistic Medium", "Saturation", "Detail"), 1):
        a, b = rng.randint(0, 5), rng.randint(0, 5)
        sums["A"].append(a)
        sums["B"].append(b)
        blocks.append(f"{number}. {name}: Image A({a}) - {rng.choice(PRAISE)}; Image B({b}) - {rng.choice(BLAME)}.")
    blocks += [f"Image {i}: total_score={'+'.join(map(str, sums[i]))}={sum(sums[i])}" for i in "AB"]
    return "\n".join(blocks)


def _preferthinker_body(rng: random.Random) -> str:
    return f"{_profile(rng)}<think>\n{_elements(rng)}\n</think>"


def _ppd_body(rng: random.Random) -> str:
    pairs = "\n".join(
        f"Pair {i}: the user preferred image {rng.choice('12')}, probably for {rng.choice(PRAISE)}."
        for i in range(1, 5)
    )
    profile = f"User Profile: drawn to {rng.choice(PRAISE)}; put off by {rng.choice(BLAME)}."
    return "\n\n".join(rng.sample([pairs, profile, review(rng)], rng.randint(2, 3)))


def _lvlm_body(rng: random.Random) -> str:
    rows = []
    for aspect in rng.sample(ASPECTS, rng.randint(1, 5)):
        reason = f"{rng.choice(PRAISE)} against {rng.choice(BLAME)}"
        rows.append(f"{aspect}: {reason} (Image 1: {rng.randint(0, 10)}, Image 2: {rng.randint(0, 10)})")
    return "\n".join(rows)


_SPELLED: dict[str, dict[str, list[str]]] = tomllib.loads(
    (Path(__file__).parent / "corpus" / "families.toml").read_text(encoding="utf-8")
)


def _family(
    parser: str, body: Callable[[random.Random], str], inside: Callable[[random.Random], str], names: str = "12"
) -> Family:
    return Family(parser, body, **_SPELLED[parser], inside=inside, names=names)


FAMILIES: dict[str, Family] = {
    family.parser: family
    for family in (
        _family(
            "unifiedreward-pair",
            _pair_body,
            lambda rng: f"<think>{review(rng)} Image {rng.choice('12')} is better.</think>",
        ),
        _family(
            "unifiedreward-think",
            _think_body,
            lambda rng: f"<think>{_thought(rng)}\nThus Image {rng.choice('12')} is better.\n</think>",
        ),
        _family(
            "preferthinker",
            _preferthinker_body,
            lambda rng: f"{_profile(rng)}<think>\n{_elements(rng)}\nSo Image {rng.choice('AB')} is better.\n</think>",
            "AB",
        ),
        _family(
            "ppd",
            _ppd_body,
            lambda rng: f"<think>{_ppd_body(rng)}\nPrediction of user preference: {rng.choice('12')}</think>",
        ),
        _family("lvlm", _lvlm_body, lambda rng: f"<think>{_lvlm_body(rng)}\nVerdict: {rng.choice('12')}</think>"),
    )
}


def shares(rng: random.Random, winner: str, count: int = 3) -> list[int]:
    """Hundredths for image 1 in each of the criteria, whose sum is above, below or at one half."""
    while True:
        values = [rng.randrange(5, 100, rng.choice((1, 5))) for _ in range(count)]
        gap = sum(values) - 50 * count
        if (gap > 0) - (gap < 0) == {"A": 1, "B": -1, "tie": 0}[winner]:
            return values


_TWO_STYLES: tuple[Callable[[str, str, str], str], ...] = (
    lambda name, a, b: f"{name}:\nImage 1: {a}\nImage 2: {b}\n",
    lambda name, a, b: f"{name} Score:\n- Image 1: {a}\n- Image 2: {b}\n",
    lambda name, a, b: f"**{name}**\nImage 1: **{a}**\nImage 2: **{b}**\n",
    lambda name, a, b: f"{name}: Image 1: {a}, Image 2: {b}",
    lambda name, a, b: f"### {name}\n\nImage 1: {a}\n\nImage 2: {b}\n",
    lambda name, a, b: f"- {name} - Image 1: {a}; Image 2: {b}",
    lambda name, a, b: f"{name} (Image 1: {a}, Image 2: {b})",
    lambda name, a, b: f"{name}:\nImage 2: {b}\nImage 1: {a}\n",
    lambda name, a, b: f"{name.upper()}: Image 1 = {a}; Image 2 = {b}",
)


def two_blocks(
    rng: random.Random, winner: str, names: Sequence[str] = ("Alignment", "Coherence", "Style")
) -> list[str]:
    style = rng.choice(_TWO_STYLES)
    return [
        style(name, f"{value / 100:.2f}", f"{(100 - value) / 100:.2f}")
        for name, value in zip(names, shares(rng, winner, len(names)), strict=True)
    ]


def flex_object(rng: random.Random, winner: str, prompt: str = "a quiet lake at dawn") -> dict[str, object]:
    categories = []
    for name in ("Semantic Alignment", "Image Quality & Realism", "Aesthetics"):
        dims: list[dict[str, object]] = []
        for aspect in rng.sample(ASPECTS, 3):
            score = rng.randint(1, 9)
            reasons = {"reason_1": rng.choice(PRAISE), "reason_2": rng.choice(BLAME)}
            dims.append({"name": aspect, **reasons, "score_1": score, "score_2": 10 - score})
        ahead = f"Image {NUMBER.get(winner, rng.choice('12'))}"
        categories.append({"name": name, "dims": dims, "cat_reason": review(rng), "cat_winner": ahead})
    said = f"Image {NUMBER[winner]}" if winner in NUMBER else "tie"
    return {"prompt": prompt, "categories": categories, "reason": review(rng), "winner": said}


def flex_text(rng: random.Random, winner: str) -> str:
    return json.dumps(flex_object(rng, winner), indent=rng.choice((None, 1, 2, 4)), ensure_ascii=False)
