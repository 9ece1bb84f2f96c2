"""A budget is never exceeded, and what does not fit is asked when there is more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters.engines.forecast import Measured, Terms, forecast
from adapters.engines.pricing import Budget, Need, Prices, Tokens
from adapters.engines.tokens import image_rule, likely_text_tokens, most_text_tokens
from benchmarks.servers import Answer, Call, completion
from harness.generation import Reply, Request
from harness.pictures import AbsentPicture
from harness.records import Image, Status
from tests.adapters.engines.asking_endpoint import Recorder, asking, image, questions, request

PRICES = {"price_in": 2.0, "price_out": 10.0}


class Billing:
    """Takes a moment, and bills what it is told for each request."""

    def __init__(self, tokens_in: int, tokens_out: int) -> None:
        self.usage = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}
        self.calls = 0
        self.together = 0
        self.most_together = 0

    async def __call__(self, call: Call) -> Answer:
        self.calls += 1
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        await asyncio.sleep(0.005)
        self.together -= 1
        return Answer({**completion("yes"), "usage": self.usage})


def short(n: int, **decoding: Any) -> list[Request]:
    return [request(f"{number:04d}", **{"max_tokens": 50, **decoding}) for number in range(n)]


def counts(replies: list[Reply]) -> tuple[int, int]:
    ok = sum(reply.status is Status.OK for reply in replies)
    assert {reply.status for reply in replies} <= {Status.OK, Status.BUDGET}
    return ok, len(replies) - ok


def test_tokens_and_dollars_of_each_reply() -> None:
    with asking(Billing(1000, 100), **PRICES) as engine:
        (reply,) = engine.generate(short(1))
    assert (reply.tokens_in, reply.tokens_out) == (1000, 100)
    assert reply.cost == pytest.approx(0.003)


def test_cost_is_unknown_without_prices_or_counts() -> None:
    with asking(Billing(1000, 100)) as engine:
        assert engine.generate(short(1))[0].cost is None
    with asking(Recorder(Answer({**completion("yes"), "usage": None})), **PRICES) as engine:
        assert engine.generate(short(1))[0].cost is None


def test_no_request_is_begun_that_could_exceed_the_tokens() -> None:
    most = most_text_tokens(short(1)[0]) + 50
    server = Billing(10, 20)
    with asking(server, budget_tokens=1000) as engine:
        asked, unasked = counts(engine.generate(short(60)))
    assert engine.spent.total == 30 * asked == 30 * server.calls <= 1000
    assert 1000 - engine.spent.total < most  # As many as could be afforded.
    assert asked + unasked == 60


def test_no_request_is_begun_that_could_exceed_the_dollars() -> None:
    with asking(Billing(100, 50), budget_usd=0.01, **PRICES) as engine:
        counts(engine.generate(short(60)))
        spent = Prices(2.0, 10.0).cost(engine.spent)
    assert spent is not None
    assert 0.008 < spent <= 0.01


def test_a_larger_budget_resumes_with_what_was_left() -> None:
    requests = short(30)
    with asking(Billing(10, 20), budget_tokens=500) as engine:
        first = engine.generate(requests)
    left = [ask for ask, reply in zip(requests, first, strict=True) if reply.status.transient]
    assert {reply.status for reply in first} == {Status.OK, Status.BUDGET}
    with asking(Billing(10, 20), budget_tokens=50_000) as engine:
        assert {reply.status for reply in engine.generate(left)} == {Status.OK}


def test_nothing_is_asked_without_money() -> None:
    server = Recorder()
    with asking(server, budget_tokens=0) as engine:
        assert counts(engine.generate(questions(5))) == (0, 5)
    assert not server.calls


def test_a_reply_that_was_lost_counts_in_full() -> None:
    with asking(Recorder(Answer(completion("x"), fault="truncate")), budget_tokens=500, retries=0) as engine:
        engine.generate(short(1))
    assert engine.spent == Tokens(most_text_tokens(short(1)[0]), 50)


def test_a_rejection_costs_nothing() -> None:
    rejection = Answer({"error": {"message": "busy"}}, 429)
    with asking(Recorder(rejection), budget_tokens=500, retries=0) as engine:
        assert engine.generate(short(1))[0].status is Status.API_ERROR
    assert engine.spent == Tokens()


def test_images_go_one_at_a_time_until_one_shows_what_it_takes() -> None:
    async def both() -> list[Tokens | None]:
        budget = Budget(tokens=10_000)
        need = Need(text=10, images=100, reply=10)
        first = await budget.set_aside(need)
        second = asyncio.ensure_future(budget.set_aside(need))
        await asyncio.sleep(0)
        assert not second.done()
        assert first is not None
        budget.learn(need, 400)
        budget.settle(first, Tokens(400, 5))
        return [first, await second]

    assert asyncio.run(both()) == [Tokens(110, 10), Tokens(410, 10)]


def test_an_image_that_takes_more_than_its_rule_is_believed() -> None:
    server = Billing(3000, 1)
    with asking(server, budget_tokens=10_000) as engine:
        replies = engine.generate([request(image(f"{n}"), max_tokens=10) for n in range(8)])
    asked, _ = counts(replies)
    assert asked == server.calls == 3
    assert engine.spent.total == 9003


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("gpt-4o-2024-08-06", (1024, 1024), 765),  # 85 + 4 × 170
        ("gpt-4o-mini", (1024, 1024), 25501),  # 2833 + 4 × 5667
        ("gpt-4o", (2048, 4096), 1105),  # 768 × 1536: six tiles
        ("gpt-4o", (512, 512), 255),
        ("claude-sonnet-4-5", (1092, 1092), 1590),
        ("Qwen/Qwen2.5-VL-7B-Instruct", (512, 512), 363),  # 19 × 19 + 2
        ("Qwen/Qwen3-VL-8B-Instruct", (512, 512), 258),  # 16 × 16 + 2
        ("gpt-4.1-mini", (4096, 4096), 2491),  # 1536 × 1.62 + 2
    ],
)
def test_image_tokens_by_model(model: str, size: tuple[int, int], tokens: int) -> None:
    assert image_rule(model)(*size) == tokens


def test_text_is_bounded_by_its_bytes() -> None:
    assert most_text_tokens(request("héllo")) - most_text_tokens(request("")) == 6
    assert likely_text_tokens(request("12345678")) - likely_text_tokens(request("")) == 2


def test_a_forecast_is_an_estimate_and_says_so() -> None:
    terms = Terms("m", Prices(2.0, 10.0), None, concurrency=4)
    sample = [request("x" * 400, max_tokens=100)]
    guess = forecast(sample, terms, total=1000)
    assert (guess.requests, guess.tokens_in, guess.tokens_out) == (1000, 132_000, 100_000)
    assert guess.cost == pytest.approx(1.264)
    assert guess.seconds == pytest.approx((1 + 100 / 40) * 250)
    assert "estimate" in str(guess)
    assert "assumed" in str(guess)
    better = forecast(sample, Terms("m", Prices(), None, 4, Measured(10, 20.0, 70)), total=1000)
    assert (better.tokens_out, better.seconds, better.cost) == (7000, 500.0, None)
    assert "from 10 replies" in str(better)


def test_a_forecast_counts_images_as_they_are_sent_even_unread() -> None:
    terms = Terms("claude", Prices(), 75_000, 1)
    sample = [request(Image(AbsentPicture("gone"))), request(image("large", (1000, 1000)))]
    text = 2 * likely_text_tokens(request())
    assert forecast(sample, terms).tokens_in - text == pytest.approx(2 * 100, abs=2)


def test_an_engine_forecasts_without_asking_and_learns_from_replies() -> None:
    server = Billing(10, 20)
    with asking(server) as engine:
        assert engine.forecast(short(2)).measured == server.calls == 0
        engine.generate(short(5))
        assert (engine.forecast(short(2), 100).measured, engine.forecast(short(2), 100).tokens_out) == (5, 2000)
