"""The limit, against servers simulated event by event: no clock, no connection, no chance but a seeded one."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from adapters.engines.limits import START, Limit, Sample

Service = Callable[[random.Random], float]
Letter = tuple[int, float, int]
"""Epoch, time and requests in flight when it was sent."""


def steady(_: random.Random) -> float:
    """Seconds of a reply of fixed length."""
    return 1.0


def varied(rng: random.Random) -> float:
    """Seconds of replies of very different lengths: standard deviation 0.8, mean 1."""
    return rng.lognormvariate(-0.245, 0.7)


@dataclass
class Simulation:
    """So many slots, kept full by whoever obeys the limit."""

    slots: int
    rejects: bool
    service: Service = steady
    most: int = 64
    now: float = 0.0
    rejected: int = 0
    done: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.limit = Limit(self.most)
        self._rng = random.Random(0)
        self._in_flight = self._busy = self._sent = 0
        self._events: list[tuple[float, int, bool, Letter]] = []
        self._waiting: deque[Letter] = deque()

    def run(self, until: float) -> None:
        while self.now < until:
            self._send()
            self.now, _, served, (epoch, began, others) = heapq.heappop(self._events)
            if served:
                self._busy -= 1
                self.limit.answered(epoch, self.now - began, full=self._in_flight >= self.limit.value)
                self.done.append(self.now)
                self._serve()
            else:
                self.limit.rejected(epoch, others)
                self.rejected += 1
            self._in_flight -= 1

    def _send(self) -> None:
        while self._in_flight < self.limit.value:
            letter = (self.limit.epoch, self.now, self._in_flight)
            self._in_flight += 1
            if self.rejects and self._busy >= self.slots:
                self._at(self.now + 0.005, False, letter)
            else:
                self._waiting.append(letter)
                self._serve()

    def _serve(self) -> None:
        while self._waiting and self._busy < self.slots:
            self._busy += 1
            self._at(self.now + self.service(self._rng), True, self._waiting.popleft())

    def _at(self, time: float, served: bool, letter: Letter) -> None:
        self._sent += 1
        heapq.heappush(self._events, (time, self._sent, served, letter))

    def goodput(self, begin: float, end: float) -> float:
        """Share of the slots' time that was used, at a mean of one second a reply."""
        return sum(begin <= time < end for time in self.done) / (end - begin) / min(self.slots, self.most)


@pytest.mark.parametrize("slots", [1, 3, 8, 24, 50])
@pytest.mark.parametrize("service", [steady, varied])
def test_a_server_that_rejects_is_filled_and_hardly_pushed(slots: int, service: Service) -> None:
    server = Simulation(slots, True, service)
    server.run(120)
    assert server.goodput(25, 120) > 0.95
    assert server.rejected <= max(8, 0.02 * len(server.done))


@pytest.mark.parametrize("slots", [1, 3, 8, 24, 50])
def test_a_server_that_lets_wait_is_filled_and_not_flooded(slots: int) -> None:
    server = Simulation(slots, False)
    server.run(200)
    assert server.goodput(25, 200) > 0.95
    assert server.limit.value <= max(2 * START, 1.35 * slots)


def test_where_there_is_room_the_limit_is_what_the_user_allows() -> None:
    for service in (steady, varied):
        server = Simulation(1000, False, service, most=64)
        server.run(200)
        assert server.limit.value == 64


@pytest.mark.parametrize("rejects", [True, False])
def test_a_change_of_capacity_is_found(rejects: bool) -> None:
    server = Simulation(24, rejects)
    server.run(60)
    for slots in (12, 40):
        server.slots, changed = slots, server.now
        server.run(changed + 120)
        assert server.goodput(changed + 60, changed + 120) > 0.95
        assert 0.9 * slots <= server.limit.value <= 1.4 * slots


@pytest.mark.parametrize("when", [60, 65, 70, 75, 80, 85, 90, 95])
def test_a_fall_is_found_also_when_it_comes_amid_a_trial(when: int) -> None:
    server = Simulation(24, False)
    server.run(when)
    server.slots = 12
    server.run(when + 60)
    assert 11 <= server.limit.value <= 17


class Batching(Simulation):
    """A model that decodes all its requests together: each is slower the more there are, all together faster."""

    def _serve(self) -> None:
        while self._waiting:
            self._busy += 1
            self._at(self.now + 1 + self._busy / 50, True, self._waiting.popleft())


def test_a_model_that_batches_is_not_mistaken_for_one_that_is_full() -> None:
    server = Batching(10**6, False)
    server.run(400)
    assert server.limit.value >= 48


def full(limit: Limit, n: int, seconds: float = 1.0) -> None:
    for _ in range(n):
        limit.answered(limit.epoch, seconds, full=True)


def grown() -> Limit:
    limit = Limit(64)
    full(limit, 500)
    assert limit.value == 64
    return limit


def test_rejections_of_one_burst_leave_what_the_server_kept() -> None:
    limit = grown()
    sent = limit.epoch
    for others in range(40, 64):  # The server kept the first forty.
        assert not limit.rejected(sent, others)
    assert limit.value == 40


def test_a_server_that_rejects_again_and_again_is_asked_ever_less() -> None:
    limit, values = grown(), []
    for _ in range(5):
        limit.answered(limit.epoch, 1.0, full=True)
        assert not limit.rejected(limit.epoch, limit.value - 1)
        values.append(limit.value)
    assert values == [63, 62, 43, 30, 21]  # One less, twice; then a factor of 0.7, rounded down.
    assert limit.rejected(limit.epoch, 20)  # No reply in between.


def test_a_server_that_answers_in_between_is_not_asked_much_less() -> None:
    limit = grown()
    for _ in range(5):
        full(limit, 70)
        limit.rejected(limit.epoch, limit.value - 1)
    assert limit.value >= 55


def test_requests_overdue_together_count_once() -> None:
    limit = grown()
    sent = limit.epoch
    for _ in range(10):
        limit.overdue(sent)
    assert limit.value == 44


def test_a_limit_that_is_not_used_does_not_rise() -> None:
    limit = Limit(64)
    for _ in range(500):
        limit.answered(limit.epoch, 1.0, full=False)
    assert limit.value == START


def test_never_less_than_one_nor_more_than_allowed() -> None:
    limit = Limit(2)
    assert limit.value == 2
    for _ in range(5):
        limit.rejected(limit.epoch, 0)
        limit.overdue(limit.epoch)
    assert limit.value == 1


def samples() -> Iterator[list[float]]:
    rng = random.Random(1)
    yield from ([rng.random() + 0.5 for _ in range(n)] for n in (1, 2, 30))


def test_samples_add_up() -> None:
    import statistics

    values = [value for part in samples() for value in part]
    total = Sample()
    for part in samples():
        both = Sample()
        for value in part:
            both += Sample(1, value)
        total += both
    assert total.n == 33
    assert total.mean == pytest.approx(statistics.fmean(values))
    assert total.squares == pytest.approx(statistics.variance(values) * 32)
    relative = statistics.stdev(values) / 33**0.5 / statistics.fmean(values)
    assert total.error(Sample(1, 1.0)) == pytest.approx(relative)
