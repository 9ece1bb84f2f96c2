from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from harness.batches import Questions, batches
from harness.choices import ChoiceTable
from harness.judge import Encoder, Hints, Scorer, images_of
from harness.plan import Plan
from harness.prepare import images_used, prepare
from harness.protocol import Protocol
from harness.records import Comparison, Verdict
from harness.store import ImageStore
from tests.harness.making import Memory, choice, hexes, pairs_of, plan_of, png

RANKED = [choice("u", str(i), (1, 2, 3, 3), time=float(i)) for i in range(4)]


def questions(dataset: Memory, **protocol: Any) -> tuple[Plan, Questions]:
    plan, store = prepare(dataset, Protocol(**protocol))
    return plan, Questions(plan, store)


def comparisons(dataset: Memory, **protocol: Any) -> list[Comparison]:
    plan, some = questions(dataset, **protocol)
    return some.comparisons(np.arange(len(plan)))


def names(dataset: Memory) -> dict[str, str]:
    """Image keys by digest."""
    return {dataset.picture(key).digest(): key for record in dataset.records for key in record.images}


def test_a_comparison_shows_prompt_images_and_references() -> None:
    dataset = Memory(RANKED)
    plan, some = questions(dataset, k=2)
    key = names(dataset)
    for row, comparison in enumerate(some.comparisons(np.arange(len(plan)))):
        target = int(plan.target[plan.of[row]])
        assert (comparison.item, comparison.id) == (hexes(plan.item)[row], hexes(plan.id)[row])
        source = comparison.prompt.removeprefix("prompt u-")
        assert key[comparison.image_a.digest] == f"u-{source}-{plan.a[row]}"
        assert key[comparison.image_b.digest] == f"u-{source}-{plan.b[row]}"
        earlier = [str(i) for i in range(4) if i < int(source)][-2:]
        assert [r.prompt for r in comparison.references] == [f"prompt u-{i}" for i in earlier]
        assert [r.time for r in comparison.references] == [float(i) for i in earlier]
        assert target >= 0


@pytest.mark.parametrize(("reveal", "rejected"), [("best-over-worst", [2, 3]), ("best-over-rest", [1, 2, 3])])
def test_a_reference_reveals_what_the_protocol_says(reveal: str, rejected: list[int]) -> None:
    dataset = Memory(RANKED)
    key = names(dataset)
    last = next(c for c in comparisons(dataset, reveal=reveal, k=1) if c.prompt == "prompt u-1")
    (reference,) = last.references
    assert [key[i.digest] for i in reference.preferred] == ["u-0-0"]
    assert [key[i.digest] for i in reference.rejected] == [f"u-0-{i}" for i in rejected]


def test_a_choice_with_one_known_image_is_a_reference_without_rejected_ones() -> None:
    liked = choice("u", "0", (None, 1), time=0.0)
    (comparison,) = comparisons(Memory([liked, choice("u", "1", time=1.0)]))
    (reference,) = comparison.references
    assert (len(reference.preferred), reference.rejected) == (1, ())


def test_a_comparison_tells_nothing_of_gold_users_files_or_models() -> None:
    dataset = Memory([choice("ann", str(i), time=float(i), prompt=f"a cat {i}") for i in range(3)])
    for comparison in comparisons(dataset):
        assert "ann" not in repr(comparison)
        assert {f.name for f in fields(comparison)} == {"item", "id", "prompt", "image_a", "image_b", "references"}
        assert {f.name for r in comparison.references for f in fields(r)} <= {"prompt", "preferred", "rejected", "time"}


class Watching(ImageStore):
    def prefetch(self, kind: Literal["pixels", "bytes"], code: int) -> Any:
        self.fetched.append((kind, code))
        return super().prefetch(kind, code)

    fetched: list[tuple[str, int]] = []  # noqa: RUF012


@pytest.mark.parametrize(
    ("hints", "kind", "once", "references"),
    [
        (Hints(reads="nothing"), None, False, False),
        (Hints(), "pixels", False, False),
        (Hints(reads="bytes", reads_references=True), "bytes", False, True),
        (Hints(reads_once=True, reads_references=True), "pixels", True, True),
    ],
)
def test_images_are_fetched_ahead_as_the_hints_say(
    hints: Hints, kind: str | None, once: bool, references: bool
) -> None:
    dataset = Memory(pairs_of("u", 9))
    table = ChoiceTable.build(dataset.name, dataset.records)
    plan = plan_of(dataset.records, k=3)
    store = Watching(dataset, table.images)
    store.fetched = []
    made = list(batches(Questions(plan, store), np.arange(len(plan)), 2, hints))
    assert [len(batch.comparisons) for batch in made] == [2, 2, 2, 2, 1]
    assert [row for batch in made for row in batch.rows] == list(range(9))
    assert {k for k, _ in store.fetched} == ({kind} if kind else set())
    if kind:
        assert {code for _, code in store.fetched} == set(range(18))
        # Whether an image that is needed again is still held, or fetched again, is a matter of time.
        needed = sum(len(batch.held) for batch in made)
        assert (needed == 18) == (once or not references)


