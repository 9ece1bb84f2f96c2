"""How many requests to have in flight: found out from what the server does, and found again when that changes.

Two kinds of server are met. One turns away what is too much (429, 503): the limit falls to what it kept, and now and
then one more is tried. The other takes everything and lets it wait: a higher limit then only makes replies slower.
By Little's law a server with L requests in flight that answer after R seconds does L / R of them a second, so a trial
of a higher limit is kept as far as L / R grew with it (cf. Brakmo and Peterson, "TCP Vegas", IEEE JSAC 13(8), 1995; and
additive increase, multiplicative decrease: Jacobson, "Congestion Avoidance and Control", SIGCOMM 1988). A model that
batches answers each request more slowly the more there are and yet does more a second: so what is weighed is the rate,
never the latency alone. Replies differ in length, so a difference counts only beyond its standard error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

START = 4
WINDOW = 16
"""Replies a decision rests on at least; more where more are in flight."""
LONGEST = 256
"""Replies it rests on at most."""
PRECISION = 0.35
"""Standard error of a trial's share of the hoped-for growth, above which more replies are waited for."""
PROPORTIONAL = 0.9
"""Share of the hoped-for growth from which on a trial has met no limit."""
WORTH = 0.3
"""Share of the hoped-for growth from which on part of a trial is kept."""
TRIAL = 0.25
"""A trial's relative size where waiting, not rejection, sets the limit."""
FALLEN = 1.25
"""Replies slower by this factor and three standard errors at the same limit: the server does less than it did."""
DECREASE = 0.7
"""Factor for requests that are overdue, and for a server that goes on rejecting before it has answered as many requests
as the limit. Once is no sign of that: requests overtake each other on the way, so the limit may be one or two off."""
PATIENCE = 8
"""Windows between two trials at most; doubled from one with each that fails."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Seconds replies took: count, mean and sum of squared deviations; two of them add up (Chan et al., 1979)."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def __add__(self, other: Sample) -> Sample:
        n = self.n + other.n
        gap = other.mean - self.mean
        mean = self.mean + gap * other.n / n
        return Sample(n, mean, self.squares + other.squares + gap * gap * self.n * other.n / n)

    def slower(self, other: Sample) -> float:
        """Natural logarithm of how many times as long these took as the others."""
        return math.log(self.mean / other.mean)

    def error(self, other: Sample) -> float:
        """Standard error of that logarithm."""
        return math.sqrt(self._noise + other._noise)

    @property
    def spread(self) -> float:
        """Standard deviation, relative to the mean."""
        return math.sqrt(self.squares / max(self.n - 1, 1)) / self.mean

    @property
    def _noise(self) -> float:
        """Squared relative standard error of the mean."""
        return self.spread**2 / self.n


@dataclass(frozen=True, slots=True)
class Known:
    """A limit that was kept, and what replies took at it."""

    limit: int
    replies: Sample


@dataclass(slots=True)
class Limit:
    """The limit and the evidence behind it. Knows no clock and no connection: it is told what happened."""

    most: int
    value: int = field(init=False)
    """Requests that may be in flight."""
    epoch: int = 0
    """Raised whenever the evidence starts anew; what was sent before it does not count."""
    _target: int = 0
    """What the limit is rising to; the limit itself once it is there."""
    _seen: Sample = Sample()
    _known: Known | None = None
    _step: float = 1.0
    _patience: int = 1
    _rest: int = 0
    _cut: int = 0
    """Epoch of the last decrease."""
    _since_cut: int | None = None
    """Replies since then; None before the first decrease."""
    _rejections: int = 0
    """In a row, each before the server had answered as many requests as the limit."""
    _rejects: bool = False
    """Whether the server was last seen to turn requests away, not to let them wait."""

    def __post_init__(self) -> None:
        self.value = self._target = min(START, self.most)

    def answered(self, epoch: int, seconds: float, *, full: bool) -> None:
        """A request begun in `epoch` was answered. `full`: as many were in flight as allowed, else it says little."""
        if self._since_cut is not None:
            self._since_cut += 1
        if self.value < self._target:
            self._approach(full)
            return
        if epoch != self.epoch or not full:
            return
        # More than zero, whatever the clock's resolution: it divides.
        self._seen += Sample(1, max(seconds, 1e-6))
        if self._seen.n >= max(WINDOW, self.value):
            self._decide()

    def rejected(self, epoch: int, others: int) -> bool:
        """The server turned one away that was sent while `others` were in flight, so it keeps no more than those.

        True: it goes on rejecting, and has answered none since the last time.
        """
        self._rejects = True
        if epoch < self._cut:
            # Sent together with one that was rejected before: tells how many were kept, and nothing new.
            self._lower(others)
            return False
        answered, self._rejections = self._since_cut, self._rejections + 1
        if answered is None or answered >= self.value:
            self._rejections = 1
        again = self._rejections > 2
        self._patience = 1 if again else min(PATIENCE, 2 * self._patience)
        self._lower(min(others, int(DECREASE * self.value)) if again else others)
        self._cut, self._since_cut = self.epoch, 0
        return again and answered == 0

    def overdue(self, epoch: int) -> None:
        """A request begun in `epoch` was not answered in time. Counts once for all that were under way together."""
        if epoch >= self._cut:
            self._patience = min(PATIENCE, 2 * self._patience)
            self._lower(int(DECREASE * self.value))
            self._cut, self._since_cut = self.epoch, 0

    def _lower(self, value: int) -> None:
        self._move(min(self.value, value))
        self._known, self._step, self._rest = None, 1 / self.value, self._patience

    def _move(self, value: float) -> None:
        """Sets the limit, or the target of a higher one, and begins to gather evidence on it."""
        self._target = max(1, min(self.most, int(value)))
        self.value = min(self._target, self.value + 1)
        self.epoch += 1
        self._seen = Sample()

    def _approach(self, full: bool) -> None:
        """One more with each reply: a server that turns requests away is met by few of them, not by a crowd."""
        self.value += full
        # What was sent on the way says little about the target.
        self.epoch += 1

    def _decide(self) -> None:
        known, seen = self._known, self._seen
        if known is None:
            self._keep(Known(self.value, seen))
        elif self.value > known.limit:
            self._weigh(known, seen)
        elif seen.slower(known.replies) > math.log(FALLEN) + 3 * seen.error(known.replies):
            self._step, self._patience, self._rest, self._known = TRIAL, 1, 1, None
            self._move(self.value * known.replies.mean / seen.mean)
        else:
            self._keep(Known(self.value, seen + known.replies if known.replies.n < LONGEST else seen))

    def _keep(self, known: Known) -> None:
        """Stays at the limit for a while, then tries a higher one."""
        self._known, self._seen = known, Sample()
        self._rest -= 1
        if self._rest <= 0:
            self._move(self._higher())

    def _weigh(self, known: Known, seen: Sample) -> None:
        """Keeps a trial of a higher limit as far as the rate grew with it."""
        hoped = math.log(self.value / known.limit)
        growth = hoped - seen.slower(known.replies)
        share, error = growth / hoped, seen.error(known.replies) / hoped
        unclear = error > PRECISION
        if unclear and not self._rejects and seen.n < LONGEST:
            return
        # Too small to be measured: at a server that would say so, not being turned away is enough.
        if share >= PROPORTIONAL - error or (unclear and self._rejects):
            self._known, self._step, self._patience = Known(self.value, seen), min(1.0, 2 * self._step), 1
            self._move(self._higher())
            return
        if share >= WORTH:
            # Where the server works at its limit, the rate's growth says how far away that limit was.
            self._step, self._patience, self._rest, self._known = TRIAL, 1, 1, None
            self._move(round(known.limit * math.exp(growth)))
        else:
            # A smaller step finds the limit more exactly, but only where replies differ little.
            self._step = TRIAL if unclear else min(TRIAL, self._step / 2)
            self._patience = min(PATIENCE, 2 * self._patience)
            self._rest, self._rejects = self._patience, False
            self._move(known.limit)

    def _higher(self) -> int:
        """The next limit to try: where only measuring tells, a step large enough to be told from chance."""
        step = self._step
        if self._known is not None and not self._rejects:
            chance = self._known.replies.spread / math.sqrt(max(WINDOW, self.value))
            step = max(step, min(1.0, math.expm1(chance / PRECISION)))
        return self.value + max(1, int(step * self.value))
