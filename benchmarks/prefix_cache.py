"""How much of a sequence of prompts a server's prefix cache can take from earlier ones: a model of vLLM's.

Block-based: a block is found when it and all before it are the same tokens, and the block used longest ago goes first
(vLLM, "Automatic Prefix Caching"). One prompt after the other; the blocks of prompts still under way, which a server
cannot let go of, are not modelled, and neither are the tokens of replies.
"""

from __future__ import annotations

import hashlib
import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.generation import Request
from harness.records import Image

BLOCK = 16
"""Tokens a block: vLLM's default."""

Prompt = Sequence[int]
"""Token ids."""


def image_run(digest: str, tokens: int) -> list[int]:
    """The tokens of an image: the same for the same content, and shared with no other image."""
    first = int.from_bytes(hashlib.sha256(digest.encode()).digest()[:6], "big")
    return [(first << 16) + place for place in range(tokens)]


def text_run(text: str) -> list[int]:
    """One token for every four characters, about what English takes; texts that begin alike have like tokens."""
    pieces = [text[place : place + 4] for place in range(0, len(text), 4)]
    return [int.from_bytes(hashlib.sha256(piece.encode()).digest()[:4], "big") for piece in pieces]


def prompt_of(request: Request, image_tokens: Callable[[Image], int]) -> list[int]:
    """A stand-in for a request's tokens: roles, texts and images in order."""
    prompt: list[int] = []
    for message in request.messages:
        prompt += text_run(f"<{message.role}>".ljust(12))
        for part in message.parts:
            prompt += image_run(part.digest, image_tokens(part)) if isinstance(part, Image) else text_run(part)
    return prompt


class Cache:
    """Blocks of earlier prompts, up to `capacity` tokens; None: without bound."""

    def __init__(self, capacity: int | None, block: int = BLOCK) -> None:
        self._block = block
        self._room = None if capacity is None else capacity // block
        self._ids: dict[tuple[int, tuple[int, ...]], int] = {}
        self._held: OrderedDict[int, None] = OrderedDict()

    def ask(self, prompt: Prompt) -> int:
        """Tokens of the prompt found in the cache; its whole blocks are held from now on."""
        chain = self._chain(prompt)
        found = next((n for n, block in enumerate(chain) if block not in self._held), len(chain))
        # From the end: of a prompt's blocks the last is let go of first, since the others lead to it.
        for block in reversed(chain):
            self._held[block] = None
            self._held.move_to_end(block)
        while self._room is not None and len(self._held) > self._room:
            self._held.popitem(last=False)
        return found * self._block

    def _chain(self, prompt: Prompt) -> list[int]:
        """A number for each whole block, the same only where everything before it is the same too."""
        chain, before = [], -1
        for start in range(0, len(prompt) - self._block + 1, self._block):
            key = (before, tuple(prompt[start : start + self._block]))
            before = self._ids.setdefault(key, len(self._ids))
            chain.append(before)
        return chain


def hit_rate(prompts: Sequence[Prompt], capacity: int | None = None, block: int = BLOCK) -> float:
    """Share of all prompt tokens found in the cache when the prompts come in this order; 0 without tokens."""
    cache = Cache(capacity, block)
    found = sum(cache.ask(prompt) for prompt in prompts)
    return found / max(1, sum(map(len, prompts)))


def best_rate(prompts: Sequence[Prompt]) -> float:
    """The most any order and any cache can reach: all tokens but one for each node of the prompts' trie.

    In sorted order each prompt shares its longest known prefix with its neighbour.
    """
    ordered = sorted(map(tuple, prompts))
    shared = sum(_common(a, b) for a, b in pairwise(ordered))
    return shared / max(1, sum(map(len, ordered)))


def _common(a: Prompt, b: Prompt) -> int:
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


@dataclass(frozen=True, slots=True)
class Rates:
    """Hit rates of one set of prompts."""

    given: float
    """In the order given."""
    shuffled: float
    """In a random order."""
    best: float
    """In the best of orders, with an unbounded cache and blocks of one token."""


def rates(prompts: Sequence[Prompt], capacity: int | None = None, block: int = BLOCK, seed: int = 0) -> Rates:
    """The order given, beside a random one and the best there can be."""
    shuffled = list(prompts)
    random.Random(seed).shuffle(shuffled)
    return Rates(hit_rate(prompts, capacity, block), hit_rate(shuffled, capacity, block), best_rate(prompts))
