"""A board as CSV files: one line a run, a judge ordered over data sets, or a published figure.

Percentages with two decimals, `n/a` where there was nothing to measure."""

from __future__ import annotations

import csv as library
import io
import math

from harness.metrics import Interval
from leaderboard.published.entries import Beside, Cell, Column, Line
from leaderboard.render import escape
from leaderboard.rows import VALUES, WITH_INTERVAL, Board, Ranked, Ranking, Row, Table
from leaderboard.words import NO_DATA, percent, points

_COUNTS = {
    "C": "correct", "D": "opposite", "Tm": "tie_on_decisive", "X": "missing", "Thm": "tie_on_tie",
    "Th": "decisive_on_tie", "Xh": "missing_on_tie", "N": "n",
}  # fmt: skip


def csv(board: Board) -> str:
    """Every row of every table; runs that are not ranked because they are unfinished are in the other forms."""
    return _text([_line(table, row) for table in board.tables for row in table.rows])


def ranking_csv(board: Board) -> str:
    """The order over data sets, one line a judge; strengths in log-odds, means in percentage points."""
    return _text([_ranked(judge, board.ranking) for judge in board.ranking.judges] if board.ranking else [])


def published_csv(board: Board) -> str:
    """Published figures, one line each, beside ours by the same rule where there is one."""
    return _text([
        _published(table, line, column, cell)
        for table in board.published
        for line in table.lines
        for column, cell in zip(table.columns, line.cells, strict=True)
    ])  # fmt: skip


def _text(lines: list[dict[str, str]]) -> str:
    file = io.StringIO()
    writer = library.DictWriter(file, list(lines[0]) if lines else ["data_set"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue()


def _ranked(judge: Ranked, ranking: Ranking) -> dict[str, str]:
    return {
        "rank": str(judge.rank),
        "rank_best": str(judge.rank_range.best or NO_DATA),
        "rank_worst": str(judge.rank_range.worst or NO_DATA),
        "judge": escape.csv(judge.name),
        "strength": f"{judge.strength:.4f}",
        "strength_low": NO_DATA if math.isnan(judge.low) else f"{judge.low:.4f}",
        "strength_high": NO_DATA if math.isnan(judge.high) else f"{judge.high:.4f}",
        "mean_above_chance": points(judge.above_chance),
        "rank_by_mean": str(judge.mean_rank or NO_DATA),
        "data_sets": str(len(judge.data_sets)),
        "data_sets_of_ranking": str(len(ranking.data_sets)),
    }


def _published(table: Beside, line: Line, column: Column, cell: Cell) -> dict[str, str]:
    return {
        "data_set": escape.csv(column.data_set),
        "judge": escape.csv(line.judge),
        "printed_as": escape.csv(line.row),
        "column": escape.csv(column.title),
        "published_rule": escape.csv(cell.rule or "not stated"),
        "published": f"{100 * cell.published:.{table.digits}f}",
        "our_run": escape.csv(line.run),
        "ours": percent(cell.ours),
        "difference": points(cell.difference),
        "reason": escape.csv(cell.reason),
        "source": escape.csv(table.source),
        "evidence": escape.csv(table.evidence),
    }


def _line(table: Table, row: Row) -> dict[str, str]:
    return {
        "data_set": escape.csv(table.dataset),
        "protocol": escape.csv(table.protocol),
        "items": escape.csv(table.item_digest),
        "part": row.part,
        "rank": str(row.rank or NO_DATA),
        "rank_best": str(row.rank_range.best or NO_DATA),
        "rank_worst": str(row.rank_range.worst or NO_DATA),
        "judge": escape.csv(row.name),
        "title": escape.csv(row.title),
        "references": escape.csv(row.references),
        "reads_references": str(row.reads_references).lower(),
        **{name: percent(row.values[name]) for name in VALUES},
        **{key: text for name in WITH_INTERVAL for key, text in _interval(name, row.intervals[name]).items()},
        **{symbol: str(getattr(row.counts, name)) for symbol, name in _COUNTS.items()},
        "failures": str(sum(row.failures.values())),
        "bound_low": percent(row.bounds.low),
        "bound_high": percent(row.bounds.high),
        **_gain(row),
        "swap_consistency": percent(row.position.swap_consistency) if row.position else NO_DATA,
        "first_position_rate": percent(row.position.first_position_rate) if row.position else NO_DATA,
        "questions_asked": str(row.usage.questions),
        "flagged_answers": str(row.usage.flagged),
        "tokens": NO_DATA if row.usage.tokens is None else str(row.usage.tokens),
        "us_dollars": NO_DATA if row.usage.cost is None else f"{row.usage.cost:.6f}",
        "questions": escape.csv(row.comparison_digest),
        "identity": escape.csv(row.identity),
    }


def _interval(name: str, interval: Interval) -> dict[str, str]:
    return {
        f"{name}_low": percent(interval.low),
        f"{name}_high": percent(interval.high),
        f"{name}_interval": interval.reason or f"{interval.method}: {interval.basis}",
    }


def _gain(row: Row) -> dict[str, str]:
    test = row.gain.test
    if test is None:
        return dict.fromkeys(("gain", "gain_low", "gain_high"), NO_DATA)
    return {
        "gain": points(test.difference),
        "gain_low": points(test.interval.low),
        "gain_high": points(test.interval.high),
    }
