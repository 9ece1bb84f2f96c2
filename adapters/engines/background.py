"""An event loop in a thread of its own, and work handed to it from code that knows nothing of event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Generic, Self, TypeVar

C = TypeVar("C")
T = TypeVar("T")
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Background(Generic[C]):
    """Runs while it is entered, by however many users at once; the last to leave ends everything that is under way.

    `resource` is opened in the loop when the first enters and closed when the last leaves, so that nothing is left
    behind between two uses: no thread, no socket.
    """

    def __init__(self, resource: Callable[[], AbstractAsyncContextManager[C]]) -> None:
        self._resource = resource
        self._lock = Lock()
        self._users = 0

    def __enter__(self) -> Self:
        with self._lock:
            if not self._users:
                started: Future[None] = Future()
                self._thread = Thread(target=self._run, args=(started,), name="endpoint", daemon=True)
                self._thread.start()
                started.result()
            self._users += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self.loop.call_soon_threadsafe(self._stop.set)
                self._thread.join()

    def _run(self, started: Future[None]) -> None:
        try:
            asyncio.run(self._serve(started))
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(self, started: Future[None]) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with self._resource() as self.opened:
            started.set_result(None)
            await self._stop.wait()
            # Before the resource is closed: what is cancelled still leaves its connections in order.
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def do(self, work: Coroutine[None, None, T]) -> T:
        """Runs `work` in the loop and waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()


class Exchange(Generic[Asked, Answer]):
    """Questions go in from one thread, answers come out as they are ready; the first exception ends it all.

    A context manager: leaving it cancels what is under way.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Callable[[Asked], Awaitable[Answer]]) -> None:
        self._loop = loop
        self._work = work
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = False
        self._ready: SimpleQueue[tuple[int, Answer] | Exception] = SimpleQueue()
        self.open = 0
        """Questions whose answers were not taken yet."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end)

    def put(self, index: int, asked: Asked) -> None:
        """Begins to work on a question."""
        self.open += 1
        self._loop.call_soon_threadsafe(self._begin, index, asked)

    @property
    def ready(self) -> bool:
        """Whether `take` would return at once."""
        return not self._ready.empty()

    def take(self) -> tuple[int, Answer]:
        """Waits for the next answer, whichever it is. Raises what the work raised."""
        outcome = self._ready.get()
        self.open -= 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _begin(self, index: int, asked: Asked) -> None:
        if not self._over:
            task = self._loop.create_task(self._answer(index, asked))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, index: int, asked: Asked) -> None:
        try:
            self._ready.put((index, await self._work(asked)))
        except Exception as error:
            self._ready.put(error)
            self._end()

    def _end(self) -> None:
        self._over = True
        for task in self._tasks - {asyncio.current_task(self._loop)}:
            task.cancel()
