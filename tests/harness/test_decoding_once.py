"""An image is decoded once: whatever pairs, orders, copies and judges it stands in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.choices import ChoiceTable
from harness.judge import Embed, Encoder
from harness.prepare import prepare
from harness.protocol import Protocol
from harness.records import Comparison, Image, Verdict
from harness.runner import Material, Subject, run
from harness.store import ImageStore
from tests.harness.making import Memory, choice, png


class Means(Encoder):
    """Embeds an image as its mean colour, remembered in `shelf` beyond the life of the judge."""

    reads_references = True

    def __init__(self, shelf: dict[str, NDArray[np.float64]]) -> None:
        self.shelf = shelf
        self.encoded: list[str] = []

    def encode(self, images: Sequence[Image]) -> NDArray[np.float64]:
        for image in images:
            if image.digest not in self.shelf:
                self.encoded.append(image.digest)
                self.shelf[image.digest] = np.asarray(image.decode(), dtype=np.float64).mean(axis=(0, 1))
        return np.stack([self.shelf[image.digest] for image in images])

    def decide(self, comparison: Comparison, embed: Embed) -> Verdict:
        return Verdict.from_scores(embed(comparison.image_a).sum(), embed(comparison.image_b).sum())

    def unread(self, digests: Sequence[str]) -> set[str]:
        return super().unread(digests) - self.shelf.keys()


@pytest.fixture
def memory() -> Memory:
    """Six rankings of four images by one user; two of the files are copies of others."""
    rankings = [choice("u", str(i), (1, 2, 3, 4), time=float(i)) for i in range(6)]
    copies = {"u-3-1": png("u-1-2"), "u-5-0": png("u-0-0")}
    return Memory(rankings, files=copies)


def material(memory: Memory, budget: int = 512 << 20) -> Material:
    table = ChoiceTable.build(memory.name, memory.choices())
    store = ImageStore(memory, table.images, budget=budget)
    plan, store = prepare(memory, Protocol(k=3, orders="both"), table, store)
    return Material(plan, store, {"spec": "memory"}, {"references": "own"})


def test_decodes_and_encodes_each_distinct_image_once(memory: Memory, tmp_path: Path) -> None:
    here, judge = material(memory), Means({})
    run(Subject(judge, "means", "means"), here, tmp_path, batch=5)
    distinct = len({digest.tobytes() for digest in here.store.digests})
    assert len(here.store.keys) == 24
    assert distinct == 22
    assert here.store.decoded == len(judge.encoded) == distinct


def test_a_judge_that_knows_the_images_has_none_decoded(memory: Memory, tmp_path: Path) -> None:
    shelf: dict[str, NDArray[np.float64]] = {}
    run(Subject(Means(shelf), "means", "means"), material(memory), tmp_path / "first")
    here, again = material(memory), Means(shelf)
    run(Subject(again, "means", "means"), here, tmp_path / "second")
    assert (here.store.decoded, again.encoded) == (0, [])


def test_a_judge_that_knows_some_has_the_others_decoded(memory: Memory, tmp_path: Path) -> None:
    whole: dict[str, NDArray[np.float64]] = {}
    run(Subject(Means(whole), "means", "means"), material(memory), tmp_path / "first")
    some = dict(list(whole.items())[:9])
    here, judge = material(memory), Means(some)
    run(Subject(judge, "means", "means"), here, tmp_path / "second", batch=3)
    assert here.store.decoded == len(judge.encoded) == len(whole) - 9
