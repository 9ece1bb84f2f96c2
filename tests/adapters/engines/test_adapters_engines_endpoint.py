"""Streams: lazy, in any order, ended without a trace, and resumed without asking anything twice."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.engines.endpoint import MARGIN
from adapters.engines.limits import START
from benchmarks.servers import Answer, Call, Loopback, completion
from harness.errors import ConfigError
from harness.generation import Engine, Message, Request
from harness.pictures import AbsentPicture
from harness.records import Image, Status
from tests.adapters.engines.asking_endpoint import (
    Recorder,
    asked,
    asking,
    engine,
    image,
    questions,
    request,
    truth,
)


def texts(n: int) -> list[str]:
    return [truth(f"question {number}") for number in range(n)]


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()} - {"MainThread"}


def test_replies_are_in_order_and_nothing_is_left_running() -> None:
    before = threads()
    with asking(Recorder()) as model:
        an_engine: Engine = model
        assert [reply.text for reply in an_engine.generate(questions(40))] == texts(40)
        assert not {name for name in threads() if "endpoint" in name}
        assert list(model.generate([])) == []
        assert [reply.text for reply in model.generate(questions(3))] == texts(3)
    assert threads() <= before


class Reversing:
    """Answers the first of each four requests last."""

    async def __call__(self, call: Call) -> Answer:
        number = int(asked(call).split()[1])
        await asyncio.sleep(0.05 if number % 4 == 0 else 0.0)
        return Answer(completion(truth(asked(call))))


def test_a_stream_yields_what_is_ready_first() -> None:
    with asking(Reversing()) as model:
        replies = list(model.stream(questions(4)))
    assert replies[-1][0] == 0
    assert {index: reply.text for index, reply in replies} == dict(enumerate(texts(4)))


class Waiting:
    """Answers when told to."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.together = Counter[str]()

    async def __call__(self, call: Call) -> Answer:
        self.together["now"] += 1
        self.together["most"] = max(self.together["most"], self.together["now"])
        while not self.open.is_set():
            await asyncio.sleep(0.001)
        self.together["now"] -= 1
        return Answer(completion(truth(asked(call))))


def counted(pulled: list[int], n: int) -> Iterator[Request]:
    for number in range(n):
        pulled.append(number)
        yield request(f"question {number}")


def test_requests_are_taken_only_as_there_is_work_for_them() -> None:
    pulled: list[int] = []
    server = Waiting()
    with asking(server) as model:
        stream = model.stream(counted(pulled, 10**9))
        assert pulled == []
        opener = threading.Timer(0.2, server.open.set)
        opener.start()
        next(stream)
        assert len(pulled) <= START + MARGIN + 1
        for _ in range(50):
            next(stream)
        assert len(pulled) <= 51 + model.limit + MARGIN
        stream.close()
        opener.join()
    assert server.together["most"] <= model.limit + 1


def test_no_more_at_once_than_allowed() -> None:
    server = Waiting()
    with asking(server, concurrency=2) as model:
        threading.Timer(0.1, server.open.set).start()
        model.generate(questions(30))
    assert server.together["most"] == 2


def test_closed_half_way_and_resumed_nothing_answered_is_asked_twice() -> None:
    server = Recorder()
    requests = questions(60)
    with asking(server) as model:
        answered: dict[int, str] = {}
        stream = model.stream(requests)
        for index, reply in stream:
            answered[index] = reply.text
            if len(answered) == 30:
                break
        stream.close()
        assert not {name for name in threads() if "endpoint" in name}
        before = Counter(server.texts)
        left = [index for index in range(60) if index not in answered]
        for at, reply in model.stream(requests[index] for index in left):
            answered[left[at]] = reply.text
    assert [answered[index] for index in range(60)] == texts(60)
    again = Counter(server.texts) - before
    assert not any(again[f"question {index}"] for index in range(60) if index not in left)
    assert sum(server.texts.count(f"question {index}") > 1 for index in left) <= model.limit + MARGIN


def test_a_stream_left_to_the_collector_ends_too() -> None:
    with asking(Recorder()) as model:
        next(model.stream(questions(500)))
        assert not {name for name in threads() if "endpoint" in name}


def test_one_stream_may_feed_another() -> None:
    with asking(Recorder()) as model:
        second = (request(reply.text) for _, reply in model.stream(questions(20)))
        replies = dict(model.stream(second))
    assert sorted(reply.text for reply in replies.values()) == sorted(truth(text) for text in texts(20))
    assert not {name for name in threads() if "endpoint" in name}


def failing() -> Iterator[Request]:
    yield from questions(5)
    raise KeyError("no such comparison")


def test_what_the_requests_raise_is_raised_and_ends_the_stream() -> None:
    with asking(Recorder()) as model:
        with pytest.raises(KeyError, match="no such comparison"):
            list(model.stream(failing()))
        assert not {name for name in threads() if "endpoint" in name}


def test_an_image_that_cannot_be_read_costs_its_request_only() -> None:
    with asking(Recorder()) as model:
        bad, good = model.generate([request("x", Image(AbsentPicture("gone.png"))), request("y")])
    assert (bad.status, good.status) == (Status.IMAGE_ERROR, Status.OK)
    assert "gone.png" in bad.text


