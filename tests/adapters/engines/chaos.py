"""A server that fails in every way one does, as a function of what it is asked and how often it was asked before."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter

from benchmarks.servers import Answer, Call, completion
from tests.adapters.engines.asking_endpoint import asked, truth

FAULTS = ("busy", "error", "reset", "stall", "truncate", "empty")
SHARE = 0.3
"""Of attempts that fail."""
STALL = 60.0
"""Seconds: longer than anybody waits."""


class Chaos:
    """Behaves badly on three attempts in ten, in six ways alike; otherwise as a calm server."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._asked: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    async def __call__(self, call: Call) -> Answer:
        text = asked(call)
        self._asked[text] += 1
        fault = self._fault(text, self._asked[text])
        self.faults[fault] += 1
        if fault == "busy":
            return Answer({"error": {"message": "slow down"}}, 429, {"retry-after-ms": "5"})
        if fault == "error":
            return Answer({"error": {"message": "it is not you, it is us"}}, 500)
        if fault == "empty":
            return Answer({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 0}})
        if fault == "stall":
            await asyncio.sleep(STALL)
        return Answer(completion(truth(text)), fault=fault if fault in {"reset", "truncate"} else "")

    def _fault(self, text: str, attempt: int) -> str:
        draw = hashlib.sha256(f"{self._seed}:{attempt}:{text}".encode()).digest()
        if int.from_bytes(draw[:4], "big") >= SHARE * 2**32:
            return ""
        return FAULTS[draw[4] % len(FAULTS)]
