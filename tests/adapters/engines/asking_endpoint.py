"""Requests, engines and servers for the tests of the endpoint engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adapters.engines.endpoint import Endpoint
from adapters.engines.options import EndpointOptions
from benchmarks.servers import Answer, Behaviour, Call, Loopback, completion
from harness.generation import Decoding, Message, Part, Request
from harness.pictures import BytesPicture
from harness.records import Image
from tests.harness.making import encoded, pixels

KEY_ENV = "TEST_ENDPOINT_KEY"
NO_KEY_ENV = "TEST_ENDPOINT_WITHOUT_KEY"


def request(*parts: Part, **decoding: Any) -> Request:
    return Request((Message("user", parts),), Decoding(**decoding))


def questions(n: int) -> list[Request]:
    return [request(f"question {number}") for number in range(n)]


def image(name: str, size: tuple[int, int] = (8, 6)) -> Image:
    return Image(BytesPicture(encoded(pixels(name, size), "PNG"), name))


def engine(url: str, **options: Any) -> Endpoint:
    return Endpoint(EndpointOptions(**{"base_url": url, "model": "m", "key_env": NO_KEY_ENV, **options}))


def asked(call: Call) -> str:
    """The text of a call's last message."""
    content = call.body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def truth(text: str) -> str:
    """The answer of a calm server."""
    return f"The answer to {text} is {len(text)}."


class Recorder:
    """Keeps every call and answers as it is told: by default calmly."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.calls: list[Call] = []
        self.answer = answer

    async def __call__(self, call: Call) -> Answer:
        self.calls.append(call)
        return self.answer or Answer(completion(truth(asked(call))))

    @property
    def texts(self) -> list[str]:
        return [asked(call) for call in self.calls]


@contextmanager
def asking(behaviour: Behaviour, **options: Any) -> Iterator[Endpoint]:
    """An engine for a server that behaves so."""
    with Loopback(behaviour) as server:
        yield engine(server.url, **options)
