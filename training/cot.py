"""Stage `cot`: the teacher answers the reward model's questions; what keeps the rules becomes its training set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from adapters.pigreward.wording import Wording
from harness.errors import DataError, RunError
from harness.generation import Decoding, Engine, Message, Request
from harness.progress import Progress
from training.contexts import Written
from training.draws import chance
from training.filters import RULES, broken
from training.material import Question
from training.messages import stored
from training.pictures import Pictures
from training.presets import Cot
from training.rows import Appending, read_rows, write_rows

RAW, SAMPLES, IMAGES = "raw.jsonl", "samples.jsonl", "images"
UNANSWERED = "unanswered"
"""Counted beside the rules: questions left out because no answer came."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is put to the teacher, which is as it is put to the reward model."""

    request: Request
    label: int
    direct: tuple[Message, ...] = ()
    """The question for the verdict alone, where the reasoning is not to be learned."""

    def lesson(self, answer: str) -> tuple[Sequence[Message], str]:
        """Question and completion that are learned from a good answer."""
        if self.direct:
            return self.direct, f"Image {self.label} is better"
        return self.request.messages, answer.strip()


def requests(
    questions: Iterable[Question], written: Written, wording: Wording, settings: Cot, seed: int
) -> dict[str, Asked]:
    """By id of the comparison. Which image stands first is the harness' seeded draw. Ties teach nothing and are left
    out, as is a reference nobody can see; some questions show fewer references or none, if the preset says so.
    """
    decoding = Decoding(settings.temperature, max_tokens=settings.max_tokens, seed=seed)
    found = {}
    for question in questions:
        comparison = question.comparison
        if not question.label:
            continue
        references = comparison.references[: _shown(comparison.id, len(comparison.references), settings, seed)]
        if not written.readable(references):
            continue
        put = partial(
            wording.reward_messages,
            written.of(references), comparison.prompt, comparison.image_a, comparison.image_b,
        )  # fmt: skip
        direct = () if settings.reasoning else tuple(put(cot=False))
        found[comparison.id] = Asked(Request(tuple(put()), decoding), question.label, direct)
    return found


def _shown(name: str, n: int, settings: Cot, seed: int) -> int:
    """How many of n references a question shows."""
    if chance(name, seed, 8) < settings.none:
        return 0
    if n < 2 or chance(name, seed, 6) >= settings.fewer:
        return n
    return 1 + int(chance(name, seed, 7) * (n - 1))


def ask(
    folder: Path, asked: Mapping[str, Asked], teacher: Engine, progress: Progress, *, incomplete: bool = False
) -> None:
    """Asks what has no answer in the folder yet.

    Raises `RunError` when some answers did not come; with `incomplete` only when none did.
    """
    known = {row["id"] for row in read_rows(folder / RAW)}
    missing = {name: one for name, one in asked.items() if name not in known}
    names, later, reason = list(missing), 0, ""
    with Appending(folder / RAW) as raw, progress.task("teacher", len(asked), len(asked) - len(missing)) as advance:
        for index, reply in teacher.stream(one.request for one in missing.values()):
            if reply.status.transient:
                later, reason = later + 1, f"{reply.status}: {reply.text[:200]}"
                continue
            raw.add({"id": names[index], "status": str(reply.status), "text": reply.text})
            advance(1)
    if later == len(asked) > 0 or (later and not incomplete):
        raise RunError(
            f"{folder}: {later} of {len(asked)} answers did not come (the last one: {reason}); the others are kept, "
            "the same command asks again, --incomplete goes on without them"
        )


def keep(folder: Path, asked: Mapping[str, Asked]) -> dict[str, Any]:
    """Writes the answers that keep all rules, with their images. The value: how many each rule dropped.

    Raises `DataError` when none is left.
    """
    dropped: Counter[str] = Counter()
    write_rows(folder / SAMPLES, _kept(folder, asked, dropped))
    kept = len(asked) - dropped.total()
    if not kept:
        first = next(read_rows(folder / RAW), {"status": "none", "text": ""})
        raise DataError(
            f"{folder}: none of {len(asked)} answers keeps the rules ({dict(dropped)}), the first one being "
            f"{first['status']}: {first['text'][:200]!r}; see {RAW}. The teacher does not write the expected format, "
            "or cannot tell what the users like: take another one and begin anew with --fresh"
        )
    return {"asked": len(asked), "kept": kept, "dropped": {rule: dropped[rule] for rule in (UNANSWERED, *RULES)}}


def _kept(folder: Path, asked: Mapping[str, Asked], dropped: Counter[str]) -> Iterator[dict[str, Any]]:
    answers = {row["id"]: row for row in read_rows(folder / RAW)}
    pictures = Pictures(folder / IMAGES)
    for name, one in asked.items():
        answer = answers.get(name)
        if answer is None or (rule := broken(answer["text"], answer["status"], one.label)):
            dropped[UNANSWERED if answer is None else rule] += 1
            continue
        messages, completion = one.lesson(answer["text"])
        yield {"id": name, "messages": stored(messages, pictures), "completion": completion, "label": one.label}
