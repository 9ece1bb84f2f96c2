"""The questions and references of a part, made by the harness exactly as they are made for a judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.batches import Questions
from harness.choices import ChoiceTable, table_of
from harness.contexts import references_digest
from harness.errors import DataError
from harness.plan import TIE, A, Plan
from harness.prepare import prepare
from harness.progress import Progress
from harness.protocol import Protocol
from harness.records import Comparison, Reference
from harness.registry import registries
from harness.store import ImageStore, Manifest, cache_folder
from training.presets import Data
from training.splits import Split

BLOCK = 256
"""Questions made at a time."""


@dataclass(frozen=True, slots=True)
class Question:
    """A comparison of a training user, and who chose it."""

    user: str
    comparison: Comparison
    label: int
    """The number, 1 or 2, of the image the user preferred; 0 for a tie."""


def open_dataset(spec: str, plugins: Sequence[Path] = ()) -> Any:
    """The harness data set of a spec. Raises `ConfigError` or `DataError`."""
    return registries(plugins)[1].create(spec)[2]


class Material:
    """A data set, its choices, and those of one part."""

    def __init__(self, dataset: Any, data: Data, seed: int) -> None:
        self.dataset = dataset
        self._data = data
        self._seed = seed

    @cached_property
    def table(self) -> ChoiceTable:
        """All choices."""
        return table_of(self.dataset)

    @cached_property
    def store(self) -> ImageStore:
        """All images."""
        return ImageStore(self.dataset, self.table.images)

    def read_images(self, progress: Progress) -> None:
        """Takes the digest of every image; unreadable ones are noted in the store."""
        with progress.task("reading images", len(self.table.images)) as advance:
            manifest = Manifest(cache_folder() / "manifest.sqlite")
            self.store.take_digests(range(len(self.table.images)), manifest, advance)

    def of_part(self, split: Split, part: str) -> ChoiceTable:
        """The choices of a part. Raises `DataError` when the data set is not what was split, or none is left."""
        if self.table.content_digest != split.content:
            raise DataError(
                f"{self.table.name} is not what was split as {split.dataset}; make the split anew, or take the data "
                "set of the split"
            )
        wanted = np.array([bytes.fromhex(choice) for choice in split.parts[part].choices], dtype="V16")
        rows = np.flatnonzero(np.isin(np.ascontiguousarray(self.table.digest).view("V16").ravel(), wanted))
        if not len(rows):
            raise DataError(f"the part {part!r} of {split.dataset} has no choices; give it a larger share")
        return subset(self.table, rows)

    def plan(self, table: ChoiceTable, progress: Progress) -> Plan:
        """Every question about some choices under the judge's protocol."""
        protocol = Protocol(name=self._data.protocol, k=self._data.k, seed=self._seed)  # type: ignore[arg-type]
        return prepare(self.dataset, protocol, table, self.store, progress)[0]

    def questions(self, plan: Plan, limit: int = 0) -> Iterator[Question]:
        """The questions, in a seeded order; at most `limit` where it is not 0."""
        maker = Questions(plan, self.store)
        order = np.random.default_rng(self._seed).permutation(len(plan))[: limit or None]
        users = plan.choices.users
        for start in range(0, len(order), BLOCK):
            rows = order[start : start + BLOCK]
            for row, comparison in zip(rows.tolist(), maker.comparisons(rows), strict=True):
                gold = int(plan.gold[row])
                user = users[plan.choices.user[plan.target[plan.of[row]]]]
                yield Question(user, comparison, 0 if gold == TIE else 1 if gold == A else 2)

    def references(self, plan: Plan, limit: int = 0, questions: int = 0) -> dict[str, tuple[str, Reference]]:
        """(user, reference) by digest: each past choice that the questions show and that has a rejected image.

        `limit`: of references, `questions`: of questions; 0: none.
        """
        found: dict[str, tuple[str, Reference]] = {}
        for question in self.questions(plan, questions):
            for reference in question.comparison.references:
                if reference.rejected:
                    found.setdefault(references_digest([reference]), (question.user, reference))
            if 0 < limit <= len(found):
                break
        return dict(list(found.items())[: limit or None])


def subset(table: ChoiceTable, rows: NDArray[np.int64]) -> ChoiceTable:
    """Some choices of a table; the names stay as they are coded."""
    values = {f.name: getattr(table, f.name) for f in fields(table)}
    columns: dict[str, Any] = {key: value[rows] for key, value in values.items() if isinstance(value, np.ndarray)}
    return replace(table, **columns)
