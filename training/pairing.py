"""From what was sampled to preference pairs, and the rules by which pairs are dropped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from itertools import product

from harness.records import Status
from training.hints import FALSE, FREE, TRUE, plain
from training.presets import Rationales

RULES = ("failed", "empty", "hint", "near-equal")
"""Why a pair is dropped; the first that applies is counted."""

LEAK = 5
"""So many words of the hint in a row give it away."""

Sampled = Mapping[str, Mapping[str, str]]
"""{status, text} of one reference by side."""


def alike(first: str, second: str) -> float:
    """How far two texts agree, 0 to 1: twice the matching words over all words (`difflib`)."""
    return SequenceMatcher(None, _words(first), _words(second), autojunk=False).ratio()


def pairs(sampled: Sampled, settings: Rationales, dropped: Counter[str]) -> Iterator[tuple[str, str]]:
    """(chosen, rejected) texts of one reference; `dropped` counts the others by rule."""
    texts = {side: _text(answer, settings) for side, answer in sampled.items()}
    for chosen, rejected in _candidates(texts, settings):
        if rule := broken(texts[chosen], texts[rejected], settings):
            dropped[rule] += 1
        else:
            yield texts[chosen] or "", texts[rejected] or ""


def broken(chosen: str | None, rejected: str | None, settings: Rationales) -> str:
    """The first rule a pair breaks; empty for a good one."""
    if chosen is None or rejected is None:
        return "failed"
    if not chosen or not rejected:
        return "empty"
    if leaks(chosen, settings.hint) or leaks(rejected, settings.hint):
        return "hint"
    return "near-equal" if alike(chosen, rejected) >= settings.alike else ""


def leaks(text: str, hint: str) -> bool:
    """Whether a text repeats the hint, or most of it."""
    told = _words(re.sub(r"\{number\}", "0", hint))
    said = [re.sub(r"\d+", "0", word) for word in _words(text)]
    span = min(LEAK, len(told))
    runs = {tuple(told[i : i + span]) for i in range(len(told) - span + 1)}
    return any(tuple(said[i : i + span]) in runs for i in range(len(said) - span + 1))


def nearer(text: str, true: str, false: str) -> str:
    """Which of two reasons a free text argues like: `true`, `false`, or empty where it is as near to both."""
    to_true, to_false = alike(text, true), alike(text, false)
    return "" if to_true == to_false else TRUE if to_true > to_false else FALSE


def _candidates(texts: Mapping[str, str | None], settings: Rationales) -> Iterator[tuple[str, str]]:
    """(chosen side, rejected side): the hinted pair, then right free samples with wrong ones."""
    yield TRUE, FALSE
    true, false = texts.get(TRUE), texts.get(FALSE)
    if not true or not false:
        return
    free = {side: nearer(text, true, false) for side, text in texts.items() if side.startswith(FREE) and text}
    right, wrong = ([side for side, way in free.items() if way == wanted] for wanted in (TRUE, FALSE))
    yield from list(product(right, wrong))[: settings.free_pairs]


def _text(answer: Mapping[str, str], settings: Rationales) -> str | None:
    if answer["status"] not in (Status.OK, Status.TRUNCATED):
        return None
    return plain(answer["text"], answer["status"], settings.longest)


def _words(text: str) -> list[str]:
    return re.findall(r"[\w-]+", text.casefold())
