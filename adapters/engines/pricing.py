"""What replies cost, and a budget that is kept: what a request may take at most is set aside before it is sent."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field

from harness.errors import ConfigError
from harness.parameters import number, whole

PER = 1_000_000
"""Prices are for a million tokens."""
RICHEST = 1e9


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of a prompt and of a reply."""

    read: int = 0
    written: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.read + other.read, self.written + other.written)

    def __sub__(self, other: Tokens) -> Tokens:
        return Tokens(self.read - other.read, self.written - other.written)

    @property
    def total(self) -> int:
        """Both together."""
        return self.read + self.written


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens; None: not known. Raises `ConfigError` for a price out of range."""

    read: float | None = None
    written: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("price_in", self.read), ("price_out", self.written)):
            if value is not None:
                number(name, value, 0.0, RICHEST)

    @property
    def known(self) -> bool:
        """Whether both are."""
        return self.read is not None and self.written is not None

    def cost(self, tokens: Tokens) -> float | None:
        """US dollars; None where a price is not known."""
        if self.read is None or self.written is None:
            return None
        return (tokens.read * self.read + tokens.written * self.written) / PER


@dataclass(frozen=True, slots=True)
class Need:
    """What is known of a request's tokens before it is sent."""

    text: int
    """Of the prompt's text, at most."""
    images: int
    """Of its images, by the rule for the model."""
    reply: int
    """Of the reply, at most."""


@dataclass(slots=True)
class Budget:
    """What may be spent, is spent and is set aside. Used from the tasks of one event loop.

    Raises `ConfigError` for a limit out of range, or one in dollars without prices.
    """

    prices: Prices = Prices()
    usd: float | None = None
    tokens: int | None = None
    spent: Tokens = Tokens()
    """For a reply that was lost on the way, what it could have taken at most."""
    _aside: Tokens = Tokens()
    _under_way: int = 0
    _scale: float | None = None
    """Prompt tokens the server counted for each token of the images' rule, at most; None before the first reply."""
    _extra: int | None = None
    """Tokens it counted beyond the text, at most, where there were no images; None before the first reply."""
    _settled: list[asyncio.Future[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.usd is not None and number("budget_usd", self.usd, 0.0, RICHEST) >= 0 and not self.prices.known:
            raise ConfigError("budget_usd needs price_in and price_out, in US dollars for a million tokens")
        if self.tokens is not None:
            whole("budget_tokens", self.tokens, 0)

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self.usd is not None or self.tokens is not None

    def most(self, need: Need) -> Tokens:
        """An upper bound of what a request takes: by its text and the images' rule, or by earlier replies if more."""
        return Tokens(need.text + (self._extra or 0) + math.ceil((self._scale or 1.0) * need.images), need.reply)

    async def set_aside(self, need: Need) -> Tokens | None:
        """The upper bound, once it fits beside what is under way; None: it does not fit in what is left.

        Requests go one at a time until a first reply, with images or without, shows what such a request takes.
        """
        if not self.limited:
            return Tokens()
        while True:
            most = self.most(need)
            alone = (self._scale if need.images else self._extra) is None
            if self._fits(most) and not (alone and self._under_way):
                self._aside += most
                self._under_way += 1
                return most
            if not self._under_way:
                return None
            self._settled.append(asyncio.get_running_loop().create_future())
            await self._settled[-1]

    def _fits(self, more: Tokens) -> bool:
        total = self.spent + self._aside + more
        usd = self.prices.cost(total)
        return (self.usd is None or usd is None or usd <= self.usd) and (
            self.tokens is None or total.total <= self.tokens
        )

    def settle(self, aside: Tokens, taken: Tokens) -> None:
        """Counts what an attempt took in place of what was set aside for it, and lets those that wait try again."""
        self.spent += taken
        if not self.limited:
            return
        self._aside -= aside
        self._under_way -= 1
        for waiting in self._settled:
            if not waiting.done():
                waiting.set_result(None)
        self._settled.clear()

    def learn(self, need: Need, read: int) -> None:
        """A prompt took so many tokens."""
        if need.images:
            self._scale = max(self._scale or 1.0, read / need.images)
        else:
            self._extra = max(self._extra or 0, read - need.text)
