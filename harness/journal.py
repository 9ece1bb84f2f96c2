"""The journal: verdicts as they come, in Arrow streams that a killed process leaves readable.

Every process that works on a run writes a segment of its own; a batch is acknowledged once its bytes are with the
operating system. A torn last batch is ignored, so it is asked again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harness.records import WINNERS, Status, Verdict

STATUSES = tuple(status.value for status in Status)

SCHEMA = pa.schema(
    [
        ("row", pa.int32()),  # index of the comparison in the plan
        ("status", pa.int8()),
        ("winner", pa.int8()),
        ("score_a", pa.float64()),
        ("score_b", pa.float64()),
        ("p_a", pa.float64()),
        ("grade", pa.string()),
        ("rationale", pa.string()),
        ("dimensions", pa.string()),
        ("raw", pa.string()),
        ("tokens", pa.int32()),
        ("flags", pa.list_(pa.string())),
        ("cost", pa.float64()),
        ("seconds", pa.float32()),
    ]
)

END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
"""Ends an Arrow stream (Arrow columnar format, section IPC streaming format)."""

_STATUS_CODE = {status: code for code, status in enumerate(Status)}
_WINNER_CODE: dict[str | None, int | None] = {None: None} | {winner: code for code, winner in enumerate(WINNERS)}


def encode(rows: Sequence[int], verdicts: Sequence[Verdict], seconds: float) -> pa.RecordBatch:
    """One batch of verdicts; `seconds` is the time each of them took."""
    answers = [
        (
            row,
            _STATUS_CODE[v.status],
            _WINNER_CODE[v.winner],
            v.score_a,
            v.score_b,
            v.p_a,
            v.grade,
            v.rationale,
            _dimensions(v),
            v.raw,
            v.tokens,
            v.flags or None,
            v.cost,
            seconds,
        )
        for row, v in zip(rows, verdicts, strict=True)
    ]
    return pa.RecordBatch.from_struct_array(pa.array(answers, type=pa.struct(list(SCHEMA))))


def _dimensions(verdict: Verdict) -> str | None:
    if not verdict.dimensions:
        return None
    rows = [[str(d.name), float(d.score_a), float(d.score_b), str(d.reason)] for d in verdict.dimensions]
    return json.dumps(rows, ensure_ascii=False)


class Journal:
    """Appends batches to a segment of its own in `folder`. A context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        number = 1 + max((int(path.stem) for path in self.folder.glob("*.arrows")), default=0)
        self._file = (self.folder / f"{number:06d}.arrows").open("wb")
        self._file.write(SCHEMA.serialize())
        return self

    def append(self, batch: pa.RecordBatch) -> None:
        """Writes a batch; once this returns, killing the process loses none of it."""
        self._file.write(batch.serialize())
        self._file.flush()

    def __exit__(self, *_: object) -> None:
        with self._file:
            self._file.write(END_OF_STREAM)


def replay(folder: Path) -> Iterator[pa.RecordBatch]:
    """Every whole batch in `folder`, segments in order; the torn end of a killed process's segment is left out."""
    for _, _, batch in _located(folder):
        yield batch


def _located(folder: Path) -> Iterator[tuple[Path, int, pa.RecordBatch]]:
    """(segment, offset in bytes, batch) of every whole batch."""
    for path in sorted(folder.glob("*.arrows")):
        try:
            with pa.OSFile(str(path)) as segment:
                schema = pa.ipc.read_schema(segment)
                while True:
                    offset = segment.tell()
                    yield path, offset, pa.ipc.read_record_batch(pa.ipc.read_message(segment), schema)
        except (EOFError, OSError, pa.ArrowInvalid):
            continue


class Answers:
    """What a journal holds, in order of arrival. Texts stay on disk until `take` asks for them."""

    row: NDArray[np.int32]
    """(n,) the comparison each answer is to; one asked again appears again."""
    status: NDArray[np.int8]
    """(n,) index into `STATUSES`."""
    seconds: NDArray[np.float32]

    def __init__(self, folder: Path) -> None:
        self._pages: list[tuple[Path, int]] = []
        columns: dict[str, list[NDArray[Any]]] = {"row": [], "status": [], "seconds": []}
        for path, offset, batch in _located(folder):
            self._pages.append((path, offset))
            for name, column in columns.items():
                # A copy, because a view would keep the whole batch in memory.
                column.append(batch[name].to_numpy().copy())
        self._start = np.cumsum([0, *map(len, columns["row"])])
        self.row = np.concatenate([np.empty(0, np.int32), *columns["row"]])
        self.status = np.concatenate([np.empty(0, np.int8), *columns["status"]])
        self.seconds = np.concatenate([np.empty(0, np.float32), *columns["seconds"]])

    @property
    def final(self) -> NDArray[np.bool_]:
        """(n,) which answers need not be asked for again."""
        return np.array([not status.transient for status in Status])[self.status]

    def take(self, answers: NDArray[np.int64]) -> pa.Table:
        """The answers of the given places in full, in that order."""
        page = np.searchsorted(self._start, answers, side="right") - 1
        used, among = np.unique(page, return_inverse=True)
        table = pa.Table.from_batches(map(self._read, used.tolist()), schema=SCHEMA).combine_chunks()
        begin = np.cumsum([0, *np.diff(self._start)[used]])
        return table.take(begin[among] + answers - self._start[page])

    def _read(self, page: int) -> pa.RecordBatch:
        path, offset = self._pages[page]
        with pa.OSFile(str(path)) as segment:
            segment.seek(offset)
            return pa.ipc.read_record_batch(pa.ipc.read_message(segment), SCHEMA)
