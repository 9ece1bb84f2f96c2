"""What is asked of a generative model and what comes back: messages, decoding, replies. No model is named here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from harness.records import Image, Status, Verdict

Role = Literal["system", "user", "assistant"]

Part = str | Image
"""Text or an image; a message interleaves them."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. An assistant turn at the end is a prefix the model goes on from."""

    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How the next token is chosen; all of it is part of a run's identity."""

    temperature: float = 0.0
    """0: greedy."""
    top_p: float = 1.0
    max_tokens: int = 2048
    repetition_penalty: float = 1.0
    seed: int = 0
    """Sent where sampling is on and the model takes one."""
    options: tuple[str, ...] = ()
    """Words whose probabilities are wanted where one of them last stands as a token, such as ("1", "2"): A's first."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model."""

    messages: tuple[Message, ...]
    decoding: Decoding = Decoding()

    @property
    def images(self) -> tuple[Image, ...]:
        """The images in order of appearance, repeated where they are shown repeatedly."""
        return tuple(part for message in self.messages for part in message.parts if isinstance(part, Image))


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `text` is an answer only where the status is ok."""

    status: Status
    text: str
    """The output, without the prefix of an unfinished assistant turn; for a failure what is known of it."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    """US dollars, where prices are known."""
    options: Mapping[str, float] = field(default_factory=dict)
    """Probability of each of `Decoding.options` where the answer decides between them; empty where not available."""


class Engine(Protocol):
    """A model that answers requests, in this process or behind an endpoint."""

    def generate(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """One reply each, in order. A failed request is a reply with that status, never an exception."""
        ...

    def stream(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply]]:
        """(index of the request, reply) as replies come. Takes requests no faster than it can work on them."""
        ...

    def identity(self) -> Mapping[str, Any]:
        """What can change a reply besides the request: model, revision or digest, dtype, pixel budget, image format."""
        ...


@dataclass(frozen=True, slots=True)
class Parser:
    """Reads an output. Pure: the same text gives the same verdict, so a better one is applied to a stored log."""

    name: str
    version: int
    """Raised whenever some text would be read differently; part of a run's identity."""
    parse: Callable[[str], Verdict]
    """Image 1, image A, the first image: A. A text without a decision gives a failure with its status and flags."""

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"
