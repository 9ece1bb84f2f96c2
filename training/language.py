"""The few words in which the simulated world is spoken of: closed, so that a model of few weights can."""

from __future__ import annotations

import re
from collections.abc import Sequence

Levels = Sequence[int]
"""Level of each element of an image, or sign of a taste: -1, 0 or +1, five of them."""

TRAITS = ("cubism", "warmth", "impasto", "vividness", "detail")
"""What there is more of at level +1, for art style, colour, medium, saturation and detail."""
LOOKS = (
    ("naturalistic", "impressionist", "cubist"),
    ("cool", "balanced", "warm"),
    ("watercolour", "pencil", "oil"),
    ("muted", "natural", "vivid"),
    ("sparse", "moderate", "rich"),
)
"""One word for each level of each element."""
FEELINGS = ("dislikes", "neutral", "likes")

_TRAIT = {look: trait for trait, looks in enumerate(LOOKS) for look in looks}
_LOOK = "|".join(_TRAIT)
_SLOT = re.compile(rf"\b({_LOOK}) over ({_LOOK})\b")


def description(number: int, levels: Levels) -> str:
    """What is seen in an image, such as `Image 1: cubist, cool, oil, natural, rich`."""
    return f"Image {number}: " + ", ".join(LOOKS[i][level + 1] for i, level in enumerate(levels))


def rationale(preferred: Levels, rejected: Levels) -> str:
    """Why one image was preferred, element by element: `cubist over naturalistic, warm over warm, …`."""
    pairs = zip(LOOKS, preferred, rejected, strict=True)
    return ", ".join(f"{looks[a + 1]} over {looks[b + 1]}" for looks, a, b in pairs)


def evidence(text: str) -> list[tuple[int, ...]]:
    """What every rationale in a text says: preferred less rejected level, -2 .. 2 for each trait, in order.

    A rationale is a line that sets one look over another of the same element. A trait it says nothing of has gap 0, and
    of several sayings the first counts: a reasoner that is still learning does not always keep to the form.
    """
    found = []
    for line in text.split("\n"):
        gaps: dict[int, int] = {}
        for preferred, rejected in _SLOT.findall(line):
            trait = _TRAIT[preferred]
            if trait == _TRAIT[rejected]:
                gaps.setdefault(trait, LOOKS[trait].index(preferred) - LOOKS[trait].index(rejected))
        if gaps:
            found.append(tuple(gaps.get(trait, 0) for trait in range(len(TRAITS))))
    return found


def conclusions(gaps: Sequence[tuple[int, ...]]) -> list[tuple[int, int]]:
    """(trait, sign) of the three traits with the largest sums, the strongest first."""
    sums = _sums(gaps)
    strongest = sorted(range(len(TRAITS)), key=lambda trait: (-abs(sums[trait]), trait))[:3]
    return [(trait, (sums[trait] > 0) - (sums[trait] < 0)) for trait in strongest]


def chain(gaps: Sequence[tuple[int, ...]], first: Levels, second: Levels) -> str:
    """A chain of thought: of every trait both looks and the evidence added up, three conclusions with scores, the
    verdict.
    """
    return written(gaps, conclusions(gaps), first, second)


def written(
    gaps: Sequence[tuple[int, ...]], concluded: Sequence[tuple[int, int]], first: Levels, second: Levels
) -> str:
    """The same for given (trait, sign) conclusions; a trait is scored 2 + sign · level."""
    seen = [f"{name}: {_against(trait, first, second)}" for trait, name in enumerate(TRAITS)]
    rows = [f"{looks}, {total}" for looks, total in zip(seen, _sums(gaps), strict=True)]
    scores = [(2 + sign * first[trait], 2 + sign * second[trait]) for trait, sign in concluded]
    rows += [
        f"{seen[trait]}, {FEELINGS[sign + 1]} (Score 1: {a}, Score 2: {b})"
        for (trait, sign), (a, b) in zip(concluded, scores, strict=True)
    ]
    totals = [sum(column) for column in zip(*scores, strict=True)]
    rows += [_total(number, column) for number, column in enumerate(zip(*scores, strict=True), 1)]
    better = "Image 1 is better" if totals[0] > totals[1] else "Image 2 is better"
    return "\n".join([*rows, better if totals[0] != totals[1] else "Both images are equally good"])


def _against(trait: int, first: Levels, second: Levels) -> str:
    """What both images show of a trait, such as `cool against warm`."""
    return " against ".join(LOOKS[trait][levels[trait] + 1] for levels in (first, second))


def _sums(gaps: Sequence[tuple[int, ...]]) -> list[int]:
    """How much more of each trait was preferred in all choices together."""
    return [sum(column) for column in zip(*gaps, strict=True)] or [0] * len(TRAITS)


def _total(number: int, scores: Sequence[int]) -> str:
    return f"Score {number}: " + " + ".join(map(str, scores)) + f" = {sum(scores)}"
