"""A tally as an ordinary run folder, so that leaderboard and comparison take it in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harness.identity import PACKAGES, git_state, identity_hash, versions
from harness.journal import STATUSES
from harness.log import (
    GOLD_KIND,
    ITEMS,
    ROWS,
    VERDICTS,
    Run,
    kind_column,
    read_run,
    status_counts,
    write_json,
    write_table,
)
from harness.plan import NONE
from harness.records import WINNERS, digest_of
from harness.rules.evidence import GRADES
from harness.tally.columns import Texts
from harness.tally.tally import Sheet, Tally

PROTOCOL = {"name": "imported", "version": 1, "references": "none", "line": "imported v1 references=none"}


def import_runs(sheet: Sheet, out: Path) -> Iterator[Run]:
    """Writes one finished run for each judge of a sheet below `out`; the same file and columns give the same bytes."""
    with sheet.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    items = _Items(sheet)
    for tally in sheet.tallies():
        info = _describe(sheet, tally, items, digest)
        folder = out / _slug(sheet.dataset) / f"{_slug(tally.name)}-{info['identity'][:12]}"
        folder.mkdir(parents=True, exist_ok=True)
        items.write(folder / "items.parquet")
        _write_verdicts(folder / "verdicts.parquet", tally, items)
        status = status_counts(Run(folder, {**info, "state": "complete"}))
        # Last, so that a reader never takes a folder for a run before its tables are there.
        write_json(folder / "run.json", {**info, "state": "complete", "status": status})
        yield read_run(folder)


class _Items:
    """What was asked, sorted by item: equal for all judges of a sheet."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        pairs = [str(row + 1) for row in sheet.rows.tolist()] if sheet.pairs is None else _per_row(sheet.pairs)
        users = [""] * len(sheet) if sheet.users is None else _per_row(sheet.users)
        space = sheet.dataset.encode()
        digests = [digest_of(space, user.encode(), pair.encode()) for user, pair in zip(users, pairs, strict=True)]
        self.order = np.argsort(np.array(digests, dtype="V16"))
        self.items = [digests[row] for row in self.order.tolist()]
        self.ids = [digest_of(item, b"imported") for item in self.items]

    def write(self, path: Path) -> None:
        """`items.parquet`. Unknown users, sets and pairs are each row's own."""
        sheet = self.sheet
        keys = [self._names(known) for known in (sheet.users, sheet.groups, sheet.pairs)]
        gold = pa.DictionaryArray.from_arrays(pa.array(sheet.gold[self.order]), list(WINNERS))
        n = len(sheet)
        prompt = pa.array([""]).take(pa.array(np.zeros(n, dtype=np.int32)))
        fixed = [np.zeros(n, dtype=np.int8), np.zeros(n, dtype=np.int16), np.ones(n)]
        columns = [_hex(self.items), _hex(self.ids), *keys, prompt, gold, *fixed]
        if not sheet.gold_kind.any():
            write_table(path, ITEMS, _blocks(columns, n))
            return
        kinds = kind_column(sheet.gold_kind[self.order].astype(np.int8))
        write_table(path, ITEMS.append(GOLD_KIND), _blocks([*columns, kinds], n))

    def _names(self, known: Texts | None) -> Any:
        if known is None:
            return [item.hex()[:16] for item in self.items]
        return pa.array(known.values).take(pa.array(known.codes[self.order]))


def _write_verdicts(path: Path, tally: Tally, items: _Items) -> None:
    evidence, order = tally.evidence, items.order
    asked, n = evidence.asked, len(order)
    winner = asked.winner[order]
    floats = [_floats(column[order]) for column in (asked.score_a, asked.score_b, asked.p_a)]
    raw = pa.nulls(n, pa.string()) if tally.raw is None else _raw(tally.raw, order)
    columns = [
        _hex(items.ids),
        pa.DictionaryArray.from_arrays(pa.array(np.asarray(asked.status)[order]), list(STATUSES)),
        pa.DictionaryArray.from_arrays(pa.array(winner, mask=winner == NONE), list(WINNERS)),
        *floats,
        _grades(evidence.kind, order),
        pa.nulls(n, pa.string()),
        pa.nulls(n, VERDICTS.field("dimensions").type),
        raw,
        *(pa.nulls(n, VERDICTS.field(name).type) for name in ("tokens", "flags", "cost")),
    ]
    write_table(path, VERDICTS, _blocks(columns, n))


def _raw(raw: Texts, order: NDArray[Any]) -> pa.Array:
    return pa.array(raw.values, pa.string()).take(pa.array(raw.codes[order]))


def _grades(kind: NDArray[np.int8] | None, order: NDArray[Any]) -> pa.Array:
    codes = np.zeros(len(order), dtype=np.int8) if kind is None else kind[order]
    return pa.array([grade or None for grade in GRADES], pa.string()).take(pa.array(codes))


def _floats(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, mask=~np.isfinite(values))


def _blocks(columns: list[Any], n: int) -> Iterator[list[Any]]:
    for start in range(0, n, ROWS):
        yield [column[start : start + ROWS] for column in columns]


def _describe(sheet: Sheet, tally: Tally, items: _Items, digest: str) -> dict[str, Any]:
    """`run.json` without its state."""
    layout = {key: value for key, value in asdict(sheet.layout).items() if value and key not in {"verdicts", "mapping"}}
    mapping = {label: WINNERS[answer.winner] for label, answer in sheet.layout.mapping.items()}
    parameters = {**layout, "verdict": tally.name, "mapping": mapping, "codings": dict(tally.codings)}
    comparisons = _digest(items.ids)
    parts = {
        "judge": "imported",
        "source": digest,
        "parameters": parameters,
        "libraries": {},
        "told": {},
        "comparisons": comparisons,
    }
    source = {"file": sheet.path.name, "sha256": digest, "rows": len(sheet) + sheet.skipped}
    return {
        "format": 1,
        "judge": {
            "name": tally.name,
            "spec": tally.name,
            "title": f"{tally.name}, imported",
            "kind": "judge",
            "reads_references": False,
            "parameters": parameters,
        },
        "dataset": {
            "name": sheet.dataset,
            "spec": sheet.dataset,
            "title": f"imported from {sheet.path.name}",
            "has_users": sheet.users is not None,
            "provenance": source,
        },
        "protocol": PROTOCOL,
        "identity": identity_hash(parts),
        "identity_parts": parts,
        "comparison_digest": comparisons,
        "item_digest": _digest(items.items),
        "images_digest": "",
        "comparisons": len(sheet),
        "targets": len(sheet),
        "users": 0 if sheet.users is None else len(sheet.users.values),
        "dropped": {"gold label not known": sheet.skipped} if sheet.skipped else {},
        "provenance": {"imported": source, "git": git_state(), "packages": versions(PACKAGES)},
    }


def _per_row(texts: Texts) -> list[str]:
    return [texts.values[code] for code in texts.codes.tolist()]


def _hex(digests: list[bytes]) -> list[str]:
    return [digest.hex() for digest in digests]


def _digest(digests: list[bytes]) -> str:
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def _slug(name: str) -> str:
    """A name that is safe as one folder name."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-.") or "unnamed"
