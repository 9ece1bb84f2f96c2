"""A model behind any server with OpenAI's chat completions: vLLM, SGLang, `transformers serve`, OpenAI and others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from adapters.engines.answers import read
from adapters.engines.background import Background, Exchange
from adapters.engines.client import completion, opened, served
from adapters.engines.failures import Failure, Failures, backoff
from adapters.engines.forecast import Forecast, Measured, Terms, forecast
from adapters.engines.gate import Gate, Pass
from adapters.engines.limits import Limit
from adapters.engines.options import EndpointOptions
from adapters.engines.pictures import Pictures
from adapters.engines.pricing import Need, Tokens
from adapters.engines.tokens import image_rule, most_text_tokens
from adapters.engines.wire import LOGPROBS, Fields, fields
from harness.errors import ConfigError, ImageError
from harness.generation import Reply, Request
from harness.records import Status, digest_of

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MARGIN = 8
"""Requests taken beyond those in flight at least, so that their images are encoded by the time there is a place."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A request ready to be sent."""

    fields: Fields
    options: tuple[str, ...]
    need: Need
    seed: bytes
    """Of the waits between attempts."""


class Endpoint:
    """Asks a server, as many requests at a time as it turns out to take; see `harness.generation.Engine`.

    While a stream is open one thread runs one event loop with one client; between streams nothing runs. What was
    learned of the server's capacity, and what was spent, stays with the engine. Raises `ConfigError` for a key that is
    refused, a model that is not there or an account that is empty: each further request would meet the same.
    """

    def __init__(self, options: EndpointOptions) -> None:
        self.options = options
        key = _key(options.key_env)
        self._failures = Failures(options, key)
        self._background: Background[AsyncOpenAI] = Background(partial(opened, options, key))
        self._pictures = Pictures(options.policy)
        self._gate = Gate(Limit(options.concurrency))
        self._budget = options.budget()
        self._logprobs = True
        self._served: Mapping[str, Any] | None = None
        self._measured = Measured()

    @property
    def spent(self) -> Tokens:
        """Tokens counted against the budget so far."""
        return self._budget.spent

    @property
    def limit(self) -> int:
        """Requests in flight at most, as found out so far."""
        return self._gate.limit.value

    def identity(self) -> Mapping[str, Any]:
        """Model, image policy, fields sent, and what the server says of the model.

        Raises `ConfigError` when no server answers; `probe=false` leaves the server out of it.
        """
        if self.options.probe and self._served is None:
            with self._background as background:
                self._served = background.do(served(background.opened, self.options, self._failures))
        return {"engine": "endpoint", **self.options.identity(), "served": dict(self._served or {})}

    def forecast(self, sample: Sequence[Request], total: int | None = None) -> Forecast:
        """What `total` requests like these would take; asks nobody. See `adapters.engines.forecast`."""
        options, measured = self.options, self._measured
        in_flight = self.limit if measured.replies else options.concurrency
        return forecast(sample, Terms(options.model, options.prices, options.max_pixels, in_flight, measured), total)

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """One reply each, in order."""
        replies = dict(self.stream(requests))
        return [replies[index] for index in range(len(requests))]

    def stream(self, requests: Iterable[Request]) -> Generator[tuple[int, Reply], None, None]:
        """(index, reply) as replies come. Takes requests, in the caller's thread, only as there are places for them.

        Closing the iterator cancels what is in flight.
        """
        waiting = enumerate(requests)
        with self._background as background, Exchange(background.loop, self._ask) as exchange:
            more = True
            while more or exchange.open:
                while more and not exchange.ready and exchange.open < self.limit + max(MARGIN, self.limit // 4):
                    index, request = next(waiting, (-1, None))
                    more = request is not None
                    if request is not None:
                        exchange.put(index, request)
                if exchange.open:
                    yield exchange.take()

    async def _ask(self, request: Request) -> Reply:
        """Attempts until there is a reply or no further attempt would help."""
        try:
            letter = await asyncio.to_thread(self._write, request)
        except ImageError as error:
            return Reply(Status.IMAGE_ERROR, str(error))
        for attempt in range(self.options.retries + 1):
            outcome = await self._attempt(letter)
            if isinstance(outcome, Reply):
                return outcome
            if not outcome.again or attempt == self.options.retries:
                break
            await asyncio.sleep(outcome.wait + backoff(letter.seed, attempt))
        return Reply(outcome.status, outcome.text)

    def _write(self, request: Request) -> Letter:
        """Encodes the images: in a thread, since that takes a while. Raises `ImageError`."""
        sent = {image: self._pictures[image] for image in request.images}
        body = fields(request, self.options, lambda image: sent[image].url)
        rule = image_rule(self.options.model)
        images = sum(rule(sent[image].width, sent[image].height) for image in request.images)
        need = Need(most_text_tokens(request), images, request.decoding.max_tokens)
        return Letter(body, request.decoding.options, need, _seed(request))

    async def _attempt(self, letter: Letter) -> Reply | Failure:
        """One attempt within the budget."""
        aside = await self._budget.set_aside(letter.need)
        if aside is None:
            most = self._budget.most(letter.need).total
            return Reply(Status.BUDGET, f"up to {most:,} tokens would not fit in the budget; raise it to ask on")
        taken = Tokens()
        try:
            held = await self._gate.enter()
            taken = aside
            outcome = await self._send(letter, held)
            taken = self._taken(outcome, letter.need, aside)
            return outcome
        finally:
            self._budget.settle(aside, taken)

    def _taken(self, outcome: Reply | Failure, need: Need, aside: Tokens) -> Tokens:
        """As the server counted, else the most it can have been."""
        if isinstance(outcome, Failure):
            return aside if outcome.spent else Tokens()
        if outcome.tokens_in is None or outcome.tokens_out is None:
            return aside
        self._budget.learn(need, outcome.tokens_in)
        return Tokens(outcome.tokens_in, outcome.tokens_out)

    async def _send(self, letter: Letter, held: Pass) -> Reply | Failure:
        """Sends the letter and leaves the gate with what that says of the server."""
        leave: Callable[[Pass], None] = self._gate.leave
        try:
            outcome = await self._outcome(letter)
            if isinstance(outcome, Reply):
                leave = self._gate.answered
                self._measured += Measured(1, asyncio.get_running_loop().time() - held.began, outcome.tokens_out or 0)
            elif outcome.status is Status.TIMEOUT:
                leave = self._gate.overdue
            elif outcome.busy:
                leave = partial(self._gate.rejected, wait=outcome.wait)
            return outcome
        finally:
            leave(held)

    async def _outcome(self, letter: Letter) -> Reply | Failure:
        """A server that refuses token probabilities is asked without them from then on."""
        asked = self._logprobs
        result = await self._exchanged(letter, asked)
        if isinstance(result, Failure) and asked and self._refuses_logprobs(result, letter):
            self._logprobs = False
            result = await self._exchanged(letter, False)
        return result

    def _refuses_logprobs(self, failure: Failure, letter: Letter) -> bool:
        asked_for = "logprobs" in letter.fields and "logprobs" not in self.options.extra
        return asked_for and failure.status is Status.JUDGE_ERROR and "logprob" in failure.text.lower()

    async def _exchanged(self, letter: Letter, logprobs: bool) -> Reply | Failure:
        """What the server answers, or what keeping from answering means."""
        body = {key: value for key, value in letter.fields.items() if logprobs or key not in LOGPROBS}
        client = self._background.opened
        try:
            answer = await completion(client, self.options.model, body, self.options.timeout)
            return self._priced(read(answer, letter.options))
        except Exception as error:
            problem = error
        # Outside of the handler: an error's context may hold the server's text, and that an echoed key.
        return self._failures.of(problem)

    def _priced(self, reply: Reply) -> Reply:
        text = self._failures.masked(reply.text)
        if reply.tokens_in is None or reply.tokens_out is None:
            return replace(reply, text=text)
        cost = self.options.prices.cost(Tokens(reply.tokens_in, reply.tokens_out))
        return replace(reply, text=text, cost=cost)


def _key(variable: str) -> str:
    """The key in an environment variable; empty without one. Raises `ConfigError` for one no header can hold."""
    key = os.environ.get(variable, "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError(f"the environment variable {variable} holds no key: expected one word of ASCII characters")
    return key


def _seed(request: Request) -> bytes:
    """A digest of everything shown."""
    parts = [part for message in request.messages for part in message.parts]
    return digest_of(*((part if isinstance(part, str) else part.digest).encode("utf-8", "replace") for part in parts))
