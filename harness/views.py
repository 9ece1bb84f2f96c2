"""From the log to the metrics: the outcomes of a stored run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from harness.contexts import read_contexts
from harness.log import Run
from harness.metrics.outcomes import Outcomes
from harness.plan import NONE
from harness.records import WINNERS


def outcomes_of(run: Run) -> Outcomes:
    """Every comparison of a finished run, in the order of the log; both orders of a pair are still apart.

    Codes of users, sets and pairs are their places among the sorted pseudonyms, so they agree between runs on the same
    data; users are -1 where the data set does not know them. Raises `RunError` for an unfinished or damaged run.
    """
    table = run.table
    known_users = run.info["dataset"].get("has_users", True)
    return Outcomes(
        gold=_answers(table["gold"]),
        winner=_answers(table["winner"]),
        user=_codes(table["user"]) if known_users else np.full(table.num_rows, -1, dtype=np.int32),
        group=_codes(table["set"]),
        pair=_codes(table["pair"]),
        item=np.frombuffer(bytes.fromhex("".join(table["item"].to_pylist())), dtype="V16"),
        order=table["order"].to_numpy(),
        score_a=_floats(table["score_a"]),
        score_b=_floats(table["score_b"]),
        p_a=_floats(table["p_a"]),
        weight=_floats(table["weight"]),
        status=table["status"].cast(pa.string()).to_numpy(),
    )


@dataclass(frozen=True, slots=True)
class Usage:
    """What the answers of a run took and how many were odd."""

    questions: int
    tokens: int | None
    """Read and written, in all; None where no answer tells."""
    cost: float | None
    """US dollars, in all; None where no price is known."""
    flagged: int
    """Answers with a flag: usable perhaps, yet not as they were asked for."""


def usage_of(run: Run) -> Usage:
    """Tokens, price and flags of a finished run, the texts about its users included."""
    table = run.table
    written = read_contexts(run.folder).values()
    tokens = _total(table["tokens"], (text.get(key) for text in written for key in ("tokens_in", "tokens_out")))
    cost = _total(table["cost"], (text.get("cost") for text in written))
    flagged = table.num_rows - table["flags"].null_count
    return Usage(table.num_rows, None if tokens is None else int(tokens), cost, flagged)


def _total(column: pa.ChunkedArray, more: Iterable[Any]) -> float | None:
    parts = [pc.sum(column).as_py(), *more]
    known = [part for part in parts if isinstance(part, int | float)]
    return sum(known) if known else None


def _answers(column: pa.ChunkedArray) -> NDArray[np.int8]:
    text = column.cast(pa.string()).to_numpy()
    codes: NDArray[Any] = pd.Index(WINNERS).get_indexer(text)
    return np.where(codes < 0, NONE, codes).astype(np.int8)


def _codes(column: pa.ChunkedArray) -> NDArray[np.int32]:
    codes: NDArray[np.int32] = pd.factorize(column.to_numpy(), sort=True)[0].astype(np.int32)
    return codes


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.to_numpy().astype(np.float64)
    return values
