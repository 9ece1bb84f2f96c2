"""Disjoint parts of a data set for reasoner, reward model and evaluation: no user and no image is in two of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from harness.choices import ChoiceTable
from harness.draw import mix
from harness.errors import DataError
from harness.store import ImageStore
from training.draws import words
from training.stage import read_json, write_json

PARTS = ("reasoner", "reward", "evaluation")
FILE = "split.json"


@dataclass(frozen=True, slots=True)
class Part:
    """What one model may see."""

    users: tuple[str, ...]
    """Sorted; likewise `images`, by content digest, and `choices`, by their identity."""
    images: tuple[str, ...]
    choices: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over users, images and choices."""
        return hashlib.sha256("\n".join([*self.users, "", *self.images, "", *self.choices]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of one data set."""

    dataset: str
    """The data set's stable name."""
    content: str
    """SHA-256 of all its choices."""
    parts: Mapping[str, Part]
    dropped: Mapping[str, int]
    """Choices left out, by reason."""

    def check(self) -> None:
        """Raises `DataError` when two parts share a user or an image."""
        for (first, a), (second, b) in combinations(self.parts.items(), 2):
            for kind, shared in (("user", {*a.users} & {*b.users}), ("image", {*a.images} & {*b.images})):
                if shared:
                    raise DataError(
                        f"{first} and {second} share {len(shared)} {kind}s, {min(shared)} first; expected disjoint "
                        "parts: make the split anew with pigeval train split --fresh"
                    )

    def check_filled(self, shares: Sequence[float]) -> None:
        """Raises `DataError` when a part with a share of the users has no choices."""
        empty = [name for name, share in zip(PARTS, shares, strict=True) if share and not self.parts[name].choices]
        if empty:
            left_out = ", ".join(f"{count} for {reason}" for reason, count in self.dropped.items())
            raise DataError(
                f"{self.dataset}: no choices for {' and '.join(empty)} (left out: {left_out}); expected some in every "
                "part with a share: take more users, or give it another share with data.reasoner, data.reward and "
                "data.evaluation"
            )

    def write(self, folder: Path) -> None:
        """Writes `split.json`."""
        parts = {
            name: {"digest": p.digest, "users": p.users, "images": p.images, "choices": p.choices}
            for name, p in self.parts.items()
        }
        write_json(
            folder / FILE,
            {"dataset": self.dataset, "content": self.content, "dropped": dict(self.dropped), "parts": parts},
        )

    @classmethod
    def read(cls, folder: Path) -> Split:
        """The split in a folder, checked. Raises `DataError` when it was changed or its parts overlap."""
        record = read_json(folder / FILE)
        if record is None:
            raise DataError(f"{folder / FILE} is missing; make it with pigeval train split")
        parts = {name: _part(name, table) for name, table in _in_order(record["parts"])}
        split = cls(record["dataset"], record["content"], parts, record["dropped"])
        split.check()
        return split


def _in_order(parts: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(parts.items(), key=lambda part: PARTS.index(part[0]) if part[0] in PARTS else len(PARTS))


def _part(name: str, table: Mapping[str, Any]) -> Part:
    part = Part(tuple(table["users"]), tuple(table["images"]), tuple(table["choices"]))
    if part.digest != table["digest"]:
        raise DataError(f"{FILE}: the lists of {name} were changed since they were written; make the split anew")
    return part


def split(table: ChoiceTable, store: ImageStore, shares: Sequence[float], users: int, seed: int) -> Split:
    """Shares out users, then images, by seeded hashes of their names; a choice stays where both are of one part.

    Images that stand in one choice, or have the same content, stay together. A group of images that only users of one
    part have seen goes to that part, a group that several have seen to one of these, drawn by the shares.

    Args:
        table: the choices.
        store: its images, digests taken.
        shares: of the users, for each of `PARTS`.
        users: at most this many; 0: all.
        seed: of the hashes.
    """
    part_of_user = _drawn(words(table.users, seed, 0), shares)
    if 0 < users < len(table.users):
        part_of_user[np.argsort(words(table.users, seed, 1), kind="stable")[users:]] = -1
    group = _groups(table, store)[table.image[:, 0]]
    part_of_group = _parts_of_groups(group, part_of_user[table.user], shares, seed)
    unreadable = np.isin(table.image, np.array([*store.unreadable], dtype=np.int64)).any(axis=1)
    part = np.where(unreadable, -1, part_of_user[table.user])
    kept = (part >= 0) & (part == part_of_group[group])
    parts = {name: _of(table, store, np.flatnonzero(kept & (part == code))) for code, name in enumerate(PARTS)}
    dropped = {
        "unreadable image": int(unreadable.sum()),
        "user not drawn": int(((part < 0) & ~unreadable).sum()),
        "images of another part": int(((part >= 0) & ~kept).sum()),
    }
    made = Split(table.name, table.content_digest, parts, dropped)
    made.check()
    return made


def _drawn(word: NDArray[np.uint64], shares: Sequence[float]) -> NDArray[np.int64]:
    """Index of a share for each word."""
    bounds = np.cumsum(np.asarray(shares, dtype=np.float64))
    at = word.astype(np.float64) / 2.0**64 * bounds[-1]
    return np.asarray(np.minimum(np.searchsorted(bounds, at, side="right"), len(shares) - 1), dtype=np.int64)


def _groups(table: ChoiceTable, store: ImageStore) -> NDArray[np.int64]:
    """(images,) number of each image's group: connected by choices and by equal content."""
    first, *others = np.where(table.image >= 0, table.image, table.image[:, :1]).T
    links = [np.stack([first, other]) for other in others]
    _, same = np.unique(store.digests, axis=0, return_inverse=True)
    representative = np.zeros(len(store.digests), dtype=np.int64)
    representative[same[::-1]] = np.arange(len(same))[::-1]
    readable = np.flatnonzero(store.digests.any(axis=1))
    links.append(np.stack([readable, representative[same[readable]]]))
    rows, columns = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(len(same), len(same)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _parts_of_groups(
    group: NDArray[np.int64], part: NDArray[np.int64], shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """(groups,) part of each, given group and part of each choice; -1 where no user of a part has seen it."""
    seen = np.zeros((int(group.max()) + 1, len(shares)), dtype=np.bool_)
    seen[group[part >= 0], part[part >= 0]] = True
    names = mix(np.arange(len(seen)).astype(np.uint64), seed, 2)
    # The group's draw falls among the parts that have seen it, in proportion to their shares.
    weights = np.where(seen, np.asarray(shares, dtype=np.float64), 0.0).cumsum(axis=1)
    at = names.astype(np.float64) / 2.0**64 * weights[:, -1]
    drawn = (weights <= at[:, None]).sum(axis=1)
    return np.asarray(np.where(seen.any(axis=1), np.minimum(drawn, len(shares) - 1), -1))


def _of(table: ChoiceTable, store: ImageStore, rows: NDArray[np.int64]) -> Part:
    images = np.unique(table.image[rows])
    return Part(
        users=tuple(sorted({table.users[code] for code in table.user[rows].tolist()})),
        images=tuple(sorted({store.digests[code].tobytes().hex() for code in images[images >= 0].tolist()})),
        choices=tuple(sorted(row.tobytes().hex() for row in table.digest[rows])),
    )
