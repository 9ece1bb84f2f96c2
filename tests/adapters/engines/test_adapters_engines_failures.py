"""What a server's refusals mean, how long is waited, and that a key is never repeated."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest

from adapters.engines import failures
from adapters.engines.failures import backoff, retry_after
from adapters.engines.options import EndpointOptions
from benchmarks.servers import Answer, Call, completion
from harness.errors import ConfigError
from harness.records import Status
from tests.adapters.engines.asking_endpoint import KEY_ENV, Recorder, asking, questions

KEY = "sk-very/secret+key-0123456789"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)
    monkeypatch.setattr(failures, "FIRST_BACKOFF", 0.001)


def error(status: int, message: str, code: str = "", **headers: str) -> Answer:
    return Answer({"error": {"message": message, "code": code}}, status, headers)


ECHO = f"Authorization was Bearer {KEY} and sk-another-0123456789"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (error(401, ECHO), KEY_ENV),
        (error(403, ECHO), KEY_ENV),
        (error(402, ECHO), KEY_ENV),
        (error(404, ECHO), "/v1"),
        (error(405, ECHO), "/v1"),
        (error(429, ECHO, "insufficient_quota"), "same command to resume"),
        (error(429, ECHO, **{"retry-after": "86400"}), "wait 86400 s"),
    ],
)
def test_what_every_request_would_meet_stops_the_run_at_once(
    answer: Answer, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = Recorder(answer)
    with asking(server, key_env=KEY_ENV) as engine, pytest.raises(ConfigError) as caught:
        engine.generate(questions(1000))
    assert named in str(caught.value)
    assert len(server.calls) <= 4
    everything = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(engine.options)
    assert "***" in str(caught.value)
    assert KEY not in everything
    assert "another-0123456789" not in str(caught.value)


def test_a_key_is_sent_and_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Recorder(Answer(completion(f"Your key is {KEY}.")))
    with asking(server, key_env=KEY_ENV, probe=False) as engine:
        replies = engine.generate(questions(1))
        assert KEY not in f"{engine.identity()}{engine.options}{vars(engine)}"
    assert server.calls[0].headers["authorization"] == f"Bearer {KEY}"
    assert replies[0].text == "Your key is ***."


def test_without_a_key_none_of_the_environment_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = Recorder()
    with asking(server) as engine:
        engine.generate(questions(1))
    assert KEY not in str(server.calls[0].headers)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (error(400, "maximum context length is 4096 tokens"), Status.JUDGE_ERROR),
        (error(413, "image too large"), Status.JUDGE_ERROR),
        (error(422, "no such field"), Status.JUDGE_ERROR),
        (error(400, "The response was filtered", "content_filter"), Status.FILTERED),
        (error(400, "your request was rejected", "content_policy_violation"), Status.FILTERED),
        (error(403, "your input was flagged by moderation"), Status.FILTERED),
        (error(408, "too slow"), Status.TIMEOUT),
    ],
)
def test_a_failure_of_one_request_is_that_request_s(answer: Answer, status: Status) -> None:
    server = Recorder(answer)
    with asking(server) as engine:
        (reply,) = engine.generate(questions(1))
    assert reply.status is status
    assert answer.body["error"]["message"] in reply.text
    assert len(server.calls) == 1


def test_a_server_s_text_is_masked_and_shortened() -> None:
    with asking(Recorder(error(400, ECHO + "\n x" * 5000)), key_env=KEY_ENV) as engine:
        (reply,) = engine.generate(questions(1))
    assert KEY not in reply.text
    assert len(reply.text) <= failures.SHOWN
    assert "\n" not in reply.text


@pytest.mark.parametrize(
    "answer",
    [
        error(429, "busy"),
        error(500, "oops"),
        error(503, "oops"),
        error(529, "overloaded"),
        Answer(completion("x"), fault="reset"),
        Answer(completion("x"), fault="truncate"),
        Answer(b'{"choices": [{"mess'),
        Answer(b"<html>Bad gateway</html>"),
        Answer(b"[" * 100_000),
        error(200, "upstream failed"),
    ],
)
def test_what_may_pass_is_asked_again_as_often_as_allowed(answer: Answer) -> None:
    server = Recorder(answer)
    with asking(server, retries=2) as engine:
        (reply,) = engine.generate(questions(1))
    assert reply.status is Status.API_ERROR
    assert len(server.calls) == 3


def test_a_server_that_is_not_there_fails_each_request() -> None:
    with asking(Recorder(), retries=1) as engine:
        pass
    assert {reply.status for reply in engine.generate(questions(3))} == {Status.API_ERROR}
    with pytest.raises(ConfigError, match="no server answers"):
        engine.identity()


class Turning:
    """Rejects each request once, with a wait, and keeps when each was asked."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers
        self.times: list[float] = []

    async def __call__(self, call: Call) -> Answer:
        self.times.append(asyncio.get_running_loop().time())
        return error(429, "later", **self.headers) if len(self.times) == 1 else Answer(completion("yes"))


