from __future__ import annotations

import pytest

from benchmarks.prefix_order import LEAST, PLANS, found
from harness.protocol import Name


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("protocol", ["ppd", "plain"])
def test_the_plans_order_lets_a_small_cache_serve_nearly_as_well_as_any(plan: Name, protocol: str) -> None:
    rate = found(plan, 12_000, users=5, protocol=protocol)
    assert rate.given >= LEAST * rate.best
    assert rate.given > 2 * rate.shuffled
    assert rate.best > 0.7
