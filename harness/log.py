"""The verdict log: the folder of a run, written once, read by every table, page and test.

`run.json` says what the run is; `items.parquet` and `verdicts.parquet` hold one row a comparison, in the same order;
`timings.parquet` is apart because it never repeats. While a run goes on, `journal/` holds what is answered so far.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from harness.errors import RunError
from harness.journal import STATUSES, Answers
from harness.plan import Plan
from harness.records import TIE_KINDS, WINNERS, digest_of

ROWS = 65_536
"""Rows of a group in the Parquet files, and of a step while writing them: bounds memory."""

ITEMS = pa.schema(
    [
        ("item", pa.string()),
        ("id", pa.string()),
        ("user", pa.string()),
        ("set", pa.string()),
        ("pair", pa.string()),
        ("prompt", pa.string()),
        ("gold", pa.dictionary(pa.int8(), pa.string())),
        ("order", pa.int8()),
        ("references", pa.int16()),
        ("weight", pa.float64()),
    ]
)
GOLD_KIND = pa.field("gold_kind", pa.dictionary(pa.int8(), pa.string()))
"""Which kind of tie each gold label is: a last column of the items, only where the data set says so."""
DIMENSIONS = pa.list_(
    pa.struct([("name", pa.string()), ("score_a", pa.float64()), ("score_b", pa.float64()), ("reason", pa.string())])
)
VERDICTS = pa.schema(
    [
        ("id", pa.string()),
        ("status", pa.dictionary(pa.int8(), pa.string())),
        ("winner", pa.dictionary(pa.int8(), pa.string())),
        ("score_a", pa.float64()),
        ("score_b", pa.float64()),
        ("p_a", pa.float64()),
        ("grade", pa.string()),
        ("rationale", pa.string()),
        ("dimensions", DIMENSIONS),
        ("raw", pa.string()),
        ("tokens", pa.int32()),
        ("flags", pa.list_(pa.string())),
        ("cost", pa.float64()),
    ]
)
TIMINGS = pa.schema([("id", pa.string()), ("seconds", pa.float32())])


@dataclass(frozen=True)
class Run:
    """One judge × one data set × one protocol, as stored."""

    folder: Path
    info: Mapping[str, Any]
    """`run.json`."""

    @property
    def complete(self) -> bool:
        """True when every comparison has a final verdict."""
        return self.info.get("state") == "complete"

    @property
    def name(self) -> str:
        """The judge as the leaderboard shows it."""
        return str(self.info["judge"]["spec"])

    @cached_property
    def table(self) -> pa.Table:
        """Items and verdicts side by side, one row a comparison. Raises `RunError` for an incomplete or damaged run."""
        if not self.complete:
            raise RunError(f"{self.folder}: the run is {self.info.get('state')}; run the same command again to end it")
        try:
            items = pq.read_table(self.folder / "items.parquet")
            verdicts = pq.read_table(self.folder / "verdicts.parquet")
        except (OSError, pa.ArrowInvalid) as error:
            raise RunError(f"{self.folder}: {error}; restore the files or run again with --fresh") from error
        if items.num_rows != verdicts.num_rows or not items["id"].equals(verdicts["id"]):
            raise RunError(f"{self.folder}: items and verdicts (.parquet) do not belong together; run with --fresh")
        for column in verdicts.column_names[1:]:
            items = items.append_column(column, verdicts[column])
        return items


def read_run(folder: Path) -> Run:
    """The run in a folder. Raises `RunError` when there is none or it is damaged."""
    path = folder / "run.json"
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{folder}: no run here; expected a folder that holds run.json") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: {error}; run the same command with --fresh") from error
    if not isinstance(info, dict) or not {"judge", "dataset", "state"} <= info.keys():
        raise RunError(f"{path}: not a pigeval run; expected the keys judge, dataset and state")
    return Run(folder, info)


def find_runs(root: Path) -> list[Run]:
    """Every run below a folder, sorted by path. Raises `RunError` when there is none."""
    paths = sorted(path.parent for path in root.rglob("run.json"))
    if not paths:
        command = f"pigeval run --judge NAME --dataset NAME --out {root}"
        raise RunError(f"{root}: no runs below it; make one with `{command}`")
    return [read_run(path) for path in paths]


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a file that is either the old or the new one, never half of it."""
    part = path.with_suffix(".part")
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=True, default=str)
    part.write_text(f"{text}\n", encoding="utf-8")
    os.replace(part, path)


def write_items(path: Path, plan: Plan) -> None:
    """`items.parquet`: what was asked and the gold label, users and sets under pseudonyms."""
    schema = ITEMS if plan.choices.tie_kind is None else ITEMS.append(GOLD_KIND)
    write_table(path, schema, (_items(plan, slice(start, start + ROWS)) for start in range(0, len(plan), ROWS)))


