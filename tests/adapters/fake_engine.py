"""An engine that records what it is asked and answers from a function or a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.generation import Part, Reply, Request
from harness.records import Image, Status

Answer = Callable[[Request], str | Reply]


@dataclass
class FakeEngine:
    """`answer`: a text for every request, or a function of the request."""

    answer: str | Answer = "Image 1 is better."
    together: int = 3
    """Requests taken before any is answered; within them the last is answered first."""
    asked: list[Request] = field(default_factory=list)

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        replies = dict(self.stream(requests))
        return [replies[index] for index in range(len(requests))]

    def stream(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply]]:
        source = enumerate(requests)
        while some := [pair for _, pair in zip(range(self.together), source, strict=False)]:
            self.asked += [request for _, request in some]
            yield from ((index, self._reply(request)) for index, request in reversed(some))

    def identity(self) -> Mapping[str, Any]:
        return {"engine": "fake"}

    def _reply(self, request: Request) -> Reply:
        answer = self.answer if isinstance(self.answer, str) else self.answer(request)
        return answer if isinstance(answer, Reply) else Reply(Status.OK, answer, 10, 5, 0.25)


def use(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> list[Any]:
    """Every judge made from now on has this engine; the options each was made with."""
    made: list[Any] = []

    def engine_of(options: Any) -> FakeEngine:
        made.append(options)
        return engine

    monkeypatch.setattr("adapters.generative.judge.engine_of", engine_of)
    return made


def text_of(request: Request, image: Callable[[Image], str] = lambda _: "<image>") -> str:
    """What a model reads, images as `<image>` or however they are to be named."""
    return "\n".join(
        f"[{message.role}]\n" + "".join(_shown(part, image) for part in message.parts) for message in request.messages
    )


def _shown(part: Part, image: Callable[[Image], str]) -> str:
    return image(part) if isinstance(part, Image) else part
