"""Batches of comparisons for a judge, their images fetched ahead by threads."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import compress
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from harness.judge import Hints
from harness.plan import Plan
from harness.prepare import revealed
from harness.records import Comparison, Reference
from harness.store import ImageStore, Kind

AHEAD = 2
"""Batches fetched before they are asked for: one in work, one ready."""

RECENT = 16_384
"""Images and references kept for the next comparisons; some megabytes."""


@dataclass(slots=True)
class Batch:
    """Some rows of a plan, ready to be asked."""

    rows: list[int]
    comparisons: list[Comparison]
    held: list[Any] = field(default_factory=list)
    """Keeps images that were in memory there until the batch is done; `fetched` those that are on their way."""
    fetched: list[Future[Any]] = field(default_factory=list)

    def wait(self) -> Self:
        """Itself, when all its images are fetched."""
        wait(self.fetched)
        return self


class Questions:
    """Makes the comparisons of a plan, with the images of a store."""

    def __init__(self, plan: Plan, store: ImageStore) -> None:
        self.plan = plan
        self.store = store
        self._preferred, self._rejected = revealed(plan, np.arange(len(plan.choices), dtype=np.int32))
        # Neighbours in a plan are targets of the same user, who share most references, and pairs of the same target.
        self._image = lru_cache(RECENT)(store.image)
        self._reference = lru_cache(RECENT)(self._make_reference)
        self._references = lru_cache(1)(self._make_references)

    def comparisons(self, rows: NDArray[np.int64]) -> list[Comparison]:
        """The comparisons of some rows, in order."""
        plan, table, image = self.plan, self.plan.choices, self._image
        of = plan.of[rows]
        target = plan.target[of]
        items, ids = plan.item[rows].tobytes().hex(), plan.id[rows].tobytes().hex()
        columns = zip(
            of.tolist(),
            table.prompt[target].tolist(),
            table.image[target, plan.a[rows]].tolist(),
            table.image[target, plan.b[rows]].tolist(),
            range(0, 32 * len(rows), 32),
            strict=True,
        )
        return [
            Comparison(
                items[at : at + 32],
                ids[at : at + 32],
                table.prompts[prompt],
                image(a),
                image(b),
                self._references(index),
            )
            for index, prompt, a, b, at in columns
        ]

    def sides(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """(n, 2) image codes of A and B of each row."""
        plan, image = self.plan, self.plan.choices.image
        target = plan.target[plan.of[rows]]
        return np.stack([image[target, plan.a[rows]], image[target, plan.b[rows]]], axis=1)

    def images(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """(n, 2 + k · w) image codes of each row: A, B, then those its references show; -1 fills up."""
        references = self.plan.references[self.plan.of[rows]]
        shown = (self._preferred[references] | self._rejected[references]) & (references >= 0)[:, :, None]
        codes = np.where(shown, self.plan.choices.image[references], -1)
        return np.concatenate([self.sides(rows), codes.reshape(len(rows), -1)], axis=1)

    def _make_references(self, index: int) -> tuple[Reference, ...]:
        return tuple([self._reference(row) for row in self.plan.references[index].tolist() if row >= 0])

    def _make_reference(self, row: int) -> Reference:
        table = self.plan.choices
        codes, time = table.image[row].tolist(), float(table.time[row])
        return Reference(
            table.prompts[table.prompt[row]],
            tuple([self._image(code) for code in compress(codes, self._preferred[row].tolist())]),
            tuple([self._image(code) for code in compress(codes, self._rejected[row].tolist())]),
            None if math.isnan(time) else time,
        )


Unread = Callable[[Sequence[str]], set[str]]
"""Those of the images, by digest, that a judge still has to look at."""


def batches(
    questions: Questions, rows: NDArray[np.int64], size: int, hints: Hints, unread: Unread | None = None
) -> Iterator[Batch]:
    """The rows in batches, images fetched ahead as the judge's hints say and, where it tells, as it still needs."""
    store = questions.store
    seen = np.zeros(len(store.keys), dtype=np.bool_)
    with ThreadPoolExecutor(store.workers, thread_name_prefix="pigeval-fetch") as pool:
        ready: deque[Batch] = deque()
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            ready.append(Batch(some.tolist(), questions.comparisons(some)))
            if hints.reads != "nothing":
                codes = questions.images(some) if hints.reads_references else questions.sides(some)
                wanted = _wanted(codes, hints, seen)
                if unread is not None and wanted:
                    left = unread([store.digests[code].tobytes().hex() for code in wanted])
                    wanted = [code for code in wanted if store.digests[code].tobytes().hex() in left]
                _fetch(ready[-1], wanted, hints.reads, store, pool)
            if len(ready) > AHEAD:
                yield ready.popleft().wait()
        while ready:
            yield ready.popleft().wait()


def _wanted(codes: NDArray[np.int32], hints: Hints, seen: NDArray[np.bool_]) -> list[int]:
    """The distinct images among codes, without those a judge that `reads_once` was given before."""
    wanted = {*codes.ravel().tolist()} - {-1}
    if hints.reads_once:
        wanted = {code for code in wanted if not seen[code]}
        seen[[*wanted]] = True
    return sorted(wanted)


def _fetch(batch: Batch, codes: list[int], kind: Kind, store: ImageStore, pool: ThreadPoolExecutor) -> None:
    """Holds what is in memory and shares out the rest among the threads."""
    held = {code: store.held(kind, code) for code in codes}
    batch.held = list(held.values())
    missing = [code for code in codes if held[code] is None]
    shares = [missing[worker :: store.workers] for worker in range(min(store.workers, len(missing)))]
    batch.fetched = [pool.submit(_prefetch, store, kind, share) for share in shares]


def _prefetch(store: ImageStore, kind: Kind, codes: list[int]) -> list[Any]:
    return [store.prefetch(kind, code) for code in codes]
