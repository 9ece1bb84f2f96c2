"""Against a server that fails three times in ten: the same texts as from a calm one, and nothing else ever ok."""

from __future__ import annotations

import pytest

from adapters.engines import failures
from adapters.engines.endpoint import Endpoint
from harness.generation import Reply, Request
from harness.records import Status
from tests.adapters.engines.asking_endpoint import Recorder, asking, questions, truth
from tests.adapters.engines.chaos import FAULTS, Chaos

PASSES = 4
"""The first, and three over what was transient."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "FIRST_BACKOFF", 0.002)


def passes(engine: Endpoint, requests: list[Request]) -> tuple[dict[int, Reply], list[Reply]]:
    """The final replies by index, and every reply there was, as a runner asks: transient ones again."""
    final: dict[int, Reply] = {}
    every: list[Reply] = []
    for _ in range(PASSES):
        open_ = [index for index in range(len(requests)) if index not in final]
        for at, reply in engine.stream(requests[index] for index in open_):
            every.append(reply)
            if not reply.status.transient:
                final[open_[at]] = reply
    return final, every


def test_chaos_ends_in_the_texts_of_a_calm_server() -> None:
    requests = questions(100)
    chaos = Chaos(seed=3)
    with asking(Recorder()) as calm:
        expected = {index: reply.text for index, reply in enumerate(calm.generate(requests))}
    with asking(chaos, timeout=0.5) as engine:
        final, every = passes(engine, requests)
    assert {index: reply.text for index, reply in final.items()} == expected
    assert {reply.status for reply in final.values()} == {Status.OK}
    assert set(FAULTS) < set(chaos.faults)
    right = {truth(f"question {number}") for number in range(100)}
    assert all(reply.text in right for reply in every if reply.status is Status.OK)
    assert {Status.TIMEOUT, Status.EMPTY} <= {reply.status for reply in every}


def test_an_attempt_that_is_not_worth_repeating_is_not_repeated() -> None:
    chaos = Chaos(seed=3)
    with asking(chaos, timeout=1.0, retries=0) as engine:
        replies = engine.generate(questions(30))
    assert sum(chaos.faults.values()) == 30
    assert sum(reply.status is not Status.OK for reply in replies) == 30 - chaos.faults[""]
