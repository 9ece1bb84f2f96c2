"""Loopback servers that speak just enough HTTP and OpenAI to be asked, and misbehave as they are told.

`python -m benchmarks.servers reject 24 0.5` serves in a process of its own until its input is closed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Self

Fault = str
"""`reset`: the connection is torn down without an answer. `truncate`: half of the body, then the end."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came in."""

    path: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    body: Any = None
    """Sent as JSON; bytes are sent as they are."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault = ""


Behaviour = Callable[[Call], Awaitable[Answer]]


def completion(text: str | None, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    """The body of an ordinary reply; five tokens in, one out for each word."""
    usage = {"prompt_tokens": 5, "completion_tokens": len((text or "").split())}
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
    return {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}


class Loopback:
    """A server on 127.0.0.1 in a thread of its own. A context manager: leaving it ends every connection."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._connections: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        started: Future[int] = Future()
        self._thread = Thread(target=lambda: asyncio.run(self._serve(started)), name="loopback", daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{started.result()}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self, started: Future[int]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        async with AsyncExitStack() as stack:
            stack.callback(server.close)
            started.set_result(server.sockets[0].getsockname()[1])
            await self._stop.wait()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer. False: the connection is at its end."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        content = await reader.readexactly(int(headers.get("content-length", "0")))
        answer = await self._behaviour(Call(head[0].split()[1], headers, content))
        if answer.fault == "reset":
            writer.transport.abort()
            return False
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        lines = {"content-type": "application/json", "content-length": str(len(body)), **answer.headers}
        top = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        sent = body[: len(body) // 2] if answer.fault == "truncate" else body
        writer.write(f"HTTP/1.1 {answer.status} x\r\n{top}\r\n".encode() + sent)
        await writer.drain()
        return answer.fault != "truncate"


@dataclass(slots=True)
class Capacity:
    """Answers `slots` requests at a time, each in `seconds`. What comes beyond that is rejected, or waits.

    A waiting request costs the others `drag` of their speed, as where a server swaps to hold them all.
    """

    slots: int
    seconds: float
    rejects: bool
    drag: float = 0.01
    answered: int = 0
    rejected: int = 0
    busy: int = 0
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    async def __call__(self, call: Call) -> Answer:
        """A chat completion; `/v1/capacity` reads the counts and sets the slots."""
        if call.path == "/v1/capacity":
            self.slots = call.body.get("slots", self.slots)
            self._admit()
            return Answer({"answered": self.answered, "rejected": self.rejected})
        if self.rejects and self.busy >= self.slots:
            self.rejected += 1
            return Answer({"error": {"message": "too many requests"}}, 429)
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._admit()
        try:
            await place
            await asyncio.sleep(self.seconds * (1 + self.drag * len(self._waiting)))
        finally:
            self._left(place)
        self.answered += 1
        return Answer(completion("1"))

    def _admit(self) -> None:
        while self._waiting and self.busy < self.slots:
            self.busy += 1
            self._waiting.pop(0).set_result(None)

    def _left(self, place: asyncio.Future[None]) -> None:
        if place in self._waiting:
            self._waiting.remove(place)
        elif place.done() and not place.cancelled():
            self.busy -= 1
            self._admit()


def _main(mode: str, slots: str, seconds: str) -> None:
    with Loopback(Capacity(int(slots), float(seconds), mode == "reject")) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _main(*sys.argv[1:])
