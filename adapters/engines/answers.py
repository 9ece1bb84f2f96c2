"""Reads a chat completion: what became of it, how many tokens it took, how probable the options were.

A server is not trusted to keep to the format: any JSON gives a reply or `Malformed`, and only a text that the model
meant as its whole answer is ok.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from harness.generation import Reply
from harness.records import Status

REFUSED = frozenset({"refusal"})
FILTERED = frozenset({"content_filter", "content-filter", "safety"})
CUT = frozenset({"length", "max_tokens", "model_length"})
BROKEN = frozenset({"error", "abort", "cancelled", "timeout"})
"""vLLM and SGLang say `abort`, OpenRouter `error`, for a reply that was not finished."""

SPACES = " \t\n\r\u0120\u010a\u2581"
"""White space, and how byte-level (Ġ, Ċ) and SentencePiece (▁) vocabularies spell it."""


class Malformed(ValueError):
    """A body that is no chat completion, or one that says that it failed."""


def read(body: Any, options: Sequence[str]) -> Reply:
    """The reply of a decoded body. Raises `Malformed`."""
    if not isinstance(body, Mapping):
        raise Malformed(f"expected a JSON object, got {type(body).__name__}")
    if body.get("error"):
        raise Malformed(f"the server answered with an error: {message_of(body)}")
    if not isinstance(body.get("choices", []), list | None):
        raise Malformed("choices is no list")
    usage = body.get("usage")
    tokens_in, tokens_out = (_count(usage, key) for key in ("prompt_tokens", "completion_tokens"))
    if not body.get("choices"):
        return Reply(Status.EMPTY, "the server sent no choices", tokens_in, tokens_out)
    choice = body["choices"][0]
    if not isinstance(choice, Mapping) or not isinstance(choice.get("message"), Mapping):
        raise Malformed("the first choice has no message")
    status, text = _outcome(choice)
    found = option_probabilities(choice.get("logprobs"), options) if status is Status.OK else {}
    return Reply(status, text, tokens_in, tokens_out, options=found)


def _outcome(choice: Mapping[str, Any]) -> tuple[Status, str]:
    """Status and text. A missing finish reason is tolerated: some servers send none."""
    message, reason = choice["message"], str(choice.get("finish_reason") or "").lower()
    text = _text(message.get("content"))
    refusal = message.get("refusal")
    if reason in BROKEN:
        raise Malformed(f"the server broke off: finish reason {reason}")
    if (isinstance(refusal, str) and refusal) or reason in REFUSED:
        return Status.REFUSED, refusal if isinstance(refusal, str) and refusal else text
    if reason in FILTERED:
        return Status.FILTERED, text or "withheld by the server's content filter"
    if reason in CUT:
        return Status.TRUNCATED, text
    if not text.strip():
        return Status.EMPTY, f"the server sent no text (finish reason {reason or 'not given'})"
    return Status.OK, text


def _text(content: Any) -> str:
    """A string, or the texts of a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type") == "text"]
    return "".join(text for text in texts if isinstance(text, str))


def _count(usage: Any, key: str) -> int | None:
    count = usage.get(key) if isinstance(usage, Mapping) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None


def message_of(body: Any) -> str:
    """The text of an error body, whichever of the usual places it is in."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("detail") or error
    return str(error)


def option_probabilities(logprobs: Any, options: Sequence[str]) -> dict[str, float]:
    """Probability of each option at the last token that is one of them; empty where that cannot be told.

    Spellings with white space around them add up; one that is not among the alternatives counts as zero; the sum
    over the options is one.
    """
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not options or not isinstance(content, list):
        return {}
    for place in reversed(content):
        if isinstance(place, Mapping) and _word(place) in options:
            return _normalised(_seen(place), options)
    return {}


def _seen(place: Mapping[str, Any]) -> dict[str, float]:
    """Probability of each word at one place: its spellings' added up, each spelling counted once."""
    alternatives = place.get("top_logprobs")
    listed = alternatives if isinstance(alternatives, list) else []
    spellings = {str(token.get("token")): token for token in [place, *listed] if isinstance(token, Mapping)}
    seen: defaultdict[str, float] = defaultdict(float)
    for token in spellings.values():
        logprob = token.get("logprob")
        if isinstance(logprob, int | float) and not math.isnan(logprob):
            seen[_word(token)] += math.exp(min(float(logprob), 0.0))
    return seen


def _normalised(seen: Mapping[str, float], options: Sequence[str]) -> dict[str, float]:
    total = sum(seen.get(option, 0.0) for option in dict.fromkeys(options))
    return {option: seen.get(option, 0.0) / total for option in options} if total > 0 else {}


def _word(token: Mapping[str, Any]) -> str:
    return str(token.get("token", "")).strip(SPACES)
