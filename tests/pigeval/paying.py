"""A server that answers by what it is shown, counts each question and every token, and may behave badly."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter

from benchmarks.servers import Answer, Call, completion
from tests.adapters.engines.chaos import FAULTS, STALL

READ, WRITTEN = 300, 20
"""Tokens each answer is charged for."""

KEY = "sk-secret-of-the-tests-0123456789"


class Paid:
    """Counts requests by their bodies. `trouble`: the share of attempts that fail, by body and attempt."""

    def __init__(self, seconds: float = 0.0, trouble: float = 0.0) -> None:
        self.seconds = seconds
        self.trouble = trouble
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.in_flight = 0
        self.most_in_flight = 0

    @property
    def tokens(self) -> int:
        """Charged so far."""
        return self.answered.total() * (READ + WRITTEN)

    async def __call__(self, call: Call) -> Answer:
        if call.path.endswith("/models"):
            return Answer({"data": [{"id": "paid", "owned_by": "nobody"}]})
        if call.headers.get("authorization") != f"Bearer {KEY}":
            return Answer({"error": {"message": f"incorrect key: {call.headers.get('authorization')}"}}, 401)
        key = hashlib.sha256(call.content).hexdigest()
        self.asked[key] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._answer(key)
        finally:
            self.in_flight -= 1

    async def _answer(self, key: str) -> Answer:
        fault = self._fault(f"{key}:{self.asked[key]}")
        self.faults[fault] += bool(fault)
        if fault == "busy":
            return Answer({"error": {"message": "slow down"}}, 429, {"retry-after-ms": "5"})
        if fault == "error":
            return Answer({"error": {"message": "it is not you"}}, 500, {"retry-after-ms": "5"})
        if fault == "empty":
            return Answer({"choices": [], "usage": {"prompt_tokens": READ, "completion_tokens": 0}})
        await asyncio.sleep(STALL if fault == "stall" else self.seconds)
        self.answered[key] += 1
        text = str(1 + int(key[0], 16) % 2)
        usage = {"prompt_tokens": READ, "completion_tokens": WRITTEN}
        return Answer({**completion(text), "usage": usage}, fault=fault if fault in {"reset", "truncate"} else "")

    def _fault(self, attempt: str) -> str:
        draw = hashlib.sha256(attempt.encode()).digest()
        return FAULTS[draw[4] % len(FAULTS)] if int.from_bytes(draw[:4], "big") < self.trouble * 2**32 else ""