def test_the_plan_is_made_again_until_no_new_image_has_known_content(tmp_path: Path) -> None:
    """The reference drawn instead of one that shares an image may share one itself."""
    records = [choice("u", str(i), time=float(i)) for i in range(5)]
    files = {"u-3-0": png("u-4-0"), "u-2-0": png("u-4-0"), "u-1-1": png("u-4-1")}
    (last,) = (c for c in comparisons(Memory(records, files=files), k=1) if c.prompt == "prompt u-4")
    assert [r.prompt for r in last.references] == ["prompt u-0"]


def test_what_another_plan_has_read_does_not_change_a_plan() -> None:
    """Images 0-1 and 3-1 are the same; a plan that shows neither cannot know it and must not depend on it."""
    ranks = {"0": (1, 2, 3), "3": (1, 2, 3)}
    records = [choice("u", str(i), ranks.get(str(i), (1, 2)), time=float(i)) for i in range(4)]
    dataset = Memory(records, files={"u-0-1": png("u-3-1")})
    table = ChoiceTable.build(dataset.name, records)
    protocol = Protocol(pairs="best-versus-worst")
    alone, _ = prepare(dataset, protocol, table)
    store = ImageStore(dataset, table.images)
    prepare(dataset, Protocol(pairs="all"), table, store)
    after, _ = prepare(dataset, protocol, table, store)
    assert after.comparison_digest == alone.comparison_digest


def test_images_used_are_those_a_judge_may_see() -> None:
    plan = plan_of(RANKED, k=1, pairs="best-versus-rest")
    table = plan.choices
    used = {table.images[code] for code in images_used(plan)}
    assert used == {f"u-{i}-{j}" for i in range(4) for j in range(4)}
    fewer = plan_of(RANKED, k=1, targets=1, pairs="best-versus-worst")
    assert {table.images[code] for code in images_used(fewer)} == {f"u-{i}-{j}" for i in (2, 3) for j in (0, 2, 3)}


# --- the bases that lift scores and embeddings ------------------------------------------------------------------------


class Size(Scorer):
    def __init__(self) -> None:
        self.scored: list[tuple[str, str]] = []

    def score(self, prompts: Sequence[str], images: Sequence[Any]) -> Any:
        self.scored += [(prompt, image.digest) for prompt, image in zip(prompts, images, strict=True)]
        return np.array([len(image.bytes()) for image in images], dtype=np.float64)


class BlindSize(Size):
    uses_prompt = False


class Corner(Encoder):
    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, images: Sequence[Any]) -> Any:
        self.encoded += [image.digest for image in images]
        return np.array([image.decode().getpixel((0, 0)) for image in images], dtype=np.float64)

    def decide(self, comparison: Comparison, embed: Any) -> Verdict:
        assert all(embed(image).shape == (3,) for image in images_of(comparison))
        return Verdict.from_scores(embed(comparison.image_a).sum(), embed(comparison.image_b).sum())


def in_batches(judge: Any, asked: list[Comparison], size: int) -> list[Verdict]:
    return [v for start in range(0, len(asked), size) for v in judge.compare(asked[start : start + size])]


@pytest.mark.parametrize("kind", [Size, BlindSize, Corner])
def test_each_image_is_scored_or_encoded_once_and_batches_make_no_difference(kind: type[Any]) -> None:
    asked = comparisons(Memory(RANKED), k=2)
    whole, parts = kind(), kind()
    assert in_batches(whole, asked, 100) == in_batches(parts, asked, 3)
    for judge in (whole, parts):
        done = judge.encoded if kind is Corner else judge.scored
        assert len(done) == len(set(done)) == 16


def test_a_scorer_that_ignores_the_prompt_scores_an_image_once_whatever_its_prompts() -> None:
    images = ("a", "b")
    records = [choice("u", str(i), images=images, time=float(i)) for i in range(3)]
    asked = comparisons(Memory(records))
    seeing, blind = Size(), BlindSize()
    seeing.compare(asked)
    blind.compare(asked)
    assert (len(seeing.scored), len(blind.scored)) == (6, 2)


@pytest.mark.parametrize("shape", [(3,), (2, 1), ()])
def test_scores_of_the_wrong_shape_are_refused(shape: tuple[int, ...]) -> None:
    class Wrong(Scorer):
        def score(self, prompts: Sequence[str], images: Sequence[Any]) -> Any:
            return np.zeros(shape)

    (asked,) = comparisons(Memory([choice("u", "1")]))
    with pytest.raises(ValueError, match=r"score returned shape .* for 2 images; expected \(2,\)"):
        Wrong().compare([asked])


def test_embeddings_of_the_wrong_number_are_refused() -> None:
    class Wrong(Corner):
        def encode(self, images: Sequence[Any]) -> Any:
            return np.zeros((1, 3))

    (asked,) = comparisons(Memory([choice("u", "1")]))
    with pytest.raises(ValueError, match="encode returned 1 rows for 2 images"):
        Wrong().compare([asked])
