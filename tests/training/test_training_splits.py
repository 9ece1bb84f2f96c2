"""Disjoint parts."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from harness.choices import ChoiceTable
from harness.errors import DataError
from harness.progress import Silent
from harness.records import Choice
from tests.training.small import material, preset
from training.material import Material, subset
from training.splits import PARTS, Split, split

SHARES = (0.4, 0.5, 0.1)


def made(of: Material, users: int = 0, seed: int = 0) -> Split:
    of.read_images(Silent())
    return split(of.table, of.store, SHARES, users, seed)


@pytest.fixture(scope="module")
def world() -> Material:
    return material("simulated-flat:users=60,sets=60,rankings=8")


def test_no_user_and_no_image_is_in_two_parts(world: Material) -> None:
    parts = made(world).parts
    assert set(parts) == set(PARTS)
    for a, b in combinations(parts.values(), 2):
        assert not {*a.users} & {*b.users}
        assert not {*a.images} & {*b.images}
        assert not {*a.choices} & {*b.choices}


def test_every_choice_is_kept_or_counted(world: Material) -> None:
    found = made(world)
    kept = sum(len(part.choices) for part in found.parts.values())
    assert kept + sum(found.dropped.values()) == len(world.table)
    assert kept > 0.25 * len(world.table)


def test_it_is_a_function_of_the_seed(world: Material) -> None:
    assert made(world) == made(world)
    assert made(world).parts["reward"].digest != made(world, seed=1).parts["reward"].digest


def test_a_part_without_choices_is_an_error_where_it_has_a_share() -> None:
    few = made(material("simulated-flat:users=2,sets=8,rankings=4"))
    empty = [name for name in PARTS if not few.parts[name].choices]
    assert empty
    with pytest.raises(DataError, match=f"no choices for {' and '.join(empty)} .*take more users"):
        few.check_filled(SHARES)
    few.check_filled([0.0 if name in empty else 0.5 for name in PARTS])


def test_fewer_users(world: Material) -> None:
    found = made(world, users=20)
    assert sum(len(part.users) for part in found.parts.values()) <= 20
    assert found.dropped["user not drawn"] > 0


def test_images_only_one_user_saw_are_never_lost() -> None:
    of = material()
    own = [
        Choice(f"u{n}", "c", "", (key, other), (1, 2))
        for n, (key, other) in enumerate(zip(of.table.images[::2], of.table.images[1::2], strict=True))
    ]
    table = ChoiceTable.build(of.table.name, own)
    of.__dict__["table"] = table
    of.read_images(Silent())
    assert made(of).dropped["images of another part"] == 0


def test_the_same_picture_under_two_keys_is_one_image() -> None:
    of = material()
    images = of.table.images
    first, second, third = images[0], images[1], images[2]
    # The recipe is the content; the set's name in front of it is not.
    again = "zz/9/" + first.split("/", 2)[2]
    choices = [Choice("u1", "a", "", (first, second), (1, 2)), Choice("u2", "b", "", (again, third), (1, 2))]
    for seed in range(20):
        of.__dict__.update(table=ChoiceTable.build(of.table.name, choices))
        of.__dict__.pop("store", None)
        found = made(of, seed=seed)
        assert sum(bool(part.choices) for part in found.parts.values()) == 1


def test_written_and_read_again(world: Material, tmp_path: Path) -> None:
    found = made(world)
    found.write(tmp_path)
    assert Split.read(tmp_path) == found


def test_overlapping_parts_are_refused(world: Material, tmp_path: Path) -> None:
    found = made(world)
    stolen = replace(found.parts["evaluation"], users=found.parts["reward"].users)
    with pytest.raises(DataError, match=r"reward and evaluation share \d+ users"):
        replace(found, parts={**found.parts, "evaluation": stolen}).check()
    stolen = replace(found.parts["evaluation"], images=found.parts["reasoner"].images[:1])
    with pytest.raises(DataError, match="reasoner and evaluation share 1 images"):
        replace(found, parts={**found.parts, "evaluation": stolen}).check()


def test_a_changed_file_is_refused(world: Material, tmp_path: Path) -> None:
    made(world).write(tmp_path)
    record = json.loads((tmp_path / "split.json").read_text())
    record["parts"]["reward"]["users"].pop()
    (tmp_path / "split.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match="lists of reward were changed"):
        Split.read(tmp_path)


def test_another_data_set_is_refused(world: Material) -> None:
    found = made(world)
    with pytest.raises(DataError, match="not what was split"):
        material().of_part(found, "reward")


def test_a_part_asks_only_about_its_own(world: Material) -> None:
    found = made(world)
    table = world.of_part(found, "reward")
    plan = world.plan(table, Silent())
    shown = {image.digest for question in world.questions(plan, 200) for image in
             (question.comparison.image_a, question.comparison.image_b,
              *(i for r in question.comparison.references for i in (*r.preferred, *r.rejected)))}  # fmt: skip
    assert shown <= {*found.parts["reward"].images}
    assert {question.user for question in world.questions(plan)} <= {*found.parts["reward"].users}
    assert preset().data.k >= max(len(q.comparison.references) for q in world.questions(plan, 200))


def test_a_subset_keeps_ids(world: Material) -> None:
    few = subset(world.table, [3, 5])  # type: ignore[arg-type]
    assert few.digest.tolist() == world.table.digest[[3, 5]].tolist()
    assert len(few) == 2
