"""Stage `rationales`: the untrained model argues either way for each reference; the texts become preference pairs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.pigreward.wording import Wording
from harness.errors import ConfigError, DataError, RunError
from harness.generation import Engine
from harness.progress import Progress
from harness.records import Reference
from training.draws import chance
from training.hints import asked
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

    Raises `ConfigError` when no or every user would be held out, `RunError` when some answers did not come.
    """
    held_out(references, settings, seed)
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
        keys, later, reason = list(missing), 0, ""
        for index, reply in engine.stream(missing.values()):
            if reply.status.transient:
                later, reason = later + 1, f"{reply.status}: {reply.text[:200]}"
                continue
            digest, side = keys[index]
            raw.add({"reference": digest, "side": side, "status": str(reply.status), "text": reply.text})
            advance(1)
    if later:
        raise RunError(
            f"{folder}: {later} of {len(wanted)} texts did not come (the last one: {reason}); the same command asks "
            "again"
        )


def held_out(references: References, settings: Rationales, seed: int) -> set[str]:
    """The users whose pairs are not trained on. Raises `ConfigError` when they are none, or all."""
    users = {user for user, _ in references.values()}
    held = {user for user in users if chance(user, seed, 5) < settings.held_out}
    if not held or held == users:
        raise ConfigError(
            f"rationales.held_out={settings.held_out:g} holds {len(held)} of {len(users)} users out; expected some, to "
            "check the reasoner with, and not all: change it, or take more users"
        )
    return held


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
    apart = held_out(references, settings, seed)
    held, kept = ([row for row in rows if (row["user"] in apart) == wanted] for wanted in (True, False))
    if not held or not kept:
        raise DataError(
            f"{folder}: {len(kept)} pairs to train on and {len(held)} to check with are left, dropped {dict(dropped)}; "
            f"expected some of both. See {RAW}; then begin anew with --fresh and a better model.base, a looser "
            "rationales.alike, or another rationales.held_out"
        )
    write_rows(folder / HELD_OUT, held)
    write_rows(folder / PAIRS, kept)
    return {
        "references": len(references),
        "pairs": len(kept),
        "held out": len(held),
        "dropped": {rule: dropped[rule] for rule in RULES},
    }


def _raw(path: Path) -> dict[tuple[str, str], Mapping[str, str]]:
    return {(row["reference"], row["side"]): row for row in read_rows(path)}