def _items(plan: Plan, rows: slice) -> list[Any]:
    table, of = plan.choices, plan.of[rows]
    target = plan.target[of]
    pairs = np.sort(np.stack([table.image[target, plan.a[rows]], table.image[target, plan.b[rows]]]), axis=0)
    kinds = [] if table.tie_kind is None else [kind_column(table.tie_kind[target])]
    return [
        _hex(plan.item[rows]),
        _hex(plan.id[rows]),
        _pseudonyms(table.name, "user", table.users, table.user[target]),
        _pseudonyms(table.name, "set", table.sets, table.set[target]),
        _pair_names(plan, table.set[target].tolist(), *pairs.tolist()),
        _pseudonyms("", "prompt", table.prompts, table.prompt[target]),
        pa.DictionaryArray.from_arrays(pa.array(plan.gold[rows]), list(WINNERS)),
        plan.order[rows],
        (plan.references[of] >= 0).sum(axis=1),
        plan.weight[rows],
        *kinds,
    ]


def kind_column(kinds: NDArray[np.int8]) -> pa.Array:
    """Indices into `TIE_KINDS` as words, null where no kind is said."""
    return pa.DictionaryArray.from_arrays(pa.array(kinds, mask=kinds == 0), list(TIE_KINDS))


def _pseudonyms(space: str, kind: str, names: Sequence[str], codes: NDArray[np.int32]) -> pa.Array:
    """16 hex digits for each name: the same in every run, telling nothing."""
    used, inverse = np.unique(codes, return_inverse=True)
    known = [digest_of(space.encode(), kind.encode(), names[code].encode())[:8].hex() for code in used.tolist()]
    return pa.array(known).take(pa.array(inverse))


def _pair_names(plan: Plan, groups: list[int], left: list[int], right: list[int]) -> list[str]:
    """16 hex digits for each unordered pair of images of a set: equal where two users judged the same pair.

    The digest is `digest_of` data set, set and both keys in order, in one expression because there are so many.
    """
    table, space = plan.choices, plan.choices.name.encode()
    names = []
    for group, i, j in zip(groups, left, right, strict=True):
        part, low, high = table.sets[group].encode(), table.images[i].encode(), table.images[j].encode()
        if low > high:
            low, high = high, low
        text = b"%d:%b%d:%b%d:%b%d:%b" % (len(space), space, len(part), part, len(low), low, len(high), high)
        names.append(sha256(text).hexdigest()[:16])
    return names


def _hex(digests: NDArray[np.uint8]) -> pa.StringArray:
    """32 hex digits for each row of 16 bytes."""
    text = digests.tobytes().hex().encode()
    ends = np.arange(0, len(text) + 1, 32, dtype=np.int32)
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(ends), pa.py_buffer(text))


def write_verdicts(folder: Path, plan: Plan, answers: Answers) -> None:
    """`verdicts.parquet` and `timings.parquet` from a journal that answers every comparison of the plan."""
    final = np.flatnonzero(answers.final)
    # Where a crash let a question be asked twice, the later assignment stays: the last answer counts.
    answer = np.empty(len(plan), dtype=np.int64)
    answer[answers.row[final]] = final
    blocks = [slice(start, start + ROWS) for start in range(0, len(plan), ROWS)]
    verdicts = (_verdicts(plan.id[rows], answers.take(answer[rows])) for rows in blocks)
    write_table(folder / "verdicts.parquet", VERDICTS, verdicts)
    timings = ([_hex(plan.id[rows]), answers.seconds[answer[rows]]] for rows in blocks)
    write_table(folder / "timings.parquet", TIMINGS, timings)


def _verdicts(ids: NDArray[np.uint8], table: pa.Table) -> list[Any]:
    status = pa.DictionaryArray.from_arrays(table["status"].combine_chunks(), list(STATUSES))
    winner = pa.DictionaryArray.from_arrays(table["winner"].combine_chunks(), list(WINNERS))
    dimensions = [_dimensions(text) for text in table["dimensions"].to_pylist()]
    rest = [table[name] for name in ("raw", "tokens", "flags", "cost")]
    plain = [table[name] for name in ("score_a", "score_b", "p_a", "grade", "rationale")]
    return [_hex(ids), status, winner, *plain, dimensions, *rest]


def _dimensions(text: str | None) -> list[dict[str, Any]] | None:
    if text is None:
        return None
    return [dict(zip(("name", "score_a", "score_b", "reason"), row, strict=True)) for row in json.loads(text)]


def write_table(path: Path, schema: pa.Schema, blocks: Iterator[list[Any]]) -> None:
    """A Parquet file from blocks of columns in the order of the schema; a reader never meets half of it."""
    part = path.with_suffix(".part")
    with pq.ParquetWriter(part, schema, compression="zstd", store_schema=False) as writer:
        for block in blocks:
            columns = [_column(values, field.type) for values, field in zip(block, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=ROWS)
    os.replace(part, path)


def _column(values: Any, kind: pa.DataType) -> Any:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    return values.cast(kind) if isinstance(values, pa.Array) else pa.array(values, type=kind)


def status_counts(run: Run) -> dict[str, int]:
    """How many comparisons ended with each status."""
    status = pq.read_table(run.folder / "verdicts.parquet", columns=["status"])["status"]
    counted = pc.value_counts(status.cast(pa.string()))
    return {str(row["values"]): int(row["counts"]) for row in counted.to_pylist()}
