"""A judge that asks a generative model: messages are built, an engine answers, a parser reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import reduce
from itertools import islice
from operator import add
from typing import Any, ClassVar

from harness.ask import failure_of
from harness.errors import ConfigError
from harness.generation import Decoding, Engine, Message, Parser, Reply, Request
from harness.records import Comparison, Status, Verdict


class Generator(ABC):
    """Builds messages, asks its engine, parses what comes back. The raw output is always kept.

    A judge whose answer needs more than one question a comparison implements `requests` and `verdict` instead of
    `messages`.
    """

    streams: ClassVar[bool] = True
    """Answers come one by one, as `stream` yields them, so that none is lost or waits for another."""

    def __init__(self, engine: Engine, parser: Parser, decoding: Decoding | None = None) -> None:
        self.engine = engine
        self.parser = parser
        self.decoding = decoding or Decoding()

    @abstractmethod
    def messages(self, comparison: Comparison) -> Sequence[Message]:
        """The conversation. What comparisons share stands first, so that a server's prefix cache serves them all."""

    window: ClassVar[int] = 1
    """Comparisons that are handed to `prepare` together."""

    def prepare(self, comparisons: Sequence[Comparison]) -> None:  # noqa: B027
        """What must be known before some comparisons can be asked, such as texts about their users; nothing here."""

    def requests(self, comparison: Comparison) -> Sequence[Request]:
        """The questions to the model for one comparison: one, unless a judge needs more."""
        return [Request(tuple(self.messages(comparison)), self.decoding)]

    def verdict(self, comparison: Comparison, replies: Sequence[Reply]) -> Verdict:  # noqa: ARG002
        """The verdict from the replies, in the order of the requests; all of them are ok or cut off."""
        return read(self.parser, replies[0])

    def prompt_hash(self) -> str:
        """SHA-256 of the texts the messages are built from, 64 hex digits."""
        return ""

    def identity(self) -> Mapping[str, Any]:
        """Engine, decoding, parser and prompt."""
        return {
            **self.engine.identity(),
            "decoding": asdict(self.decoding),
            "parser": str(self.parser),
            "prompt hash": self.prompt_hash(),
        }

    def foreseen(self, comparisons: Sequence[Comparison]) -> Iterable[tuple[Engine, Request]]:
        """Whom these comparisons would ask what, `prepare` included. A text yet to be written is stood in for."""
        return ((self.engine, request) for comparison in comparisons for request in self.requests(comparison))

    def forecast(self, sample: Sequence[Comparison], total: int) -> Any | None:
        """What `total` comparisons like those of the sample would take, in the engines' own terms, added up.

        None where an engine makes no estimates: one in this process has no price. Asks nobody and loads nothing.
        """
        asked: dict[int, tuple[Engine, list[Request]]] = {}
        for engine, request in self.foreseen(sample):
            asked.setdefault(id(engine), (engine, []))[1].append(request)
        parts = [_estimate(engine, requests, total / len(sample)) for engine, requests in asked.values()]
        return reduce(add, parts) if parts and None not in parts else None

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """One verdict for each comparison."""
        answers = dict(self.stream(enumerate(comparisons)))
        return [answers[index] for index in range(len(comparisons))]

    def stream(self, comparisons: Iterable[tuple[int, Comparison]]) -> Iterator[tuple[int, Verdict]]:
        """(number, verdict) as the answers come; takes numbered comparisons no faster than the engine works."""
        asked: dict[int, _Asked] = {}
        failed: list[tuple[int, Verdict]] = []
        of: list[tuple[int, int]] = []

        def questions() -> Iterator[Request]:
            for number, comparison in self._prepared(comparisons):
                try:
                    wanted = self.requests(comparison)
                except ConfigError:
                    raise
                except Exception as error:
                    failed.append((number, failure_of(error)))
                    continue
                asked[number] = _Asked(comparison, [None] * len(wanted))
                for place, request in enumerate(wanted):
                    of.append((number, place))
                    yield request

        for index, reply in self.engine.stream(questions()):
            number, place = of[index]
            if asked[number].answered(place, reply):
                done = asked.pop(number)
                yield number, self._concluded(done.comparison, done.whole())
            while failed:
                yield failed.pop()
        yield from failed

    def _prepared(self, comparisons: Iterable[tuple[int, Comparison]]) -> Iterator[tuple[int, Comparison]]:
        rest = iter(comparisons)
        while some := list(islice(rest, self.window)):
            self.prepare([comparison for _, comparison in some])
            yield from some

    def _concluded(self, comparison: Comparison, replies: Sequence[Reply]) -> Verdict:
        bad = next((reply for reply in replies if reply.status not in (Status.OK, Status.TRUNCATED)), None)
        verdict = Verdict.failure(bad.status, bad.text) if bad else self.verdict(comparison, replies)
        return replace(verdict, **_spent(replies))


class _Asked:
    """A comparison whose replies are on their way."""

    def __init__(self, comparison: Comparison, replies: list[Reply | None]) -> None:
        self.comparison = comparison
        self._replies = replies

    def answered(self, place: int, reply: Reply) -> bool:
        """Keeps a reply; True once all are there."""
        self._replies[place] = reply
        return None not in self._replies

    def whole(self) -> list[Reply]:
        return [reply for reply in self._replies if reply is not None]


def read(parser: Parser, reply: Reply) -> Verdict:
    """What a parser makes of a reply. An answer that was cut off is none, whatever stands in it."""
    verdict = parser.parse(reply.text)
    if reply.status is Status.TRUNCATED:
        verdict = replace(Verdict.failure(Status.TRUNCATED, ""), flags=verdict.flags)
    return replace(verdict, raw=reply.text, p_a=_probability(verdict, reply))


def _estimate(engine: Engine, requests: Sequence[Request], times: float) -> Any | None:
    """Of so many times these requests, by an engine that has a `forecast`."""
    forecast = getattr(engine, "forecast", None)
    return forecast(requests, round(len(requests) * times)) if callable(forecast) else None


def _probability(verdict: Verdict, reply: Reply) -> float | None:
    """Share of the first option in the probability of the first two; the parser's own where there is none.

    None where it points the other way than the verdict: the words stood elsewhere last, as in "1 is better than 2".
    """
    chances = list(reply.options.values())[:2]
    if verdict.status is not Status.OK or len(chances) < 2 or sum(chances) <= 0:
        return verdict.p_a
    return agreeing(chances[0] / sum(chances), verdict)


def agreeing(p_a: float | None, verdict: Verdict) -> float | None:
    """The probability where it does not point the other way than an ok verdict, else None."""
    if p_a is None or verdict.status is not Status.OK:
        return None
    against = {"A": p_a < 0.5, "B": p_a > 0.5, "tie": False}
    return None if against[verdict.winner or "tie"] else p_a


def _spent(replies: Sequence[Reply]) -> dict[str, Any]:
    tokens = [(r.tokens_in or 0) + (r.tokens_out or 0) for r in replies if r.tokens_in is not None]
    costs = [reply.cost for reply in replies if reply.cost is not None]
    return {"tokens": sum(tokens) if tokens else None, "cost": sum(costs) if costs else None}
