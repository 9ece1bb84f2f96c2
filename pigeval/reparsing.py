"""Reading the stored outputs of a run with another parser: a run of its own beside the first."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harness.contexts import FILE as CONTEXTS
from harness.errors import RunError
from harness.generation import Parser, Reply
from harness.generator import agreeing, read
from harness.identity import identity_hash
from harness.log import VERDICTS, Run, read_run, status_counts, write_json, write_table
from harness.records import Status, Verdict

READ = frozenset({Status.OK, Status.UNPARSEABLE, Status.REFUSED, Status.TRUNCATED})
"""Statuses of outputs a parser reads. One that was cut off stays so; what a filtered one says is not read at all."""

SAME = ("id", "grade", "raw", "tokens", "cost")
"""Columns a parser has no say in."""

READ_BY = " read by "
"""Between the judge and the parser in the name of a run that was read anew."""


@dataclass(frozen=True, slots=True)
class Reparsed:
    """What came of it."""

    run: Run
    changes: dict[tuple[str, str], int]
    """Comparisons by (before, after), where the winner or the status is another."""


def reparse(run: Run, parser: Parser, out: Path) -> Reparsed:
    """Writes the run that a judge with this parser would have made, unless it is there already.

    One thing may be lost: a token probability that the first parser's verdict contradicted was not stored.
    Raises `RunError` without stored outputs, or when the parser is the run's own.
    """
    before: list[dict[str, Any]] = pq.read_table(run.folder / "verdicts.parquet").to_pylist()
    if not run.complete or not any(row["raw"] for row in before):
        raise RunError(f"{run.folder}: no stored outputs to read; expected a finished run of a generative judge")
    after = [_reread(row, parser) for row in before]
    info = _describe(run, parser)
    folder = out / run.folder.parent.name / f"{info['judge']['name']}-{info['identity'][:12]}"
    if folder.resolve() == run.folder.resolve():
        raise RunError(f"{run.folder}: was made with {parser}; nothing to do")
    if not _finished(folder):
        _write(run, folder, info, after)
    pairs = [(_said(old), _said(new)) for old, new in zip(before, after, strict=True)]
    return Reparsed(read_run(folder), dict(Counter(pair for pair in pairs if pair[0] != pair[1]).most_common()))


def _reread(row: dict[str, Any], parser: Parser) -> dict[str, Any]:
    if row["status"] not in READ or row["raw"] is None:
        return row
    whole = Status.TRUNCATED if row["status"] == Status.TRUNCATED else Status.OK
    verdict = read(parser, Reply(whole, row["raw"]))
    return {**{name: row[name] for name in SAME}, **_columns(verdict, row["p_a"])}


def _finished(folder: Path) -> bool:
    return (folder / "run.json").exists() and read_run(folder).complete


def _columns(verdict: Verdict, p_a: float | None) -> dict[str, Any]:
    """Where the parser gives no probability, the one the model's token probabilities gave stays if it still agrees."""
    return {
        "status": verdict.status.value,
        "winner": verdict.winner,
        "score_a": verdict.score_a,
        "score_b": verdict.score_b,
        "p_a": agreeing(p_a, verdict) if verdict.p_a is None else verdict.p_a,
        "rationale": verdict.rationale,
        "dimensions": [
            {"name": d.name, "score_a": d.score_a, "score_b": d.score_b, "reason": d.reason} for d in verdict.dimensions
        ]
        or None,
        "flags": list(verdict.flags) or None,
    }


def _said(row: dict[str, Any]) -> str:
    return str(row["winner"] or row["status"])


def _describe(run: Run, parser: Parser) -> dict[str, Any]:
    parts = run.info["identity_parts"]
    parts = {**parts, "told": {**parts["told"], "parser": str(parser)}}
    spec = run.info["judge"]["spec"].partition(READ_BY)[0]
    judge = {**run.info["judge"], "spec": f"{spec}{READ_BY}{parser}"}
    origin = run.info.get("reparsed from", run.info["identity"])
    info = {key: value for key, value in run.info.items() if key not in {"state", "status"}}
    return {**info, "judge": judge, "identity_parts": parts, "identity": identity_hash(parts), "reparsed from": origin}


def _write(run: Run, folder: Path, info: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("items.parquet", "timings.parquet", CONTEXTS):
        if (run.folder / name).exists():
            shutil.copyfile(run.folder / name, folder / name)
    columns = [pa.array([row[field.name] for row in rows], pa.string()) if pa.types.is_dictionary(field.type)
               else pa.array([row[field.name] for row in rows], field.type) for field in VERDICTS]  # fmt: skip
    columns = [column.dictionary_encode() if pa.types.is_dictionary(field.type) else column
               for column, field in zip(columns, VERDICTS, strict=True)]  # fmt: skip
    write_table(folder / "verdicts.parquet", VERDICTS, iter([columns]))
    done = Run(folder, {**info, "state": "complete"})
    write_json(folder / "run.json", {**done.info, "status": status_counts(done)})
