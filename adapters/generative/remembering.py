"""An engine that asks the same question once."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.errors import ImageError
from harness.generation import Engine, Reply, Request
from harness.records import digest_of


class Remembering:
    """Passes requests on to another engine, equal ones once in the life of this one.

    A repeated reply costs nothing and says so: no tokens, no money. A failure that may pass is asked for again.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[bytes, Reply] = {}

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """One reply each, in order."""
        replies = dict(self.stream(requests))
        return [replies[index] for index in range(len(requests))]

    def stream(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply]]:
        """(index, reply) as replies come; of equal requests the first is asked and the others wait for it."""
        waiting: defaultdict[bytes, list[int]] = defaultdict(list)
        asked: list[bytes] = []
        ready: deque[tuple[int, Reply]] = deque()

        def fresh() -> Iterator[Request]:
            for index, request in enumerate(requests):
                key = key_of(request)
                if key in self._known:
                    ready.append((index, _again(self._known[key])))
                    continue
                waiting[key].append(index)
                if len(waiting[key]) == 1:
                    asked.append(key)
                    yield request

        for place, reply in self._engine.stream(fresh()):
            key = asked[place]
            if not reply.status.transient:
                self._known[key] = reply
            first, *others = waiting.pop(key)
            yield first, reply
            ready.extend((index, _again(reply)) for index in others)
            while ready:
                yield ready.popleft()
        yield from ready

    def identity(self) -> Mapping[str, Any]:
        """The other engine's."""
        return self._engine.identity()

    def forecast(self, sample: Sequence[Request], total: int) -> Any | None:
        """The other engine's, if it makes one, for as large a share of distinct requests as the sample has."""
        distinct = {key_of(request): request for request in sample}
        estimate = getattr(self._engine, "forecast", None)
        share = len(distinct) / len(sample)
        return estimate(list(distinct.values()), round(total * share)) if callable(estimate) else None


def key_of(request: Request) -> bytes:
    """A digest of everything asked. An image that cannot be read is like no other."""
    parts = [repr(request.decoding).encode()]
    for message in request.messages:
        parts.append(message.role.encode())
        for part in message.parts:
            parts.append(b"text" if isinstance(part, str) else b"image")
            parts.append(part.encode("utf-8", "replace") if isinstance(part, str) else _digest(part))
    return digest_of(*parts)


def _digest(image: Any) -> bytes:
    try:
        return bytes(image.digest.encode())
    except ImageError:
        return str(id(image)).encode()


def _again(reply: Reply) -> Reply:
    """The same answer, for nothing."""
    tokens = None if reply.tokens_in is None else 0
    return replace(reply, tokens_in=tokens, tokens_out=tokens, cost=None if reply.cost is None else 0.0)
