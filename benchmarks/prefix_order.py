"""How much a prefix cache saves a judge that is shown references, in the order a plan asks and in a random one."""

from __future__ import annotations

import sys

import numpy as np
from tabulate import tabulate

from adapters.generative.lvlm import Lvlm
from benchmarks.prefix_cache import Rates, prompt_of, rates
from harness.batches import Questions
from harness.choices import ChoiceTable
from harness.datasets.simulated import Simulated
from harness.prepare import prepare
from harness.protocol import Name, Protocol
from harness.records import Image
from harness.store import ImageStore

PLANS: tuple[Name, ...] = ("fixed", "leave-one-set-out", "history")
CAPACITIES = (None, 100_000, 20_000)
"""Tokens the cache holds; the last is a handful of prompts."""

IMAGE_TOKENS = 324
"""Of an image of 512 × 512 pixels in patches of 28, as Qwen2-VL and Qwen2.5-VL have it."""

LEAST = 0.95
"""Share of the best possible rate that the plan's order is to reach."""


def found(plan: Name, capacity: int | None, users: int = 12, protocol: str = "ppd") -> Rates:
    """Hit rates for the questions of `lvlm` on simulated users with eight references."""
    data = Simulated(users=users, sets=30)
    table = ChoiceTable.build(data.name, data.choices())
    planned, store = prepare(data, Protocol(name=plan), table, ImageStore(data, table.images))
    # No question is sent.
    judge = Lvlm(model="none", base_url="http://127.0.0.1:9/v1", protocol=protocol, prompt="own")
    comparisons = Questions(planned, store).comparisons(np.arange(len(planned)))
    requests = [request for comparison in comparisons for request in judge.requests(comparison)]
    return rates([prompt_of(request, _tokens) for request in requests], capacity)


def _tokens(_: Image) -> int:
    return IMAGE_TOKENS


def main() -> int:
    """Prints the table; 1 when an order is not good enough."""
    rows, missed = [], 0
    for plan in PLANS:
        for capacity in CAPACITIES:
            rate = found(plan, capacity)
            share = rate.given / rate.best
            missed += share < LEAST
            held = "all" if capacity is None else f"{capacity:,}"
            rows.append((plan, held, *(f"{r:.1%}" for r in (rate.given, rate.shuffled, rate.best, share))))
    header = ("references", "tokens held", "plan's order", "random order", "best possible", "of the best")
    print(tabulate(rows, header, tablefmt="pipe", disable_numparse=True))
    print(f"{missed} below {LEAST:.0%} of the best" if missed else f"all reach {LEAST:.0%} of the best")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
