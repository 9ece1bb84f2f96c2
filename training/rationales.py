"""Stage `rationales`: the untrained model argues either way for each reference; the texts become preference pairs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.pigreward.wording import Wording
from harness.errors import DataError, RunError
from harness.generation import Engine
from harness.progress import Progress
from harness.records import Reference
from training.draws import chance
from training.hints import asked, sample
from training.messages import stored
from training.pairing import RULES, pairs
from training.pictures import Pictures
from training.presets import Rationales
from training.rows import Appending, read_rows, write_rows

RAW, PAIRS, HELD_OUT, IMAGES = "raw.jsonl", "pairs.jsonl", "held-out.jsonl", "images"

References = Mapping[str, tuple[str, Reference]]
"""(user, reference) by digest."""


def sample_all(
    folder: Path,
    references: References,
    wording: Wording,
    engine: Engine,
    settings: Rationales,
    seed: int,
    progress: Progress,
) -> None:
    """Asks for what is not in the folder yet; each answer is there before the next is waited for.

    Raises `RunError` when some answers did not come.
    """
    known = set(_raw(folder / RAW))
    wanted = {
        (digest, side): request
        for digest, (_, reference) in references.items()
        for side, request in asked(wording, reference, settings, seed)
    }
    missing = {key: request for key, request in wanted.items() if key not in known}
    with (
        Appending(folder / RAW) as raw,
        progress.task("rationales", len(wanted), len(wanted) - len(missing)) as advance,
    ):
        answered = 0
        for (digest, side), answer in sample(engine, missing):
            raw.add({"reference": digest, "side": side, **answer})
            answered += 1
            advance(1)
    if answered < len(missing):
        raise RunError(
            f"{folder}: {len(missing) - answered} of {len(wanted)} texts did not come; the same command asks again"
        )


def make_pairs(
    folder: Path, references: References, wording: Wording, settings: Rationales, seed: int
) -> dict[str, Any]:
    """Writes the pairs to train on and those held out, by user, with the images they show. Counts by rule."""
    sampled: defaultdict[str, dict[str, Mapping[str, str]]] = defaultdict(dict)
    for (digest, side), answer in _raw(folder / RAW).items():
        sampled[digest][side] = answer
    dropped: Counter[str] = Counter()
    pictures, rows = Pictures(folder / IMAGES), []
    for digest, (user, reference) in references.items():
        # The question as a judge puts it: without the hint.
        question = wording.reasoner_messages(reference)
        for chosen, rejected in pairs(sampled[digest], settings, dropped):
            row = {"reference": digest, "user": user, "chosen": chosen, "rejected": rejected}
            rows.append({**row, "messages": stored(question, pictures)})
    held = {user for user, _ in references.values() if chance(user, seed, 5) < settings.held_out}
    kept = [row for row in rows if row["user"] not in held]
    if not kept:
        raise DataError(f"{folder}: no pair is left ({dict(dropped)}); look at {RAW}, or loosen rationales.alike")
    write_rows(folder / HELD_OUT, (row for row in rows if row["user"] in held))
    write_rows(folder / PAIRS, kept)
    return {
        "references": len(references),
        "pairs": len(kept),
        "held out": len(rows) - len(kept),
        "dropped": {rule: dropped[rule] for rule in RULES},
    }


def _raw(path: Path) -> dict[tuple[str, str], Mapping[str, str]]:
    return {(row["reference"], row["side"]): row for row in read_rows(path)}
