"""The tables a reader sees: a short one, its counts and details, and one with a group of columns for each data set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from leaderboard.blocks import Grid
from leaderboard.rows import PARTS, Row, Table
from leaderboard.words import Reasons, clip, no_value, percent, short

MAIN = (
    "#", "judge", "refs", "acc w/ tie", "acc w/o tie", "ties at half", "95 % interval", "half credit",
    "excl. (coverage)", "gain", "failures", "rank range",
)  # fmt: skip

RANKED_ONLY = frozenset({"gain", "rank range"})
"""Columns that say nothing of a row that is not ranked."""

DETAILS = (
    "#", "judge", "refs", "C", "D", "Tm", "X", "Thm", "Th", "Xh", "N", "failures by status", "were failures answered",
    "95 % of acc w/ tie",
)  # fmt: skip

WIDE = ("three_way_acc", "decisive_strict_acc")
"""Measures shown for each data set in the wide table."""


def references(row: Row) -> str:
    """Whose past choices the judge saw."""
    return clip(row.references) if row.reads_references else "not read"


def main_grid(rows: Sequence[Row], reasons: Reasons) -> Grid:
    """One line a run, for reading."""
    ranked = any(row.part == "judge" for row in rows)
    header = tuple(name for name in MAIN if ranked or name not in RANKED_ONLY)
    lines = [dict(zip(MAIN, _main(row, reasons), strict=True)) for row in rows]
    return Grid(header, tuple(tuple(line[name] for name in header) for line in lines), left=3)


def _main(row: Row, reasons: Reasons) -> tuple[str, ...]:
    ranked = row.part == "judge"
    return (
        str(row.rank or "–"),
        clip(row.name),
        references(row),
        reasons.value(row, "three_way_acc"),
        reasons.value(row, "decisive_strict_acc"),
        reasons.value(row, "decisive_half_acc"),
        reasons.interval(row.intervals["decisive_half_acc"]),
        reasons.value(row, "half_credit_acc"),
        _excluded(row, reasons),
        reasons.gain(row.gain) if ranked else "",
        str(sum(row.failures.values())),
        reasons.rank_range(row.rank_range) if ranked else "",
    )


def _excluded(row: Row, reasons: Reasons) -> str:
    value = reasons.value(row, "decisive_excl_acc")
    return value if math.isnan(row.values["decisive_excl_acc"]) else f"{value} ({percent(row.values['coverage'])})"


def detail_grid(rows: Sequence[Row], reasons: Reasons) -> Grid:
    """The eight counts and what else is known of each run; columns that no run has are left out."""
    extra = _optional(rows, reasons)
    header = (*DETAILS, *extra, "questions", "identity")
    lines = [
        (
            *_details(row, reasons),
            *(column[i] for column in extra.values()),
            short(row.comparison_digest),
            short(row.identity),
        )
        for i, row in enumerate(rows)
    ]
    return Grid(header, tuple(lines), left=3)


def _details(row: Row, reasons: Reasons) -> tuple[str, ...]:
    c = row.counts
    counts = (
        c.correct,
        c.opposite,
        c.tie_on_decisive,
        c.missing,
        c.tie_on_tie,
        c.decisive_on_tie,
        c.missing_on_tie,
        c.n,
    )
    failures = ", ".join(f"{status}: {n}" for status, n in row.failures.items()) or "none"
    span = reasons.interval(row.intervals["three_way_acc"])
    return (
        str(row.rank or "–"),
        clip(row.name),
        references(row),
        *map(str, counts),
        failures,
        _bounds(row, reasons),
        span,
    )


def _bounds(row: Row, reasons: Reasons) -> str:
    if not row.failures:
        return "–"
    if math.isnan(row.bounds.low):
        return reasons.none(no_value("decisive_half_acc", row.counts))
    return f"{percent(row.bounds.low)} to {percent(row.bounds.high)}"


def _optional(rows: Sequence[Row], reasons: Reasons) -> Mapping[str, list[str]]:
    """Columns by heading."""
    columns: dict[str, list[str]] = {}
    if any(row.counts.ties for row in rows):
        columns["tie F1"] = [reasons.value(row, "tie_f1") for row in rows]
    if any(row.calibrated for row in rows):
        columns["acc w/ tie@cal (eps)"] = [_calibrated(row, reasons) for row in rows]
    if any(row.wilson.available for row in rows):
        columns["Wilson of acc w/ tie"] = [reasons.interval(row.wilson) for row in rows]
    if any(row.probabilities for row in rows):
        columns["Brier (fitted)"] = [_brier(row) for row in rows]
    if any(row.usage.flagged for row in rows):
        columns["flagged answers"] = [percent(row.usage.flagged / row.usage.questions) for row in rows]
    if any(row.usage.tokens for row in rows):
        columns["tokens a question"] = [_each(row.usage.tokens, row.usage.questions, "{:.0f}") for row in rows]
    if any(row.usage.cost for row in rows):
        columns["US$ a thousand"] = [_each(row.usage.cost, row.usage.questions / 1000, "{:.2f}") for row in rows]
    if any(row.position for row in rows):
        columns["swap consistency"] = [percent(row.position.swap_consistency) if row.position else "–" for row in rows]
        columns["first position"] = [_first_position(row, reasons) for row in rows]
    return columns


def _brier(row: Row) -> str:
    told = row.probabilities
    return "–" if told is None else f"{told.brier:.3f} ({told.fitted_brier:.3f})"


def _each(total: float | None, n: float, form: str) -> str:
    return "–" if total is None else form.format(total / n)


def _calibrated(row: Row, reasons: Reasons) -> str:
    if row.calibrated is None:
        return reasons.none("no score for every answer, so no threshold to fit")
    return f"{percent(row.calibrated.value)} ({row.calibrated.eps:.4g})"


def _first_position(row: Row, reasons: Reasons) -> str:
    if row.position is None:
        return "–"
    rate = row.position.first_position_rate
    return reasons.none("the judge never decided") if math.isnan(rate) else percent(rate)


def wide_grid(tables: Sequence[Table], titles: Sequence[str], reasons: Reasons) -> Grid:
    """Judges down by name, data sets across, with and without ties for each."""
    parts = list(PARTS)
    found: dict[tuple[int, str, str], dict[int, Row]] = {}
    for column, table in enumerate(tables):
        for row in table.rows:
            if row.part != "companion":
                found.setdefault((parts.index(row.part), row.name, references(row)), {})[column] = row
    return Grid(
        header=("kind", "judge", "refs", *("acc w/ tie", "acc w/o tie") * len(titles)),
        rows=tuple(
            (parts[part], clip(name), refs, *_across(found[part, name, refs], len(tables), reasons))
            for part, name, refs in sorted(found)
        ),
        left=3,
        groups=tuple((title, len(WIDE)) for title in titles),
    )


def _across(rows: Mapping[int, Row], n: int, reasons: Reasons) -> Iterator[str]:
    for column in range(n):
        yield from (reasons.value(rows[column], name) if column in rows else "–" for name in WIDE)


def titles_of(tables: Iterable[Table]) -> list[str]:
    """Headings of the tables: data sets, numbered where one has several tables (other protocols or items)."""
    names = [clip(table.dataset) for table in tables]
    return [
        name if names.count(name) == 1 else f"{name}, table {names[: i + 1].count(name)} of {names.count(name)}"
        for i, name in enumerate(names)
    ]
