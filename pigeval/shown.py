"""One judged item in full: what was asked, what the judge said, what the user chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from harness.batches import Questions
from harness.contexts import read_contexts, references_digest
from harness.errors import ImageError, PigevalError, RunError
from harness.log import Run
from harness.plan import Plan
from harness.progress import Progress
from harness.protocol import Protocol
from harness.records import Comparison
from harness.registry import Registry
from harness.store import ImageStore
from pigeval.session import Options, Session

LISTED = 20
"""Items listed where none is named."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One comparison of a run."""

    answer: dict[str, Any]
    """Its row of the log."""
    comparison: Comparison | None
    """What was asked; None where the data set cannot be opened here."""
    context: str | None
    """The text the judge had made of the references."""
    note: str = ""
    """Why something is missing."""


def rows_of(run: Run, key: str) -> list[dict[str, Any]]:
    """Rows of the log whose item or id begins with `key`. Raises `RunError` where none, or more than one item, does."""
    table = run.table
    found = table.filter(pc.or_(pc.starts_with(table["item"], key.lower()), pc.starts_with(table["id"], key.lower())))
    rows: list[dict[str, Any]] = found.to_pylist()
    items = sorted({row["item"] for row in rows})
    if len(items) == 1:
        return rows
    if not items:
        raise RunError(f"{run.folder}: no item {key!r}; `pigeval show {run.folder}` lists some")
    raise RunError(f"{run.folder}: {len(items)} items begin with {key!r}: {', '.join(items[:3])} …; give more digits")


def listed(run: Run, *, wrong: bool) -> list[dict[str, Any]]:
    """The first rows of the log, or the first where the judge differs from the user."""
    table = run.table
    if wrong:
        winner, gold = (table[name].cast(pa.string()) for name in ("winner", "gold"))
        table = table.filter(pc.fill_null(pc.not_equal(winner, gold), True))
    rows: list[dict[str, Any]] = table.slice(0, LISTED).to_pylist()
    return rows


def examples(run: Run, n: int) -> list[dict[str, Any]]:
    """Rows of the n items with the lowest names. A name is a hash, so this is a draw, and the same in every run."""
    items = sorted(set(run.table["item"].to_pylist()))[:n]
    rows: list[dict[str, Any]] = run.table.filter(pc.is_in(run.table["item"], pa.array(items))).to_pylist()
    return rows


def shown(run: Run, rows: Sequence[dict[str, Any]], datasets: Registry, progress: Progress) -> list[Shown]:
    """The rows with their comparisons, the data set opened again; without it what the log alone tells."""
    try:
        comparisons = _comparisons(run, [row["id"] for row in rows], datasets, progress)
    except PigevalError as error:
        return [Shown(row, None, None, f"references and images are not shown: {error}") for row in rows]
    contexts = read_contexts(run.folder)
    return [_shown(row, comparison, contexts) for row, comparison in zip(rows, comparisons, strict=True)]


def _shown(row: dict[str, Any], comparison: Comparison, contexts: dict[str, dict[str, Any]]) -> Shown:
    try:
        context = contexts[references_digest(comparison.references)]["text"] if contexts else None
    except (KeyError, ImageError) as error:
        return Shown(row, comparison, None, f"no context is stored for these references ({error})")
    return Shown(row, comparison, context)


def _comparisons(run: Run, ids: Sequence[str], datasets: Registry, progress: Progress) -> list[Comparison]:
    session, plan = reopened(run, datasets, progress)
    places = {digest.tobytes().hex(): row for row, digest in enumerate(plan.id)}
    questions = Questions(plan, ImageStore(session.dataset, session.table.images))
    return questions.comparisons(np.array([places[id] for id in ids]))


def reopened(run: Run, datasets: Registry, progress: Progress) -> tuple[Session, Plan]:
    """The data set of a run and the plan it was made from. Raises `PigevalError` where they cannot be had again."""
    session = Session.open(datasets, run.info["dataset"]["spec"], Options(), progress)
    names = {field.name for field in fields(Protocol)}
    protocol = Protocol(**{key: value for key, value in run.info["protocol"].items() if key in names})
    return session, _same_plan(run, session, protocol)


def _same_plan(run: Run, session: Session, protocol: Protocol) -> Plan:
    """The plan the run was made from; images are read only where their contents matter to it."""
    wanted = run.info["comparison_digest"]
    plan = session.plan(protocol.for_table(session.table))
    if plan.comparison_digest != wanted:
        plan = session.material(protocol).plan
    if plan.comparison_digest != wanted:
        raise RunError(f"{session.spec} is not as it was when {run.folder.name} was made; restore its files")
    return plan
