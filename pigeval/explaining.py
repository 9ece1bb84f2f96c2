"""Explanations of a run or of a teacher's folder, and the truth they can be held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from adapters.parsers.pigreward import PARSERS
from adapters.pigreward.rationales import key_of
from harness.contexts import read_contexts
from harness.errors import DataError, PigevalError, RunError
from harness.log import Run, read_run
from harness.plan import Plan
from harness.progress import Progress
from harness.records import Dimension, Status
from harness.registry import Registry
from leaderboard.compare import name_of
from pigeval.reparsing import READ
from pigeval.shown import reopened
from training.cot import RAW
from training.explanations import LENIENT, STRICT, Answer
from training.material import Material, open_dataset
from training.presets import Data
from training.rows import Row, read_rows
from training.splits import Split
from training.stage import BEGUN, read_json
from training.truths import Cared, Explained, Told, cared, tastes, told, true_rationales

OWN = frozenset(parser.name for parser in PARSERS)
"""Parsers of PIGReward's format."""

COLUMNS = ("id", "status", "raw", "rationale", "dimensions", "flags")

T = TypeVar("T")


@dataclass
class Explaining:
    """What a judge or a teacher wrote, and how it stands to the truth where that is known."""

    name: str
    dataset: str
    answers: list[Answer]
    unanswered: int
    """Comparisons for which nothing was written."""
    cared: Cared | None = None
    told: Told | None = None
    missing: list[str] = field(default_factory=list)
    """What there is not, and why."""

    def attempt(self, what: str, make: Callable[[], T]) -> T | None:
        """What can be made; None, and why, where it cannot."""
        try:
            return make()
        except PigevalError as error:
            self.missing.append(f"{what}: {error}")
            return None


def of_run(folder: Path, datasets: Registry, progress: Progress) -> Explaining:
    """The explanations of a run. Raises `RunError` where there are none."""
    run = read_run(folder)
    rows: list[Row] = run.table.select(COLUMNS).to_pylist()
    parser = str(run.info.get("identity_parts", {}).get("told", {}).get("parser", "")).partition("/")[0]
    answers = _read(rows, parser, progress)
    _check(folder, run.name, answers, len(rows))
    found = Explaining(name_of(run), run.info["dataset"]["name"], answers, len(rows) - len(answers))
    if any(answer.valid is None for answer in answers):
        other = f"answers are read by {parser or 'the judge itself'}, not as PIGReward's"
        found.missing.append(f"format: {'the run keeps no texts' if parser in OWN else other}")
    opened = found.attempt("truth", lambda: reopened(run, datasets, progress))
    if opened:
        dataset, plan = opened[0].dataset, opened[1]
        found.cared = found.attempt("dimensions", lambda: _cared(answers, dataset, plan))
        found.told = found.attempt("rationales", lambda: _told(run, dataset, plan))
    return found


def of_teacher(folder: Path, plugins: Sequence[Path], progress: Progress) -> Explaining:
    """The answers in the folder of the stage `cot`. Raises `RunError` or `DataError` where there are none."""
    if not (folder / RAW).is_file():
        raise RunError(f"{folder}: no {RAW} here; expected the folder of the stage cot, such as WORK/cot")
    rows = [_row(folder, number, row) for number, row in enumerate(read_rows(folder / RAW), 1)]
    answers = _read(rows, LENIENT.name, progress)
    _check(folder, "the teacher", answers, len(rows))
    settings = (read_json(folder / BEGUN) or {}).get("settings", {})
    name = str(settings.get("data", {}).get("dataset", "a data set that is not told"))
    found = Explaining(f"teacher {folder}", name, answers, len(rows) - len(answers))
    opened = found.attempt("truth", lambda: _of_training(folder, settings, plugins, progress))
    if opened:
        found.cared = found.attempt("dimensions", lambda: _cared(answers, *opened))
    return found


def _row(folder: Path, number: int, row: Row) -> Row:
    """A teacher's answer as a row of a run."""
    if not all(isinstance(row.get(key), str) for key in ("id", "status", "text")):
        raise DataError(f"{folder / RAW}, line {number}: expected id, status and text; remove the line")
    return {"id": row["id"], "status": row["status"], "raw": row["text"]}


def _read(rows: Sequence[Row], parser: str, progress: Progress) -> list[Answer]:
    """What was written, as a parser of this name reads it."""
    written = [row for row in rows if row["status"] in READ]
    answers = []
    with progress.task("reading answers", len(written)) as advance:
        for row in written:
            answers.append(_answer(row, parser))
            advance(1)
    return answers


def _answer(row: Row, parser: str) -> Answer:
    """PIGReward's answers are read anew, so that rows compare whatever rule a run was made with."""
    if parser in OWN and row["raw"] is not None:
        return Answer.of(row["id"], Status(row["status"]), row["raw"])
    dimensions = tuple(Dimension(**dimension) for dimension in row["dimensions"] or ())
    valid = row["status"] == Status.OK if parser == STRICT.name else None
    return Answer(row["id"], row["raw"] or "", row["rationale"] or "", dimensions, tuple(row["flags"] or ()), valid)


def _check(folder: Path, who: str, answers: Sequence[Answer], asked: int) -> None:
    if not answers:
        raise RunError(f"{folder}: {who} wrote no answer to {asked:,} comparisons; nothing is explained")
    if not any(answer.dimensions for answer in answers):
        raise RunError(
            f"{folder}: {who} names no dimension in {len(answers):,} answers; expected a judge that writes some, such "
            "as pigreward or unifiedreward-think"
        )


def _cared(answers: Sequence[Answer], dataset: Any, plan: Plan) -> Cared:
    known = tastes(dataset, plan)
    if known is None:
        raise DataError(f"{plan.choices.name} does not know what its users care about")
    strange = sum(answer.id not in known for answer in answers)
    if strange:
        raise DataError(f"{strange:,} answers are to no question of {plan.choices.name} as it is now")
    return cared(Explained(*known[answer.id], answer.dimensions) for answer in answers)


def _told(run: Run, dataset: Any, plan: Plan) -> Told:
    kept = {key: str(r["text"]) for key, r in read_contexts(run.folder).items() if r.get("kind") == "rationale"}
    if not kept:
        raise DataError("the run keeps none")
    pairs = true_rationales(dataset, plan)
    if pairs is None:
        raise DataError(f"{plan.choices.name} does not know what its images show")
    # Choices of several users, or at several times, may have one rationale.
    true = {key_of(reference): truth for reference, truth in pairs}
    found = told((kept[key], truth) for key, truth in true.items() if key in kept)
    if not found.speaking:
        raise DataError("none is written in the small model's words, in which the truth is told")
    return found


def _of_training(
    folder: Path, settings: Mapping[str, Any], plugins: Sequence[Path], progress: Progress
) -> tuple[Any, Plan]:
    """The data set a teacher was asked about, and the plan of its part. Raises `PigevalError`."""
    try:
        data, seed = Data(**settings["data"]), int(settings["seed"])
    except (KeyError, TypeError) as error:
        raise DataError(f"{folder / BEGUN} does not tell data set and seed as this version does ({error!r})") from error
    material = Material(open_dataset(data.dataset, plugins), data, seed)
    part = material.of_part(Split.read(folder.parent / "split"), "reward")
    return material.dataset, material.plan(part, progress)