def test_the_same_request_is_sent_as_the_same_bytes() -> None:
    server = Recorder()
    with asking(server) as model:
        for _ in range(2):
            pictures = [image("b"), image("a")]
            model.generate([request("first", *pictures, "then", pictures[0])])
    one, same = (call.content for call in server.calls)
    assert one == same
    urls = [part["image_url"]["url"] for part in server.calls[0].body["messages"][0]["content"] if "image_url" in part]
    assert urls[0] == urls[2] != urls[1]


def logprobs_of(*words: tuple[str, float]) -> dict[str, Any]:
    top = [{"token": word, "logprob": logprob} for word, logprob in words]
    return {"content": [{**top[0], "top_logprobs": top}]}


class Probable:
    """Tells token probabilities, or refuses to."""

    def __init__(self, refuses: bool) -> None:
        self.refuses = refuses
        self.asked: list[bool] = []

    async def __call__(self, call: Call) -> Answer:
        self.asked.append("logprobs" in call.body)
        if self.refuses and self.asked[-1]:
            return Answer({"error": {"message": "logprobs are not supported by this model"}}, 400)
        body = completion("1")
        body["choices"][0]["logprobs"] = logprobs_of(("1", -0.5), (" 1", -3.0), ("2", -1.5)) if self.asked[-1] else None
        return Answer(body)


def test_option_probabilities_where_the_server_tells_them() -> None:
    server = Probable(refuses=False)
    with asking(server) as model:
        with_options, without = model.generate([request("?", options=("1", "2")), request("?")])
    assert with_options.options == pytest.approx({"1": 0.7465, "2": 0.2535}, abs=1e-3)
    assert without.options == {}
    assert sorted(server.asked) == [False, True]


def test_a_server_that_refuses_probabilities_is_not_asked_for_them_again() -> None:
    server = Probable(refuses=True)
    with asking(server, concurrency=1) as model:
        replies = model.generate([request(f"{n}", options=("1", "2")) for n in range(5)])
    assert [reply.status for reply in replies] == [Status.OK] * 5
    assert all(reply.options == {} for reply in replies)
    assert server.asked == [True] + [False] * 5


def test_a_failure_is_seen_before_thousands_of_calls_and_ends_what_is_under_way() -> None:
    server, refusal = Recorder(), Recorder(Answer({"error": {"message": "no"}}, 401))

    async def behave(call: Call) -> Answer:
        return await (refusal if "question 20" in asked(call) else server)(call)

    with asking(behave) as model:
        got: list[int] = []
        with pytest.raises(ConfigError, match="not set"):
            got.extend(index for index, _ in model.stream(questions(10_000)))
    assert len(server.calls) < 100
    assert not {name for name in threads() if "endpoint" in name}


NO_WAIT = {"retry-after-ms": "1"}
ENTRY = {"id": "m", "created": 7, "owned_by": "vllm", "root": "/data/m", "max_model_len": 8}
MODELS = {"data": [{"id": "other"}, ENTRY]}


def test_identity_is_what_can_change_a_reply() -> None:
    with asking(Recorder(Answer(MODELS)), image_format="jpeg", max_pixels=99, extra={"top_k": 1}) as model:
        told = model.identity()
    assert told["served"] == {"owned_by": "vllm", "max_model_len": 8}
    assert (told["model"], told["extra"]) == ("m", {"top_k": 1})
    assert told["images"] == {"format": "jpeg", "quality": 95, "max_pixels": 99}


def test_identity_does_not_depend_on_how_it_is_asked() -> None:
    plain, same, other = (
        engine("http://127.0.0.1:1/v1", probe=False, **given).identity()
        for given in (
            {},
            {"timeout": 5, "concurrency": 1, "retries": 0, "budget_tokens": 5, "price_in": 1.0},
            {"omit": ["seed"]},
        )
    )
    assert plain == same != other
    assert "127.0.0.1" not in str(plain)


@pytest.mark.parametrize(
    "answer",
    # The last: what a server says that fails whenever it is asked for its list.
    [Answer({}, 404), Answer({"data": []}), Answer([1]), Answer({"data": [3]}), Answer(b"oh", 500, NO_WAIT)],
)
def test_a_server_that_says_nothing_of_its_model(answer: Answer) -> None:
    with asking(Recorder(answer)) as model:
        assert model.identity()["served"] == {}


def test_a_prefix_is_sent_as_the_last_message() -> None:
    server = Recorder()
    with asking(server, continue_prefix=True) as model:
        model.generate([Request((Message("user", ("?",)), Message("assistant", ("So: ",))))])
    assert server.calls[0].body["messages"][1] == {"role": "assistant", "content": "So: "}
    assert server.calls[0].body["continue_final_message"] is True


def test_two_engines_share_nothing() -> None:
    with Loopback(Recorder()) as one, Loopback(Recorder(Answer(completion("other")))) as two:
        streams = [engine(server.url).stream(questions(20)) for server in (one, two)]
        pairs = list(zip(*streams, strict=True))
    assert {reply.text for _, (_, reply) in pairs} == {"other"}
    assert {reply.text for (_, reply), _ in pairs} == set(texts(20))
