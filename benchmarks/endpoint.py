"""How well the endpoint engine fills a server whose capacity it is not told. `python -m benchmarks.endpoint`.

Each server runs in a process of its own and answers a fixed number of requests at a time, each in a fixed time. One
rejects what is more than that (429); the other lets it wait, and grows slower the more wait. Goodput counts replies
after a warm-up, against slots / seconds, also where the capacity changes midway; rejections count from the first
request on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, repeat

from tabulate import tabulate

from adapters.engines.endpoint import Endpoint
from adapters.engines.options import EndpointOptions
from harness.generation import Message, Request
from harness.records import Status

WARM, SETTLE = 15.0, 40.0
"""Seconds after the start, and after a change of capacity, that do not count. A server with more room than before says
nothing of it: it is found when the next trial is due."""
MEASURED = 20.0
"""Seconds that count."""
LEAST = 0.95
"""Goodput as a share of capacity, at least."""
MOST_REJECTED = 0.02
"""Rejections as a share of all requests, at most."""

REQUEST = Request((Message("user", ("1 or 2?",)),))


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of server and the capacities it has one after the other."""

    kind: str
    service: float
    """Seconds a request takes."""
    slots: tuple[int, ...]


SCENARIOS = (
    Scenario("reject", 0.5, (8,)),
    Scenario("reject", 1.0, (24,)),
    Scenario("queue", 0.5, (8,)),
    Scenario("queue", 1.0, (24,)),
    Scenario("reject", 1.0, (24, 12, 32)),
    Scenario("queue", 1.0, (24, 12, 32)),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one capacity was used for."""

    scenario: str
    slots: int
    goodput: float
    """Share of the capacity."""
    limit: int
    """Requests in flight at the end."""
    rejected: float
    """Share of all requests of the scenario."""

    @property
    def missed(self) -> bool:
        return self.goodput < LEAST or self.rejected > MOST_REJECTED


@contextmanager
def _served(scenario: Scenario) -> Iterator[str]:
    told = (scenario.kind, str(scenario.slots[0]), str(scenario.service))
    command = [sys.executable, "-m", "benchmarks.servers", *told]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # Leaving Popen's context closes the server's input, which ends it.
        yield process.stdout.readline().strip()


def _tell(url: str, **change: int) -> dict[str, int]:
    """Sets what is given; the server's counts."""
    with urllib.request.urlopen(f"{url}/capacity", json.dumps(change).encode()) as answer:
        counts: dict[str, int] = json.load(answer)
    return counts


def measure(scenario: Scenario) -> list[Outcome]:
    """Asks for as long as all capacities take, then closes the stream."""
    with _served(scenario) as url:
        engine = Endpoint(EndpointOptions(base_url=url, model="benchmark", key_env="NO_KEY", concurrency=64))
        goodputs, limits = _goodputs(engine, url, scenario)
        counts = _tell(url)
    rejected = counts["rejected"] / (counts["answered"] + counts["rejected"])
    rows = zip(scenario.slots, goodputs, limits, strict=True)
    return [Outcome(scenario.kind, slots, goodput, limit, rejected) for slots, goodput, limit in rows]


def _goodputs(engine: Endpoint, url: str, scenario: Scenario) -> tuple[list[float], list[int]]:
    goodputs, limits = [], []
    replies = engine.stream(repeat(REQUEST))
    for slots, settling in zip(scenario.slots, chain((WARM,), repeat(SETTLE)), strict=False):
        _tell(url, slots=slots)
        began, counted = time.monotonic(), 0
        for _, reply in replies:
            now = time.monotonic() - began
            counted += reply.status is Status.OK and now >= settling
            if now >= settling + MEASURED:
                break
        goodputs.append(counted / MEASURED / (slots / scenario.service))
        limits.append(engine.limit)
    replies.close()
    return goodputs, limits


def main(names: Sequence[str]) -> int:
    """Prints the table; 1 when a limit is missed. `names`: kinds of servers, all by default."""
    outcomes = [o for scenario in SCENARIOS if not names or scenario.kind in names for o in measure(scenario)]
    rows = [(o.scenario, o.slots, f"{o.goodput:.1%}", o.limit, f"{o.rejected:.2%}", "MISS" if o.missed else "pass")
            for o in outcomes]  # fmt: skip
    print(tabulate(rows, headers=("server", "slots", "goodput", "in flight", "rejected", "")))
    print(f"limits: goodput at least {LEAST:.0%} of slots / seconds, at most {MOST_REJECTED:.0%} rejected")
    return int(any(outcome.missed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
