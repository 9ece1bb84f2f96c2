"""Requests as bodies, and bodies as replies."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from adapters.engines.answers import Malformed, option_probabilities, read
from adapters.engines.options import EndpointOptions
from adapters.engines.wire import fields
from benchmarks.servers import completion
from harness.generation import Decoding, Message, Request
from harness.records import Image, Status
from tests.adapters.engines.asking_endpoint import image, request


def options(**given: Any) -> EndpointOptions:
    return EndpointOptions(**{"base_url": "http://127.0.0.1:1/v1", "model": "m", **given})


def url(picture: Image) -> str:
    return f"data:{picture.digest[:4]}"


def body(asked: Request, **given: Any) -> dict[str, Any]:
    return fields(asked, options(**given), url)


A, B = image("a"), image("b")


def test_images_and_texts_keep_their_order_and_neighbouring_texts_become_one() -> None:
    shown = body(request("one ", "two", B, A, "", "three", A))["messages"]
    parts = [part.get("text") or part["image_url"]["url"] for part in shown[0]["content"]]
    assert parts == ["one two", url(B), url(A), "three", url(A)]
    assert [part["type"] for part in shown[0]["content"]] == ["text", "image_url", "image_url", "text", "image_url"]


def test_text_alone_is_a_string() -> None:
    turns = (Message("system", ("Be fair.",)), Message("user", ("a", "b")))
    assert body(Request(turns))["messages"] == [
        {"role": "system", "content": "Be fair."},
        {"role": "user", "content": "ab"},
    ]


def test_the_same_request_gives_the_same_bytes() -> None:
    one, same = (json.dumps(body(request("x", image("a"), top_p=0.5, temperature=1.0))) for _ in range(2))
    assert one == same


@pytest.mark.parametrize(
    ("decoding", "given", "expected"),
    [
        ({}, {}, {"max_tokens": 2048, "temperature": 0.0}),
        (
            {"temperature": 0.7, "top_p": 0.9, "seed": 4, "max_tokens": 5},
            {},
            {"max_tokens": 5, "temperature": 0.7, "top_p": 0.9, "seed": 4},
        ),
        ({"repetition_penalty": 1.1}, {}, {"max_tokens": 2048, "temperature": 0.0, "repetition_penalty": 1.1}),
        (
            {},
            {"server": "vllm"},
            {
                "max_tokens": 2048,
                "temperature": 0.0,
                "top_p": 1.0,
                "top_k": -1,
                "min_p": 0.0,
                "repetition_penalty": 1.0,
            },
        ),
        ({}, {"length_field": "max_completion_tokens", "omit": ("temperature",)}, {"max_completion_tokens": 2048}),
        ({}, {"extra": {"temperature": 0.1, "y": [1]}}, {"max_tokens": 2048, "temperature": 0.1, "y": [1]}),
        (
            {"options": ("1", "2")},
            {},
            {"max_tokens": 2048, "temperature": 0.0, "logprobs": True, "top_logprobs": 20},
        ),
        ({"options": ("1", "2")}, {"logprobs": False}, {"max_tokens": 2048, "temperature": 0.0}),
    ],
)
def test_decoding_as_fields(decoding: dict[str, Any], given: dict[str, Any], expected: dict[str, Any]) -> None:
    told = body(Request((), Decoding(**decoding)), **given)
    assert told == {"messages": [], **expected}


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_transformers_is_sent_a_whole_generation_config(temperature: float) -> None:
    decoding = Decoding(temperature=temperature, top_p=0.9, repetition_penalty=1.1, max_tokens=5)
    told = body(Request((), decoding), server="transformers")
    assert (told["max_tokens"], told["temperature"], "repetition_penalty" in told) == (5, temperature, False)
    config = json.loads(told["generation_config"])
    assert (config["do_sample"], config["repetition_penalty"], config["no_repeat_ngram_size"]) == (
        temperature > 0, 1.1, 0,
    )  # fmt: skip
    assert ("top_k" in config) is (temperature > 0)


def test_an_unfinished_assistant_turn_is_gone_on_from_only_where_asked_for() -> None:
    unfinished = Request((Message("user", ("?",)), Message("assistant", ("The answer is",))))
    assert "continue_final_message" not in body(unfinished)
    told = body(unfinished, continue_prefix=True)
    assert told["messages"][-1] == {"role": "assistant", "content": "The answer is"}
    assert (told["continue_final_message"], told["add_generation_prompt"]) == (True, False)
    assert "continue_final_message" not in body(request("?"), continue_prefix=True)


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (completion("yes"), Status.OK, "yes"),
        (completion("yes", None), Status.OK, "yes"),
        (completion("yes", "eos"), Status.OK, "yes"),
        (completion("cut", "length"), Status.TRUNCATED, "cut"),
        (completion("", "length"), Status.TRUNCATED, ""),
        (completion(None, "stop", refusal="I would rather not."), Status.REFUSED, "I would rather not."),
        (completion("No.", "refusal"), Status.REFUSED, "No."),
        (completion("half", "content_filter"), Status.FILTERED, "half"),
        (completion(None), Status.EMPTY, "the server sent no text (finish reason stop)"),
        (completion("  \n"), Status.EMPTY, "the server sent no text (finish reason stop)"),
        ({"choices": []}, Status.EMPTY, "the server sent no choices"),
        ({"choices": None}, Status.EMPTY, "the server sent no choices"),
        ({}, Status.EMPTY, "the server sent no choices"),
        ({"choices": [{"message": {"content": [{"type": "text", "text": "in parts"}]}}]}, Status.OK, "in parts"),
    ],
)
def test_what_became_of_a_request(answer: Any, status: Status, text: str) -> None:
    reply = read(answer, ())
    assert (reply.status, reply.text) == (status, text)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        "error",
        None,
        {"error": {"message": "overloaded"}},
        {"choices": {"0": 1}},
        {"choices": [None]},
        {"choices": [{"text": "an old kind of completion"}]},
        completion("half a sent", "abort"),
        completion("Internal error, try again", "error"),
    ],
)
def test_no_error_becomes_an_answer(answer: Any) -> None:
    with pytest.raises(Malformed):
        read(answer, ())


@pytest.mark.parametrize("usage", [None, 3, {}, {"prompt_tokens": -1}, {"prompt_tokens": "5"}, {"prompt_tokens": True}])
def test_counts_that_are_none_are_left_out(usage: Any) -> None:
    reply = read({**completion("yes"), "usage": usage}, ())
    assert (reply.status, reply.tokens_in, reply.tokens_out) == (Status.OK, None, None)


def place(token: str, **alternatives: float) -> dict[str, Any]:
    """A generated token and its alternatives; `_` stands for a space before the word."""
    top = [{"token": word.replace("_", " "), "logprob": math.log(p)} for word, p in alternatives.items()]
    return {"token": token, "logprob": top[0]["logprob"] if top else 0.0, "top_logprobs": top}


def test_options_are_weighed_at_the_last_place_that_is_one_of_them() -> None:
    content = [place("A", A=0.9, B=0.1), place(" is"), place(" B", _B=0.5, B=0.1, _A=0.2, C=0.2), place(".")]
    found = option_probabilities({"content": content}, ("A", "B"))
    assert found == pytest.approx({"A": 0.25, "B": 0.75})
    assert list(found) == ["A", "B"]


def test_an_option_that_is_not_among_the_alternatives_has_no_probability() -> None:
    assert option_probabilities({"content": [place("A", A=0.4)]}, ("A", "B")) == pytest.approx({"A": 1.0, "B": 0.0})


def test_a_server_that_lists_no_alternatives_still_tells_the_token_it_took() -> None:
    assert option_probabilities({"content": [place("\u0120A")]}, ("A", "B")) == pytest.approx({"A": 1.0, "B": 0.0})


@pytest.mark.parametrize(
    "logprobs",
    [None, 3, {}, {"content": None}, {"content": []}, {"content": [None]}, {"content": [{"token": "Apple"}]},
     {"content": [{"token": "A", "logprob": None, "top_logprobs": None}]},
     {"content": [{"token": "A", "logprob": math.nan, "top_logprobs": [3]}]}],
)  # fmt: skip
def test_no_probabilities_where_there_are_none(logprobs: Any) -> None:
    assert option_probabilities(logprobs, ("A", "B")) == {}
