"""The scripted teacher, the gate, and what they know."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from adapters.pigreward.wording import NOTHING
from harness.errors import ConfigError
from harness.generation import Reply, Request
from harness.progress import Silent
from harness.records import Reference, Status
from tests.training.small import material, preset, seen, wording
from tests.training.test_training_asking import Fake
from training import gates
from training.filters import broken
from training.gates import Check, check, report
from training.language import chain, rationale
from training.material import Material
from training.teacher import ScriptedTeacher, levels_of, teacher_of, truth_of


@pytest.fixture(scope="module")
def world() -> Material:
    return material()


def test_the_teacher_reads_the_question_and_knows_the_images(world: Material) -> None:
    (one, a), (other, b) = seen(world, 2)
    said = [rationale(a, b), rationale((1, 1, 0, 0, 0), (0, -1, 0, 0, 0))]
    messages = wording().reward_messages("\n".join(said), "", one, other)
    teacher = ScriptedTeacher(levels_of(world) or {})
    (reply,) = teacher.generate([Request(tuple(messages))])
    gaps = [tuple(x - y for x, y in zip(a, b, strict=True)), (1, 2, 0, 0, 0)]
    assert reply == Reply(Status.OK, chain(gaps, a, b))
    assert list(teacher.stream([Request(tuple(messages))])) == [(0, reply)]


def test_with_true_rationales_the_teacher_is_mostly_right() -> None:
    """On noise-free choices with eight references: 90 % over 1,452 questions, and 6 % ties."""
    of = material("simulated-flat:users=30,sets=120,rankings=24,noise_free=true")
    of = Material(of.dataset, replace(preset().data, k=8), 0)
    plan, truth = of.plan(of.table, Silent()), truth_of(of)
    teacher = ScriptedTeacher(levels_of(of) or {})
    assert truth is not None
    right, decided = 0, 0
    for question in of.questions(plan, 600):
        c = question.comparison
        if question.label and len(c.references) == 8:
            context = wording().context([truth(r) for r in c.references], c.references)
            messages = wording().reward_messages(context, c.prompt, c.image_a, c.image_b)
            text = teacher.generate([Request(tuple(messages))])[0].text
            right += text.endswith(f"Image {question.label} is better")
            decided += 1
    assert decided > 200
    assert right / decided > 0.85


def test_told_nothing_the_teacher_guesses_and_the_filter_keeps_what_is_liked(world: Material) -> None:
    images = seen(world, 40)
    teacher = ScriptedTeacher(levels_of(world) or {})
    kept: Counter[str] = Counter()
    for (one, a), (other, b) in permutations(images, 2):
        if a[1] != b[1]:  # Everybody likes warm images.
            messages = wording().reward_messages(NOTHING, "", one, other)
            text = teacher.generate([Request(tuple(messages))])[0].text
            if not broken(text, "ok", 1 if a[1] > b[1] else 2):
                kept.update(re.findall(r"warmth: .*, (likes|dislikes) ", text))
    assert kept["likes"] > 2 * kept["dislikes"] > 0


def test_without_truth_there_is_no_script(world: Material) -> None:
    class Blind:
        """A data set that does not know what its images show."""

        name = "blind"

        def choices(self) -> Any:
            return world.dataset.choices()

        def picture(self, key: str) -> Any:
            return world.dataset.picture(key)

    blind = Material(Blind(), preset().data, 0)
    assert truth_of(blind) is None
    with pytest.raises(ConfigError, match="no script can teach"):
        teacher_of(preset().cot, blind)


def test_an_endpoint_needs_an_address(world: Material) -> None:
    with pytest.raises(ConfigError, match=r"needs cot\.base_url and cot\.model"):
        teacher_of(preset("cot.teacher=endpoint").cot, world)


def held_out(world: Material) -> dict[str, Reference]:
    images = [image for image, _ in seen(world, 8)]
    return {str(n): Reference("", (images[2 * n],), (images[2 * n + 1],)) for n in range(4)}


def checked(world: Material, texts: list[str], exact: bool) -> Check:
    pairs = {str(n): ("warm and calm", "cold and busy") for n in range(4)}
    truth = truth_of(world) if exact else None
    return check(Fake(texts), held_out(world), pairs, wording(), truth, 20, "", Silent())


def test_where_the_truth_is_known_a_text_must_be_it(world: Material) -> None:
    truth = truth_of(world)
    assert truth is not None
    right = truth(held_out(world)["0"])
    found = checked(world, [right, "nonsense", "", right + " "], exact=True)
    assert (found.measure, found.right, found.of) == ("exact", 1 + (truth(held_out(world)["3"]) == right), 4)


def test_where_it_is_not_a_text_must_argue_like_the_true_hint_s(world: Material) -> None:
    found = checked(world, ["warm, calm", "cold, busy", "", "and"], exact=False)
    assert (found.measure, found.right, found.of) == ("agreement", 1, 4)


@pytest.mark.parametrize(
    ("after", "tolerance", "promote", "decision"),
    [(5, 0.0, False, "promoted"), (6, 0.0, False, "promoted"), (4, 0.0, False, "refused"), (4, 0.1, False, "promoted"),
     (3, 0.1, False, "refused"), (3, 0.0, True, "promoted although worse")],
)  # fmt: skip
def test_a_worse_reasoner_is_refused_unless_told_otherwise(
    after: int, tolerance: float, promote: bool, decision: str
) -> None:
    found = report(Check("exact", 5, 10), Check("exact", after, 10), tolerance, promote)
    assert found["decision"] == decision
    assert found["worse"] == (decision != "promoted")
    assert (found["before"]["share"], found["after"]["share"]) == (0.5, after / 10)


def test_no_held_out_text_is_no_share() -> None:
    assert gates.Check("exact", 0, 0).share == 0.0