@pytest.mark.parametrize("headers", [{"retry-after": "0.2"}, {"retry-after-ms": "200", "retry-after": "9"}])
def test_a_server_s_wait_is_honoured(headers: dict[str, str]) -> None:
    server = Turning(headers)
    with asking(server) as engine:
        (reply,) = engine.generate(questions(1))
    assert reply.status is Status.OK
    assert server.times[1] - server.times[0] >= 0.2


class Exhausted:
    """Rejects everything for a while after the first call, and says until when."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.until: float | None = None
        self.rejected = 0

    async def __call__(self, call: Call) -> Answer:
        now = asyncio.get_running_loop().time()
        self.until = now + self.seconds if self.until is None else self.until
        if now >= self.until:
            return Answer(completion("yes"))
        self.rejected += 1
        return error(429, "quota", **{"retry-after-ms": str(1000 * (self.until - now))})


def test_a_server_that_turns_everything_away_is_left_alone_for_as_long_as_it_asks() -> None:
    server = Exhausted(0.5)
    with asking(server) as engine:
        replies = engine.generate(questions(60))
    assert {reply.status for reply in replies} == {Status.OK}
    assert server.rejected <= 8  # Those in flight together, and a few one by one.


@pytest.mark.parametrize("key", ["two words", "schlüssel", "a\nb"])
def test_a_key_no_header_can_hold_is_refused(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, key)
    with pytest.raises(ConfigError, match=KEY_ENV) as caught, asking(Recorder(), key_env=KEY_ENV):
        pass
    assert key not in str(caught.value)


def headers(**given: str) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in given.items()}


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({}, 0.0),
        ({"retry_after": "3"}, 3.0),
        ({"retry_after": "-3"}, 0.0),
        ({"retry_after": "inf"}, 0.0),
        ({"retry_after": "soon"}, 0.0),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after": formatdate(1_000_060, usegmt=True)}, 60.0),
        ({"retry_after": formatdate(999_000, usegmt=True)}, 0.0),
        ({"retry_after": formatdate(500_060, usegmt=True), "date": formatdate(500_000, usegmt=True)}, 60.0),
    ],
)
def test_how_long_a_server_asks_to_wait(given: dict[str, str], seconds: float) -> None:
    assert retry_after(headers(**given), now=1_000_000.0) == seconds


def test_jitter_is_a_function_of_request_and_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "FIRST_BACKOFF", 0.5)
    draws = [backoff(b"%d" % seed, 3) for seed in range(200)]
    assert draws == [backoff(b"%d" % seed, 3) for seed in range(200)]
    assert 0 < min(draws) < 0.5
    assert 3.5 < max(draws) < 4.0
    assert max(backoff(b"%d" % seed, 50) for seed in range(200)) < failures.LONGEST_BACKOFF


def wrong() -> Iterator[tuple[dict[str, Any], str]]:
    yield {"base_url": "http://me:hunter2@127.0.0.1/v1"}, "user or password"
    yield {"base_url": "http://127.0.0.1:99999/v1"}, "base_url"
    yield {"base_url": "127.0.0.1:8000"}, "base_url"
    yield {"base_url": "me:hunter2@127.0.0.1:8000"}, "base_url"
    yield {"base_url": "http://127.0.0.1/v1?key=hunter2"}, "after"
    yield {"base_url": 3}, "base_url"
    yield {"model": ""}, "model"
    yield {"key_env": 5}, "key_env"
    yield {"image_format": "gif"}, "image_format"
    yield {"jpeg_quality": 101}, "jpeg_quality"
    yield {"max_pixels": 0}, "max_pixels"
    yield {"timeout": 0}, "timeout"
    yield {"concurrency": 0}, "concurrency"
    yield {"retries": -1}, "retries"
    yield {"server": "mine"}, "server"
    yield {"logprobs": "yes"}, "logprobs"
    yield {"omit": "seed"}, "omit"
    yield {"extra": [1]}, "extra"
    yield {"extra": {"x": object()}}, "extra"
    yield {"budget_usd": 1.0}, "price_in"
    yield {"budget_usd": -1.0, "price_in": 1.0, "price_out": 1.0}, "budget_usd"
    yield {"budget_tokens": 1.5}, "budget_tokens"
    yield {"price_in": "cheap"}, "price_in"


@pytest.mark.parametrize(("given", "named"), list(wrong()))
def test_wrong_options_are_refused_by_name(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        EndpointOptions(**{"base_url": "http://127.0.0.1:1/v1", "model": "m", **given})
    assert "hunter2" not in str(caught.value)
