"""The stages one by one: what each reads, does and writes down."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.contexts import sort_contexts
from harness.errors import ConfigError, RunError
from harness.generation import Decoding
from training import contexts, cot, gates, rationales, splits
from training.base import Lesson
from training.launched import main_process
from training.pictures import Pictures
from training.presets import Fit
from training.rows import read_rows
from training.session import Session
from training.splits import PARTS, split
from training.stage import Stage, digest_of_files, read_json, write_json
from training.teacher import teacher_of, truth_of
from training.weights import MODEL, Weights, reads_base, saved_digest, trained

REPORT, CANDIDATE, TRAINING = "report.json", "candidate", "training.json"
Record = Mapping[str, Any]


def run_split(session: Session) -> Record:
    """Shares out users and images."""
    with session.open("split", "data") as stage:
        if stage.done:
            return stage.done
        data = session.preset.data
        session.material.read_images(session.progress)
        shares = [getattr(data, part) for part in PARTS]
        made = split(session.material.table, session.material.store, shares, data.users, session.preset.seed)
        made.check_filled(shares)
        made.write(stage.folder)
        facts = {name: {"users": len(p.users), "images": len(p.images), "choices": len(p.choices), "digest": p.digest}
                 for name, p in made.parts.items()}  # fmt: skip
        return stage.finish(digest_of_files(stage.folder / splits.FILE), {**facts, "dropped": dict(made.dropped)})


def run_base(session: Session) -> Record:
    """Makes the small model and teaches it what a pretrained one knows. Raises `ConfigError` where there is one."""
    preset = session.preset
    if preset.model.base:
        raise ConfigError(f"the preset trains {preset.model.base}; the stage base is for models from random weights")
    with session.open("base", "model", "tiny", "base", "data", "rationales", reads=("split",)) as stage:
        if stage.done:
            return stage.done
        from training import base, tiny_model  # noqa: PLC0415

        start = stage.folder / "random"
        if main_process() and not (start / "config.json").is_file():
            tiny_model.make(start, preset.tiny, session.wording, preset.rationales.hint, preset.seed)
        session.wait()
        session.material.read_images(session.progress)
        seen = base.images(session.material, session.split, preset.tiny.images, preset.seed)
        weights, facts = Weights(str(start)), dict[str, Any]()
        for lesson in base.lessons(seen, preset, session.wording):
            weights, told = _taught(session, stage.folder, lesson, weights)
            facts |= told
        if main_process() and not (stage.folder / MODEL).is_dir():
            shutil.copytree(weights.model, stage.folder / CANDIDATE, dirs_exist_ok=True)
            (stage.folder / CANDIDATE).rename(stage.folder / MODEL)
        return _finished(stage, facts)


def _taught(session: Session, folder: Path, lesson: Lesson, weights: Weights) -> tuple[Weights, Record]:
    """Rounds of a lesson, each from where the last one ended, until enough is right.

    Raises `RunError` when after the last round it is not.
    """
    from training import base  # noqa: PLC0415

    preset, right = session.preset, 0.0
    for number in range(1, preset.tiny.rounds + 1):
        into = folder / f"{lesson.name}-{number}"
        if not (into / MODEL).is_dir():
            pictures = Pictures(folder / "images")
            facts = _fit(session, into, weights, preset.base, base.rows(lesson.samples(number), pictures), pictures)
            if main_process():
                write_json(into / TRAINING, facts)
        weights = Weights(str(into / MODEL))
        right = lesson.right(weights.engine(preset.model, preset.rationales.batch), preset.contexts.max_tokens)
        if right >= lesson.least:
            told = {f"{lesson.name}, rounds": number, f"{lesson.of} right": round(right, 4)}
            return weights, {**told, **(read_json(into / TRAINING) or {})}
    raise RunError(
        f"{folder}: after {preset.tiny.rounds} rounds of {lesson.name} {right:.1%} of {lesson.of} are right, expected "
        f"{lesson.least:.1%}; raise tiny.rounds, tiny.seeing or tiny.samples and begin anew with --fresh"
    )


def run_rationales(session: Session) -> Record:
    """Samples both reasons for each reference and makes pairs of them."""
    preset = session.preset
    with session.open("rationales", "data", "model", "rationales", reads=("split", *reads_base(preset.model))) as stage:
        if stage.done:
            return stage.done
        settings = preset.rationales
        references = session.references("reasoner", settings.references)
        engine = session.base.engine(preset.model, settings.batch)
        rationales.sample_all(
            stage.folder, references, session.wording, engine, settings, preset.seed, session.progress
        )
        facts = rationales.make_pairs(stage.folder, references, session.wording, settings, preset.seed)
        files = (stage.folder / name for name in (rationales.PAIRS, rationales.HELD_OUT))
        return stage.finish(digest_of_files(*files), facts)


def run_reasoner(session: Session) -> Record:
    """DPO, then the gate. Raises `RunError` when the trained reasoner is worse, unless told to promote it."""
    reads = ("split", "rationales", *reads_base(session.preset.model))
    with session.open("reasoner", "model", "reasoner", reads=reads) as stage:
        if stage.done:
            return stage.done
        from training import trainers  # noqa: PLC0415

        if not (stage.folder / CANDIDATE).is_dir():
            _preferred(session, stage.folder)
        if not main_process():
            return {}
        # By now nothing holds the trained model in memory.
        trainers.forget(stage.folder)
        report = {**_gate(session, stage.folder), "training": read_json(stage.folder / TRAINING) or {}}
        write_json(stage.folder / REPORT, report)
        if report["decision"] == "refused":
            raise RunError(
                f"{stage.folder}: the trained reasoner is worse on held-out references "
                f"({report['before']['share']:.1%} → {report['after']['share']:.1%}, {report['before']['measure']}); "
                f"see {REPORT}. Change lr, beta or sft and begin anew with --fresh, or take it with --promote-worse"
            )
        (stage.folder / CANDIDATE).rename(stage.folder / MODEL)
        weights = saved_digest(stage.folder / MODEL)
        return stage.finish(weights["weights"], {**report, **weights})


def _preferred(session: Session, folder: Path) -> None:
    """Trains on the pairs; the result is a candidate."""
    from training import preferences, trainers  # noqa: PLC0415
    from training.messages import dataset  # noqa: PLC0415

    preset = session.preset
    source = session.work.folder("rationales")
    model, processor = trainers.load(session.base, preset.reasoner, preset.model)
    rows = list(read_rows(source / rationales.PAIRS))
    data = dataset(rows, ("chosen", "rejected"), processor, Pictures(source / rationales.IMAGES))
    session.forecast("reasoner", session.base, preset.reasoner, data, processor, preference=True)
    made = preferences.trainer(
        model, processor, data, folder, preset.reasoner, preset.model, preset.seed, preset.report_to
    )
    facts = trainers.train(made, folder, "reasoner", session.progress)
    if main_process():
        write_json(folder / TRAINING, facts)
    trainers.save(made, processor, folder / CANDIDATE)


def _gate(session: Session, folder: Path) -> dict[str, Any]:
    preset = session.preset
    rows = list(read_rows(session.work.folder("rationales") / rationales.HELD_OUT))
    pairs = {row["reference"]: (row["chosen"], row["rejected"]) for row in reversed(rows)}
    known = session.references("reasoner", preset.rationales.references)
    held_out = {digest: known[digest][1] for digest in pairs}
    truth = truth_of(session.material)
    before, after = (
        gates.check(
            weights.engine(preset.model, preset.contexts.batch), held_out, pairs, session.wording, truth,
            preset.contexts.max_tokens, f"held-out rationales, {when}", session.progress,
        )
        for when, weights in (("before", session.base), ("after", trained(folder / CANDIDATE, session.base)))
    )  # fmt: skip
    return gates.report(before, after, preset.reasoner.tolerance, session.promote_worse)


def run_contexts(session: Session) -> Record:
    """The reasoner writes what the reward model will read."""
    preset = session.preset
    with session.open("contexts", "data", "model", "contexts", reads=("split", "reasoner")) as stage:
        if stage.done:
            return stage.done
        references = session.references("reward", questions=preset.data.questions)
        wanted = {digest: reference for digest, (_, reference) in references.items()}
        reasoner = trained(session.work.folder("reasoner") / MODEL, session.base)
        engine = reasoner.engine(preset.model, preset.contexts.batch)
        decoding = Decoding(preset.contexts.temperature, max_tokens=preset.contexts.max_tokens, seed=preset.seed)
        facts = contexts.write(stage.folder, wanted, session.wording, engine, decoding, session.progress)
        sort_contexts(stage.folder)
        if truth := truth_of(session.material):
            kept = contexts.Written(stage.folder, session.wording)
            facts["exact"] = sum(kept.text(reference) == truth(reference) for reference in wanted.values())
        return stage.finish(digest_of_files(stage.folder / "contexts.jsonl"), facts)


def run_cot(session: Session) -> Record:
    """The teacher writes chains of thought; the filter keeps the good ones."""
    preset = session.preset
    with session.open("cot", "data", "model", "cot", reads=("split", "contexts")) as stage:
        if stage.done:
            return stage.done
        plan = session.material.plan(session.material.of_part(session.split, "reward"), session.progress)
        written = contexts.Written(session.work.folder("contexts"), session.wording)
        questions = session.material.questions(plan, preset.data.questions)
        asked = cot.requests(questions, written, session.wording, preset.cot, preset.seed)
        teacher = teacher_of(preset.cot, session.material)
        cot.ask(stage.folder, asked, teacher, session.progress, incomplete=session.incomplete)
        facts = cot.keep(stage.folder, asked)
        # Not of the raw answers: those lie in the order in which they came.
        return stage.finish(digest_of_files(stage.folder / cot.SAMPLES), facts)


def run_reward(session: Session) -> Record:
    """Fine-tunes the reward model on the teacher's answers."""
    preset = session.preset
    with session.open("reward", "model", "reward", reads=("cot", *reads_base(preset.model))) as stage:
        if stage.done:
            return stage.done
        source = session.work.folder("cot")
        rows = list(read_rows(source / cot.SAMPLES))
        facts = _fit(session, stage.folder, session.base, preset.reward, rows, Pictures(source / cot.IMAGES))
        return _finished(stage, facts)


