"""Embeddings kept on disk: an image is encoded once for a backbone, in whatever run, order or process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

CHUNK = 500
"""Digests looked up in one query; SQLite allows at least 999 variables."""

WAIT = 60
"""Seconds to wait for another process that is writing."""


class EmbeddingCache:
    """Vectors by image digest, one SQLite file for each backbone. Safe to share, to interrupt and to delete.

    A file that is damaged, locked or cannot be written costs time, never a result: lookups then find nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def lookup(self, digests: Sequence[str]) -> dict[str, Vector]:
        """The vectors, float32 of shape (d,), of those digests that are there."""
        known: dict[str, Vector] = {}
        for some in _chunks(digests):
            rows = self._rows("SELECT digest, vector FROM embedding", some)
            known.update({digest.hex(): np.frombuffer(vector, dtype="<f4") for digest, vector in rows})
        return known

    def known(self, digests: Sequence[str]) -> set[str]:
        """Those of the digests that are there."""
        return {row[0].hex() for some in _chunks(digests) for row in self._rows("SELECT digest FROM embedding", some)}

    def add(self, vectors: Mapping[str, Vector]) -> None:
        """Remembers vectors in one transaction: a crash leaves all of them or none."""
        if not vectors:
            return
        rows = [(bytes.fromhex(digest), vector.astype("<f4").tobytes()) for digest, vector in vectors.items()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=WAIT)) as database, database:
                database.execute("PRAGMA journal_mode=WAL")
                database.execute(
                    "CREATE TABLE IF NOT EXISTS embedding (digest BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
                )
                database.executemany("INSERT OR REPLACE INTO embedding VALUES (?, ?)", rows)
        except (OSError, sqlite3.Error):
            pass

    def _rows(self, query: str, digests: Sequence[str]) -> list[tuple[bytes, ...]]:
        if not self.path.exists():
            return []
        marks = ",".join("?" * len(digests))
        try:
            with closing(sqlite3.connect(self.path, timeout=WAIT)) as database:
                return database.execute(
                    f"{query} WHERE digest IN ({marks})", [bytes.fromhex(digest) for digest in digests]
                ).fetchall()
        except sqlite3.Error:
            return []


def _chunks(digests: Sequence[str]) -> Iterator[Sequence[str]]:
    return (digests[start : start + CHUNK] for start in range(0, len(digests), CHUNK))


def unit(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Vectors of length one, in float64; a zero vector becomes NaN, so that it is a failure and not a tie."""
    wide = np.asarray(vectors, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(wide / np.linalg.norm(wide, axis=-1, keepdims=True), dtype=np.float64)
