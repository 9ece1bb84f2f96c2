"""Asking a judge: whatever it does, there is one verdict for each comparison, and a failure has a name."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import ConfigError, ImageError, TransientError
from harness.judge import Judge
from harness.records import TRANSIENT, Comparison, Status, Verdict


def ask(judge: Judge, comparisons: Sequence[Comparison]) -> list[Verdict]:
    """One verdict each. A batch that raises or comes back malformed is asked again one by one.

    Raises `ConfigError` as the judge does: a wrong key or model name would fail every other question alike.
    """
    try:
        return _answers(judge, comparisons)
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        if len(comparisons) == 1:
            return [failure_of(error)]
    return [verdict for comparison in comparisons for verdict in ask(judge, [comparison])]


def _answers(judge: Judge, comparisons: Sequence[Comparison]) -> list[Verdict]:
    verdicts = list(judge.compare(comparisons))
    if len(verdicts) != len(comparisons):
        raise ValueError(f"compare returned {len(verdicts)} verdicts for {len(comparisons)} comparisons")
    return [checked(verdict) for verdict in verdicts]


def checked(verdict: Verdict) -> Verdict:
    """The verdict, or a failure where its numbers are none. Raises `TypeError` for anything but a verdict."""
    if not isinstance(verdict, Verdict) or not isinstance(verdict.status, Status):
        raise TypeError(f"the judge returned {str(verdict)[:80]!r} where a Verdict with a Status was expected")
    if verdict.status is Status.OK and not _finite(verdict):
        shown = f"scores {verdict.score_a!r} and {verdict.score_b!r}, probability {verdict.p_a!r}"
        return Verdict.failure(Status.NON_FINITE, shown)
    return verdict


def _finite(verdict: Verdict) -> bool:
    """False for NaN, infinity, or a probability outside [0, 1]."""
    a, b, p = verdict.score_a, verdict.score_b, verdict.p_a
    return (a is None or a - a == 0) and (b is None or b - b == 0) and (p is None or 0 <= p <= 1)


def failure_of(error: BaseException) -> Verdict:
    """The verdict an exception stands for."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, TransientError) and error.status in TRANSIENT:
        return Verdict.failure(Status(error.status), str(error))
    if isinstance(error, ImageError):
        return Verdict.failure(Status.IMAGE_ERROR, str(error))
    # Torch's out-of-memory error is known by name: the core does not import torch.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Verdict.failure(Status.OUT_OF_MEMORY, text)
    if isinstance(error, TimeoutError):
        return Verdict.failure(Status.TIMEOUT, text)
    if isinstance(error, ConnectionError):
        return Verdict.failure(Status.API_ERROR, text)
    return Verdict.failure(Status.JUDGE_ERROR, text)
