"""The answers of a run, brought into the order in which all runs on the same items can be laid side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harness.errors import DataError, RunError
from harness.log import Run
from harness.metrics import Outcomes, Position, combine_orders, position
from harness.metrics.probabilities import Probabilities, probabilities
from harness.views import Usage, outcomes_of, usage_of
from leaderboard.facts import Facts, place


@dataclass(frozen=True, eq=False)
class Sheet:
    """A run as columns."""

    facts: Facts
    place: str
    """Where the run lies."""
    outcomes: Outcomes
    """One row an item, both orders combined, sorted by item."""
    users: tuple[str, ...]
    """Pseudonyms by code; empty where users are unknown."""
    position: Position | None
    """None where each pair was asked in one order only."""
    usage: Usage
    probabilities: Probabilities | None

    @cached_property
    def questions(self) -> str:
        """Digest of items, labels, users and pairs: equal where two runs can stand in one table."""
        o = self.outcomes
        return _digest((o.item, o.gold, o.user, o.group, o.pair, np.array(self.users, dtype="S")))

    @cached_property
    def answers(self) -> str:
        """Digest of what was answered."""
        o = self.outcomes
        return _digest((o.winner, o.score_a, o.score_b, o.p_a, np.asarray(o.status).astype("S")))


def read_sheet(run: Run, facts: Facts) -> Sheet:
    """Raises `RunError` for a run that is unfinished or whose tables are damaged."""
    try:
        asked = outcomes_of(run)
        turned = position(asked)
        combined = combine_orders(asked)
        usage = usage_of(run)
        users = np.unique(run.table["user"].to_numpy()).tolist() if (asked.user >= 0).any() else []
        told = probabilities(asked, users)
    except (DataError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise RunError(f"{place(run)}: {error}; restore the files or run again with --fresh") from error
    ordered = combined.take(np.argsort(combined.item))
    return Sheet(facts, place(run), ordered, tuple(map(str, users)), turned if turned.items else None, usage, told)


def _digest(columns: Iterable[NDArray[Any]]) -> str:
    parts = (hashlib.sha256(np.ascontiguousarray(column).tobytes()).digest() for column in columns)
    return hashlib.sha256(b"".join(parts)).hexdigest()
