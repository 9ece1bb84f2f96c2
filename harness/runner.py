"""Runs a judge over a plan into a folder: resumes by itself, loses nothing that was acknowledged."""

from __future__ import annotations

import fcntl
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from harness import log
from harness.answers import Answered, batched, streamed
from harness.ask import failure_of
from harness.batches import Questions, batches
from harness.contexts import FILE as CONTEXTS
from harness.contexts import sort_contexts
from harness.errors import ConfigError, RunError
from harness.identity import identity_hash, identity_of, provenance
from harness.journal import STATUSES, Answers, Journal, encode
from harness.judge import Hints, Judge
from harness.pictures import AbsentPicture
from harness.plan import Plan
from harness.prepare import images_used
from harness.progress import Advance, Progress, Silent
from harness.records import TRANSIENT, Status, Verdict
from harness.store import ImageStore

BATCH = 32
"""Comparisons asked at once."""

RETRIES = 2
"""Further passes over transient failures before the run is left incomplete."""


READS = ("pixels", "bytes", "nothing")
"""What a judge may say it reads: `Hints.reads`."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is run: the judge and how the log describes it."""

    judge: Judge
    name: str
    spec: str
    title: str = ""
    kind: str = "judge"
    """`judge`, `control` or `line` (a reference line made with knowledge no judge has)."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    """Licence, source and other facts shown on the leaderboard."""


@dataclass(frozen=True, slots=True)
class Material:
    """What it is run on: plan, images, and how the log describes the data set."""

    plan: Plan
    store: ImageStore
    dataset: Mapping[str, Any]
    """Name, spec, title, provenance."""
    protocol: Mapping[str, Any]
    """Every field of the protocol, resolved."""


def run(
    subject: Subject,
    material: Material,
    out: Path,
    *,
    batch: int = BATCH,
    retries: int = RETRIES,
    fresh: bool = False,
    progress: Progress | None = None,
) -> log.Run:
    """The finished (or, after transient failures, incomplete) run.

    Raises:
        RunError: the folder is locked, not writable or damaged, or images changed since the run began.
        ConfigError: the judge is none, or needs images and the data set has none.
        KeyboardInterrupt: interrupted; what was acknowledged is kept and the same call goes on from there.
    """
    _check(subject, material)
    plan = material.plan
    parts = identity_of(subject.judge, subject.parameters, plan)
    folder = out / _slug(plan.choices.name) / f"{_slug(subject.name)}-{identity_hash(parts)[:12]}"
    with _locked(folder):
        if fresh:
            _clear(folder)
        info = _describe(subject, material, parts)
        previous = _previous(folder, info)
        if previous is not None and previous.complete:
            shutil.rmtree(folder / "journal", ignore_errors=True)  # there when a kill came just after the last file
            return previous
        log.write_json(folder / "run.json", {**info, "state": "running"})
        _check_unchanged(folder, material)
        if hasattr(subject.judge, "keep_in"):
            subject.judge.keep_in(folder)
        _answer(subject, material, folder / "journal", batch, retries, progress or Silent())
        return _finish(folder, plan, info)


def _check(subject: Subject, material: Material) -> None:
    """Refuses what could only fail, comparison by comparison."""
    if not callable(getattr(subject.judge, "compare", None)):
        raise ConfigError(f"{subject.name}: {type(subject.judge).__name__} has no method `compare`; expected a judge")
    reads = Hints.of(subject.judge).reads
    if reads not in READS:
        raise ConfigError(f"{subject.name}: reads is {reads!r}; expected one of {', '.join(READS)}")
    if reads == "nothing":
        return
    code = int(material.plan.choices.image[material.plan.target[0], 0])
    if isinstance(material.store.picture(code), AbsentPicture):
        raise ConfigError(
            f"{subject.name} looks at images and {material.plan.choices.name} was opened without them; "
            "give the data set its folder of images, or choose a judge that reads none"
        )


def _answer(subject: Subject, material: Material, journal: Path, batch: int, retries: int, progress: Progress) -> None:
    """Passes over what is not answered yet, until nothing is left or only stubborn transient failures are."""
    plan = material.plan
    questions = Questions(plan, material.store)
    answered = _answered(Answers(journal), len(plan))
    title = f"{subject.spec} on {plan.choices.name}"
    with progress.task(title, len(plan), int(answered.sum())) as advance, Journal(journal) as pages:
        _fail_unreadable(questions, pages, answered, advance)
        judge = subject.judge
        answers = streamed if Hints.of(judge).streams else batched
        for _ in range(1 + retries):
            if answered.all():
                return
            work = batches(questions, np.flatnonzero(~answered), batch, Hints.of(judge), getattr(judge, "unread", None))
            left = _one_pass(answers(judge, work), pages, answered, advance)
            if left == {Status.BUDGET}:
                return  # asking again spends nothing and gains nothing


def _one_pass(
    answers: Iterator[Answered], journal: Journal, answered: NDArray[np.bool_], advance: Advance
) -> set[Status]:
    """Keeps answers as they come; the transient statuses that were among them."""
    left: set[Status] = set()
    for rows, verdicts, seconds in answers:
        journal.append(_encoded(rows, verdicts, seconds))
        final = [row for row, verdict in zip(rows, verdicts, strict=True) if verdict.status not in TRANSIENT]
        answered[final] = True
        left |= {verdict.status for verdict in verdicts} & TRANSIENT
        advance(len(final))
    return left


def _encoded(rows: list[int], verdicts: list[Verdict], seconds: float) -> pa.RecordBatch:
    """The batch for the journal; a verdict whose fields cannot be stored is the judge's error, not the run's end."""
    try:
        return encode(rows, verdicts, seconds)
    except (pa.ArrowException, TypeError, ValueError, AttributeError, OverflowError) as error:
        if len(rows) == 1:
            return encode(rows, [failure_of(TypeError(f"a verdict's field has the wrong type: {error}"))], seconds)
    single = [_encoded([row], [verdict], seconds) for row, verdict in zip(rows, verdicts, strict=True)]
    return pa.Table.from_batches(single).combine_chunks().to_batches()[0]


def _fail_unreadable(questions: Questions, journal: Journal, answered: NDArray[np.bool_], advance: Advance) -> None:
    """Comparisons that show an image nobody can read fail for every judge alike, without being asked."""
    unreadable = questions.store.unreadable
    left = np.flatnonzero(~answered) if unreadable else np.empty(0, dtype=np.int64)
    for start in range(0, len(left), log.ROWS):
        rows = left[start : start + log.ROWS]
        codes = questions.images(rows)
        bad = np.isin(codes, list(unreadable))
        touched = bad.any(axis=1)
        first = codes[touched, bad[touched].argmax(axis=1)].tolist()
        verdicts = [Verdict.failure(Status.IMAGE_ERROR, unreadable[code]) for code in first]
        journal.append(encode(rows[touched].tolist(), verdicts, 0.0))
        answered[rows[touched]] = True
        advance(len(verdicts))


def _answered(answers: Answers, n: int) -> NDArray[np.bool_]:
    answered = np.zeros(n, dtype=np.bool_)
    answered[answers.row[answers.final]] = True
    return answered


def _finish(folder: Path, plan: Plan, info: dict[str, Any]) -> log.Run:
    """Journal to final files. Killed in between, the next call does it again from the journal."""
    answers = Answers(folder / "journal")
    answered = _answered(answers, len(plan))
    if not answered.all():
        left = _transient_counts(answers, answered)
        log.write_json(folder / "run.json", {**info, "state": "incomplete", "unanswered": left})
        return log.read_run(folder)
    sort_contexts(folder)
    log.write_items(folder / "items.parquet", plan)
    log.write_verdicts(folder, plan, answers)
    done = log.Run(folder, {**info, "state": "complete"})
    log.write_json(folder / "run.json", {**done.info, "status": log.status_counts(done)})
    shutil.rmtree(folder / "journal")
    return log.read_run(folder)


def _transient_counts(answers: Answers, answered: NDArray[np.bool_]) -> dict[str, int]:
    """Unanswered comparisons by the last transient status each met."""
    left = ~answered[answers.row]
    last = dict(zip(answers.row[left].tolist(), answers.status[left].tolist(), strict=True))
    return {STATUSES[code]: n for code, n in Counter(last.values()).items()}


def _describe(subject: Subject, material: Material, parts: dict[str, Any]) -> dict[str, Any]:
    """`run.json` without its state: nothing in it depends on when or how often the run was started."""
    plan = material.plan
    hints = Hints.of(subject.judge)
    return {
        "format": 1,
        "judge": {
            "name": subject.name,
            "spec": subject.spec,
            "title": subject.title,
            "kind": subject.kind,
            "reads_references": hints.reads_references,
            "parameters": dict(subject.parameters),
            **subject.about,
        },
        "dataset": {"name": plan.choices.name, **material.dataset},
        "protocol": {**material.protocol, "line": plan.protocol},
        "identity": identity_hash(parts),
        "identity_parts": parts,
        "comparison_digest": plan.comparison_digest,
        "item_digest": plan.item_digest,
        "images_digest": material.store.manifest_digest(images_used(plan).tolist()),
        "comparisons": len(plan),
        "targets": len(plan.target),
        "users": len(np.unique(plan.choices.user[plan.target])),
        "dropped": dict(plan.dropped),
        "provenance": provenance(subject.judge),
    }


def _previous(folder: Path, info: Mapping[str, Any]) -> log.Run | None:
    """The run already in the folder. Raises `RunError` when it was made with other images."""
    if not (folder / "run.json").exists():
        return None
    previous = log.read_run(folder)
    if previous.complete and previous.info["images_digest"] != info["images_digest"]:
        raise RunError(
            f"{folder}: images of {info['dataset']['name']} changed since this run was made; "
            "restore them, or run again with --fresh to judge the new ones"
        )
    return previous


def _check_unchanged(folder: Path, material: Material) -> None:
    """Keeps the digests beside the journal. Raises `RunError` naming an image that changed since the run began."""
    codes = images_used(material.plan)
    digests = [material.store.digests[code].tobytes() for code in codes.tolist()]
    keys = [material.store.keys[code] for code in codes.tolist()]
    path = folder / "journal" / "images.parquet"
    if path.exists():
        before = pq.read_table(path)
        old = dict(zip(before["key"].to_pylist(), before["digest"].to_pylist(), strict=True))
        for key, digest in zip(keys, digests, strict=True):
            if key in old and old[key] != digest:
                raise RunError(
                    f"{folder}: image {key} changed since this run began; restore it, or start over with --fresh"
                )
        return
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    pq.write_table(pa.table({"key": keys, "digest": pa.array(digests, pa.binary(32))}), part)
    part.replace(path)


def _clear(folder: Path) -> None:
    for name in ("run.json", "items.parquet", "verdicts.parquet", "timings.parquet", CONTEXTS):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "journal", ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the folder for one process; the lock goes with the process, however it ends."""
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = stack.enter_context((folder / ".lock").open("w"))
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(
                f"{folder}: another process is working on this run; wait for it, or choose another --out"
            ) from error
        except OSError as error:
            raise RunError(
                f"{folder}: cannot be written ({error.strerror}); expected a writable folder, choose another --out"
            ) from error
        yield


def _slug(name: str) -> str:
    """A name that is safe as one folder name; long ones are cut, the identity keeps runs apart."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-.")[:80] or "unnamed"
