"""Lets so many requests through at a time as the limit allows, first come, first served."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from adapters.engines.limits import Limit


@dataclass(frozen=True, slots=True)
class Pass:
    """A place among the requests in flight."""

    epoch: int
    """Of the limit, when the place was taken."""
    began: float
    """Seconds on the event loop's clock."""
    others: int
    """Requests in flight besides this one, then."""


@dataclass(slots=True)
class Gate:
    """Used from the tasks of one event loop. A place entered is always left by one of the other methods."""

    limit: Limit
    in_flight: int = 0
    _waiting: deque[asyncio.Future[int]] = field(default_factory=deque)
    _paused_until: float = 0.0

    async def enter(self) -> Pass:
        """Waits for a place."""
        loop = asyncio.get_running_loop()
        place = loop.create_future()
        self._waiting.append(place)
        self._let_in()
        try:
            others = await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._free()
            raise
        return Pass(self.limit.epoch, loop.time(), others)

    def answered(self, held: Pass) -> None:
        """Leaves, after a reply."""
        full = self.in_flight >= self.limit.value
        self.limit.answered(held.epoch, asyncio.get_running_loop().time() - held.began, full=full)
        self._free()

    def rejected(self, held: Pass, wait: float) -> None:
        """Leaves, turned away. A server that turns away everything is left alone for as long as it asks."""
        if self.limit.rejected(held.epoch, held.others):
            self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + wait)
        self._free()

    def overdue(self, held: Pass) -> None:
        """Leaves, without a reply in time."""
        self.limit.overdue(held.epoch)
        self._free()

    def leave(self, held: Pass) -> None:  # noqa: ARG002
        """Leaves, with nothing learned about the server."""
        self._free()

    def _free(self) -> None:
        self.in_flight -= 1
        self._let_in()

    def _let_in(self) -> None:
        loop = asyncio.get_running_loop()
        if self._waiting and loop.time() < self._paused_until:
            loop.call_at(self._paused_until, self._let_in)
            return
        while self._waiting and self.in_flight < self.limit.value:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(self.in_flight)
                self.in_flight += 1
