"""How the next token is chosen, and how probable each option was where the answer decides between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from transformers import GenerationConfig

from adapters.engines.answers import SPACES
from harness.generation import Decoding, Request
from harness.records import digest_of

CONTEXT = 4
"""Tokens looked at on either side of an option to see whether it stands alone."""


def generation_config(decoding: Decoding, ends: Iterable[int], pad: int) -> GenerationConfig:
    """Everything that chooses tokens, said explicitly: what is left open would come from the checkpoint's own file."""
    sampling: dict[str, Any] = {}
    if decoding.temperature > 0:
        # Without top_k=0 the library keeps the 50 most probable tokens only.
        sampling = {"temperature": decoding.temperature, "top_p": decoding.top_p, "top_k": 0}
    return GenerationConfig(
        do_sample=decoding.temperature > 0,
        max_new_tokens=decoding.max_tokens,
        repetition_penalty=decoding.repetition_penalty,
        eos_token_id=sorted(ends),
        pad_token_id=pad,
        **sampling,
    )


def seed_of(request: Request) -> int:
    """A seed that is a function of `Decoding.seed` and what is asked. Raises `ImageError`."""
    parts = [str(request.decoding.seed).encode()]
    for message in request.messages:
        parts.append(message.role.encode())
        parts.extend(b"t" + p.encode() if isinstance(p, str) else b"i" + p.digest.encode() for p in message.parts)
    return int.from_bytes(digest_of(*parts)[:7], "big")


class Options:
    """Records the option tokens' logits while an answer is written, and reads the decision off afterwards.

    An option is known by the tokens that are that word with or without white space around it. Where one of the options
    has none, no probabilities are available.
    """

    def __init__(self, tokenizer: Any, words: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._forms: dict[str, list[int]] = {word: [] for word in words}
        for token, index in sorted(tokenizer.get_vocab().items()) if words else ():
            if (word := token.strip(SPACES)) in self._forms:
                self._forms[word].append(index)
        self._ids = [index for forms in self._forms.values() for index in forms]
        self.available = bool(words) and all(self._forms.values())

    def recorder(self) -> Recorder:
        """A recorder for one batch."""
        return Recorder(self._ids)

    def probabilities(self, tokens: Sequence[int], logits: torch.Tensor) -> Mapping[str, float]:
        """Probability of each option, normalised over the options, where the answer last wrote one; else empty.

        Args:
            tokens: the answer, n token ids.
            logits: shape (n or more, options' tokens), as recorded: after the repetition penalty, before temperature.
        """
        place = next((i for i in reversed(range(len(tokens))) if tokens[i] in self._ids and self._alone(tokens, i)), -1)
        if place < 0:
            return {}
        weights = dict(zip(self._ids, torch.softmax(logits[place].double(), dim=0).tolist(), strict=True))
        return {word: sum(weights[token] for token in forms) for word, forms in self._forms.items()}

    def _alone(self, tokens: Sequence[int], place: int) -> bool:
        """False inside a word or a number: the 1 of 10, 0.1 or 1.5 decides nothing."""
        around = [tokens[max(0, place - CONTEXT) : place], tokens[place : place + 1], tokens[place + 1 :][:CONTEXT]]
        before, option, after = (self._tokenizer.decode(some, clean_up_tokenization_spaces=False) for some in around)
        goes_on = re.search(r"[\w.]$", before) and re.match(r"\w", option)
        return not goes_on and not (re.search(r"\w$", option) and re.match(r"\w|\.\d", after))


class Recorder:
    """A logits processor that keeps a few tokens' logits at each step; a vocabulary's worth would not fit in memory."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = list(ids)
        self._steps: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Changes nothing."""
        self._steps.append(scores[:, self._ids].float())
        return scores

    def logits(self) -> torch.Tensor:
        """Shape (rows, steps, tokens)."""
        return torch.stack(self._steps, dim=1).cpu()
