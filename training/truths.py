"""Explanations against the truth of a simulation: what a user cares about, and what images show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.batches import Questions
from harness.datasets.simulated.tastes import ELEMENTS
from harness.metrics import Interval, Outcomes, interval, measure
from harness.plan import A, B, Plan
from harness.records import Dimension, Reference
from harness.store import ImageStore
from training.language import FEELINGS, LOOKS, TRAITS, Levels
from training.teacher import levels_in, true_rationale

ELEMENT = {name: place for names in (ELEMENTS, TRAITS) for place, name in enumerate(names)}
"""Place of an element by its name, or by what there is more of at its level +1."""

_LOOK = {look: place for place, looks in enumerate(LOOKS) for look in looks}


@dataclass(frozen=True, slots=True)
class Explained:
    """The dimensions of an answer about a user whose taste is known."""

    user: str
    taste: Levels
    """Weight of each element for this user: -1, 0 or +1."""
    dimensions: Sequence[Dimension]


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with an interval from resampled users."""

    right: int
    of: int
    interval: Interval

    @property
    def value(self) -> float | None:
        """None where there was nothing to count."""
        return self.right / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Cared:
    """Dimensions that answers inferred, against what their users care about."""

    answers: int
    """That name a dimension; the others are not counted here."""
    dimensions: int
    """Distinct ones of each answer."""
    unknown: int
    """Of these, those whose name is no element's: never cared about, and no element found."""
    cared: Share
    """Dimensions the user cares about, of all."""
    chance: float | None
    """The same of as many distinct elements drawn at random."""
    direction: Share
    """Of dimensions the user cares about that say likes, dislikes or neutral: the user's own. Neutral is wrong."""
    found: Share
    """Elements a user cares about that an answer names."""


def cared(explained: Iterable[Explained]) -> Cared:
    """Compares dimensions and tastes, answer by answer. Of several dimensions of one element the first counts."""
    caring: list[tuple[str, bool]] = []
    directed: list[tuple[str, bool]] = []
    found: list[tuple[str, bool]] = []
    answers, unknown, expected = 0, 0, 0
    for one in explained:
        if not one.dimensions:
            continue
        named = {_element(dimension): dimension for dimension in reversed(one.dimensions)}
        wanted = {element for element, weight in enumerate(one.taste) if weight}
        caring += [(one.user, element in wanted) for element in named]
        directed += [
            (one.user, said == one.taste[element])
            for element in wanted & named.keys()
            if (said := feeling(named[element].reason)) is not None
        ]
        found += [(one.user, element in named) for element in wanted]
        answers += 1
        unknown += sum(isinstance(element, str) for element in named)
        expected += len(named) * len(wanted)
    chance = expected / (len(TRAITS) * len(caring)) if caring else None
    return Cared(answers, len(caring), unknown, share(caring), chance, share(directed), share(found))


def _element(dimension: Dimension) -> int | str:
    """The place of the element, or the name where it is none's."""
    name = dimension.name.casefold().strip()
    return ELEMENT.get(name, name)


def feeling(reason: str) -> int | None:
    """-1, 0 or +1 for a reason that says dislikes, neutral or likes; None where it says none of these, or several."""
    said = {*reason.casefold().replace(",", " ").split()} & {*FEELINGS}
    return FEELINGS.index(said.pop()) - 1 if len(said) == 1 else None


def share(rows: Sequence[tuple[str, bool]]) -> Share:
    """The share of true values among (user, value); users are resampled as for any accuracy of a run."""
    right = np.array([value for _, value in rows], dtype=np.bool_)
    _, users = np.unique([user for user, _ in rows], return_inverse=True)
    outcomes = Outcomes.of(np.full(len(rows), A), np.where(right, A, B), user=users.astype(np.int32))
    return Share(int(right.sum()), len(rows), interval(outcomes, measure("decisive_strict_acc")))


def tastes(dataset: Any, plan: Plan) -> dict[str, tuple[str, Levels]] | None:
    """(user, what they care about under the prompt) by id of the comparison; None where the data set does not know."""
    if not hasattr(dataset, "taste") or not hasattr(dataset, "world"):
        return None
    category = {scene.prompt: scene.category for scene in dataset.world.scenes}
    table, target = plan.choices, plan.target[plan.of]
    ids = np.ascontiguousarray(plan.id).tobytes().hex()
    known: dict[tuple[int, int], tuple[str, Levels]] = {}
    found = {}
    for row, key in enumerate(zip(table.user[target].tolist(), table.prompt[target].tolist(), strict=True)):
        if key not in known:
            user = table.users[key[0]]
            known[key] = user, dataset.taste(user, category[table.prompts[key[1]]])
        found[ids[32 * row : 32 * row + 32]] = known[key]
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """Rationales against what the images show."""

    texts: int
    exact: int
    """Equal to the truth, word for word."""
    slots: int
    """Elements of which the text says what is true, of five each."""
    speaking: bool
    """Whether any text says anything of an element; the truth is in the small model's words and knows no others."""

    @property
    def of(self) -> int:
        """Slots there are."""
        return len(LOOKS) * self.texts


def told(pairs: Iterable[tuple[str, str]]) -> Told:
    """Compares texts and truths, given in pairs."""
    texts, exact, right, speaking = 0, 0, 0, False
    for text, true in pairs:
        said = slots(text)
        texts += 1
        exact += text == true
        right += sum(said.get(element) == slot for element, slot in slots(true).items())
        speaking |= bool(said)
    return Told(texts, exact, right, speaking)


def slots(text: str) -> dict[int, str]:
    """What a rationale says of each element, such as `cubist over naturalistic`; of several sayings the first."""
    found: dict[int, str] = {}
    for part in text.split(","):
        slot = part.strip()
        if (element := _LOOK.get(slot.partition(" over ")[0])) is not None:
            found.setdefault(element, slot)
    return found


def true_rationales(dataset: Any, plan: Plan) -> Iterator[tuple[Reference, str]] | None:
    """Each reference a plan shows, once, with its true rationale; None where the data set does not know its images.

    References without a rejected image have none. Reads no image.
    """
    levels = levels_in(dataset, plan.choices.images)
    if levels is None:
        return None
    return ((r, true_rationale(levels, r)) for r in _references(dataset, plan) if r.rejected)


def _references(dataset: Any, plan: Plan) -> Iterable[Reference]:
    """Comparisons of one target show the same references: the first of each is enough."""
    first = np.unique(plan.of, return_index=True)[1]
    comparisons = Questions(plan, ImageStore(dataset, plan.choices.images)).comparisons(first)
    return dict.fromkeys(reference for comparison in comparisons for reference in comparison.references)
