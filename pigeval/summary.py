"""A few lines on what runs came to; the leaderboard says more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from harness.log import Run
from harness.metrics import MEASURES, combine_orders, count
from harness.views import outcomes_of, usage_of
from pigeval.listing import printable

SHOWN = ("three_way_acc", "decisive_strict_acc", "decisive_half_acc", "failure_rate")


def summaries(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """For each run: judge, folder, state, counts and measures (fractions; None where there is no data)."""
    return [_summary(run) for run in runs]


def _summary(run: Run) -> dict[str, Any]:
    row: dict[str, Any] = {
        "judge": run.name,
        "kind": run.info["judge"]["kind"],
        "references": run.info["protocol"]["references"],
        "folder": str(run.folder),
        "state": run.info["state"],
        "image_errors": run.info.get("status", {}).get("image_error", 0),
    }
    if not run.complete:
        return {**row, **dict.fromkeys(("n", "tokens", "cost", "flagged")), **dict.fromkeys(SHOWN)}
    counts = count(combine_orders(outcomes_of(run)))
    usage = usage_of(run)
    values = {name: MEASURES[name].value(counts) for name in SHOWN}
    spent = {"tokens": usage.tokens, "cost": usage.cost, "flagged": usage.flagged}
    return {
        **row,
        "n": counts.n,
        **spent,
        **{name: None if math.isnan(value) else value for name, value in values.items()},
    }


def summary_table(rows: Sequence[dict[str, Any]]) -> str:
    """The summaries as a plain table, percentages with two decimals."""
    titles = [MEASURES[name].title for name in SHOWN]
    plain = ("kind", "references", "state", "n")
    body = [[printable(row["judge"]), *(row[key] for key in plain), *(_percent(row[n]) for n in SHOWN)] for row in rows]
    header = ["judge", "kind", "references", "state", "N", *titles]
    if any(row["tokens"] for row in rows):
        header += ["flagged", "tokens", "US$"]
        body = [[*line, *_spent(row)] for line, row in zip(body, rows, strict=True)]
    return tabulate(body, headers=header, disable_numparse=True)


def _spent(row: dict[str, Any]) -> tuple[str, ...]:
    """Flagged answers, tokens and price of a run, empty where unknown."""
    cost = "" if row["cost"] is None else f"{row['cost']:.4f}"
    return (*("" if row[name] is None else str(row[name]) for name in ("flagged", "tokens")), cost)


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{100 * value:.2f}"
