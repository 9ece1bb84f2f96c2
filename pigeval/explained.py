"""Measures of explanations, as data for JSON and as plain text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from pigeval.explaining import Explaining
from pigeval.listing import printable
from pigeval.measured import percent
from training.explanations import SEED, diversity, drawn, form
from training.truths import Cared, Share, Told

Record = Mapping[str, Any]
Column = tuple[str, Callable[[Record], str]]
"""Heading, and the cell of a row."""


def report(rows: Sequence[Explaining]) -> dict[str, Any]:
    """All measures of at least one row: fractions, None where there is none."""
    least = min(len(row.answers) for row in rows)
    return {"diversity_over": {"answers": least, "seed": SEED}, "rows": [_measured(row, least) for row in rows]}


def text(found: Record) -> str:
    """The same for people: a legend, a table for each kind of measure, what is missing and why."""
    rows: list[Record] = found["rows"]
    legend = "\n".join(printable(f"{n}: {row['name']} on {row['dataset']}") for n, row in enumerate(rows, 1))
    least = found["diversity_over"]["answers"]
    over = f"From distinct-1 on over {least:,} answers of each row, drawn by a seeded hash of their ids."
    parts = [legend, f"{_table(rows, WRITTEN)}\n{over}", _table(rows, CARED, "cared"), _table(rows, TOLD, "told")]
    missing = [printable(f"{n}: n/a, {why}") for n, row in enumerate(rows, 1) for why in row["missing"]]
    return "\n\n".join(filter(None, [*parts, "\n".join(missing)]))


def _measured(row: Explaining, least: int) -> dict[str, Any]:
    return {
        "name": row.name,
        "dataset": row.dataset,
        "unanswered": row.unanswered,
        **asdict(form(row.answers)),
        "diversity": asdict(diversity(drawn(row.answers, least))),
        "cared": row.cared and _cared(row.cared),
        "told": row.told and _told(row.told),
        "missing": row.missing,
    }


def _cared(found: Cared) -> dict[str, Any]:
    counts = {"answers": found.answers, "dimensions": found.dimensions, "unknown": found.unknown}
    shares = {"cared": found.cared, "direction": found.direction, "found": found.found}
    return {**counts, "chance": found.chance, **{name: _share(share) for name, share in shares.items()}}


def _share(share: Share) -> dict[str, Any]:
    known, reason = share.interval.available, share.interval.reason
    low, high = (share.interval.low, share.interval.high) if known else (None, None)
    ends = {"low": low, "high": high, "method": share.interval.method, "basis": share.interval.basis, "reason": reason}
    return {"value": share.value, "right": share.right, "of": share.of, "interval": ends}


def _told(found: Told) -> dict[str, Any]:
    return {"rationales": found.texts, "exact": found.exact / found.texts, "slots": found.slots / found.of}


def _table(rows: Sequence[Record], columns: Sequence[Column], key: str = "") -> str:
    """The rows that have something under the key, by their numbers; empty without any."""
    chosen = {n: row[key] if key else row for n, row in enumerate(rows, 1)}
    cells = [[str(n), *(cell(row) for _, cell in columns)] for n, row in chosen.items() if row]
    headers = ["", *(heading for heading, _ in columns)]
    return tabulate(cells, headers=headers, disable_numparse=True, stralign="right") if cells else ""


def _percent(*path: str) -> Callable[[Record], str]:
    return lambda row: percent(_at(row, path))


def _number(form: str, *path: str) -> Callable[[Record], str]:
    def cell(row: Record) -> str:
        value = _at(row, path)
        return "n/a" if value is None else format(value, form)

    return cell


def _at(row: Record, path: Sequence[str]) -> Any:
    value: Any = row
    for key in path:
        value = value[key]
    return value


def _interval(row: Record) -> str:
    ends = row["cared"]["interval"]
    return ends["reason"] or f"{percent(ends['low'])} – {percent(ends['high'])} ({ends['basis']})"


WRITTEN: tuple[Column, ...] = (
    ("answers", _number(",", "answers")),
    ("format-valid %", _percent("valid")),
    ("dimensions", _number(".2f", "dimensions")),
    ("distinct-1", _number(".3g", "diversity", "distinct_1")),
    ("distinct-2", _number(".3g", "diversity", "distinct_2")),
    ("type-token", _number(".3g", "diversity", "type_token")),
    ("names", _number(",", "diversity", "names")),
    ("effective", _number(".2f", "diversity", "effective")),
)
CARED: tuple[Column, ...] = (
    ("dimensions", _number(",", "dimensions")),
    ("cared about %", _percent("cared", "value")),
    ("95 % interval", _interval),
    ("by chance %", _percent("chance")),
    ("right direction %", _percent("direction", "value")),
    ("found %", _percent("found", "value")),
    ("unknown", _number(",", "unknown")),
)
TOLD: tuple[Column, ...] = (
    ("rationales", _number(",", "rationales")),
    ("exact %", _percent("exact")),
    ("right slots %", _percent("slots")),
)
