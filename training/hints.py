"""Hint-driven sampling, after Con-J (Ye et al., ICLR 2025): one model, told either answer, gives a reason for each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from adapters.pigreward.wording import Wording, preferred_first
from harness.generation import Decoding, Message, Request
from harness.records import Reference, Status
from training.presets import Rationales

TRUE, FALSE, FREE = "true", "false", "free"
"""Hinted at the image that was preferred, at the other one, not at all."""

CONTROL = re.compile(r"<\|[a-z_]+\|>")
"""Control tokens of the Qwen family: left in a text, an image slot would break the next stage."""


def hinted(wording: Wording, reference: Reference, template: str, side: str) -> tuple[Message, ...]:
    """The reasoner's question, and the beginning of an answer that names the true or the other image."""
    first = preferred_first(reference)
    number = "1" if first == (side == TRUE) else "2"
    return (*wording.reasoner_messages(reference), Message("assistant", (template.replace("{number}", number),)))


def asked(wording: Wording, reference: Reference, settings: Rationales, seed: int) -> Iterator[tuple[str, Request]]:
    """(side, request) for one reference: hinted either way, then as often unhinted as the preset asks for."""
    decoding = Decoding(settings.temperature, settings.top_p, settings.max_tokens, seed=seed)
    for side in (TRUE, FALSE):
        yield side, Request(hinted(wording, reference, settings.hint, side), decoding)
    for number in range(settings.free):
        free = Decoding(settings.free_temperature, settings.top_p, settings.max_tokens, seed=seed + number)
        yield f"{FREE}-{number}", Request(tuple(wording.reasoner_messages(reference)), free)


def plain(text: str, status: str, longest: int) -> str:
    """A reason without control tokens; one that is cut off or too long ends at its last full stop, if it has one.

    `longest`: in words, the nearest to tokens that needs no tokenizer.
    """
    text = CONTROL.sub("", text).strip()
    words = re.findall(r"\s*\S+", text)
    if status != Status.TRUNCATED and len(words) <= longest:
        return text
    kept = "".join(words[:longest])
    return kept[: kept.rfind(".") + 1].strip()
