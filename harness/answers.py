"""Answers to the questions of a pass: a batch at a time, or one by one from a judge that streams."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from harness.ask import ask, checked
from harness.batches import Batch
from harness.errors import ConfigError
from harness.judge import Judge
from harness.records import Comparison, Verdict

Numbered = tuple[int, Comparison]
"""A comparison under its row in the plan."""


class Answered(NamedTuple):
    """Some rows of the plan with their verdicts."""

    rows: list[int]
    verdicts: list[Verdict]
    seconds: float
    """Of each; for a judge that streams the time since the question was put."""


def batched(judge: Judge, batches: Iterator[Batch]) -> Iterator[Answered]:
    """The answers batch by batch."""
    for batch in batches:
        began = time.perf_counter()
        verdicts = ask(judge, batch.comparisons)
        yield Answered(batch.rows, verdicts, (time.perf_counter() - began) / len(verdicts))


def streamed(judge: Any, batches: Iterator[Batch]) -> Iterator[Answered]:
    """The answers as they come. What a stream that breaks has left open is asked singly; then it goes on.

    Raises `ConfigError` as the judge does.
    """
    questions = ((row, c) for batch in batches for row, c in zip(batch.rows, batch.comparisons, strict=True))
    for first in questions:
        stream = _Stream(first, questions)
        yield from stream.answers(judge)
        for row, comparison in stream.open.items():
            began = time.perf_counter()
            yield Answered([row], ask(judge, [comparison]), time.perf_counter() - began)


class _Stream:
    """Questions put to a judge, and which of them are open."""

    def __init__(self, first: Numbered, rest: Iterator[Numbered]) -> None:
        self.open: dict[int, Comparison] = {}
        self._put: dict[int, float] = {}
        self._first = first
        self._rest = rest

    def _questions(self) -> Iterator[Numbered]:
        for row, comparison in chain([self._first], self._rest):
            self.open[row], self._put[row] = comparison, time.perf_counter()
            yield row, comparison

    def answers(self, judge: Any) -> Iterator[Answered]:
        """What the judge yields until it ends or breaks."""
        try:
            for row, verdict in judge.stream(self._questions()):
                good = checked(verdict)
                del self.open[row]
                yield Answered([row], [good], time.perf_counter() - self._put.pop(row))
        except ConfigError:
            raise
        except Exception:
            # `open` holds what has no answer; each of these meets the error, if it lasts, on its own.
            return