def _fit(
    session: Session, folder: Path, start: Weights, fit: Fit, rows: Sequence[Mapping[str, Any]], pictures: Pictures
) -> Record:
    """Supervised fine-tuning; the model is saved in the folder."""
    from training import supervised, trainers  # noqa: PLC0415
    from training.messages import dataset  # noqa: PLC0415

    preset = session.preset
    model, processor = trainers.load(start, fit, preset.model)
    data = dataset(rows, ("completion",), processor, pictures)
    session.forecast(folder.name, start, fit, data, processor, preference=False)
    made = supervised.trainer(model, processor, data, folder, fit, preset.model, preset.seed, preset.report_to)
    facts = trainers.train(made, folder, folder.name, session.progress)
    trainers.save(made, processor, folder / MODEL)
    return {"samples": len(rows), **facts}


def _finished(stage: Stage, facts: Record) -> Record:
    """Records a fit, then removes its checkpoints."""
    from training import trainers  # noqa: PLC0415

    if not main_process():
        return {}
    weights = saved_digest(stage.folder / MODEL)
    record = stage.finish(weights["weights"], {**facts, **weights})
    for folder in (stage.folder, *stage.folder.glob("*-*")):
        trainers.forget(folder)
    return record


def run_export(session: Session) -> Record:
    """Makes the judge folder."""
    with session.open("export", "model", reads=("split", "reasoner", "reward")) as stage:
        if stage.done:
            return stage.done
        from training.export import export  # noqa: PLC0415

        digest = export(session.work, session.preset, session.wording, session.judge)
        return stage.finish(digest, {"judge": f"pigreward:weights={session.judge}"})


RUN: Mapping[str, Callable[[Session], Record]] = {
    "split": run_split, "base": run_base, "rationales": run_rationales, "reasoner": run_reasoner,
    "contexts": run_contexts, "cot": run_cot, "reward": run_reward, "export": run_export,
}  # fmt: skip
"""By name, in the order they are run."""


def run_all(session: Session) -> Record:
    """Every stage the preset needs, one after the other; finished ones are passed over."""
    session.check()
    record: Record = {}
    for name, run in RUN.items():
        if name != "base" or not session.preset.model.base:
            record = run(session)
    return record
