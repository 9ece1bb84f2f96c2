"""What the small PIGReward learned, in tables of stored runs. `python -m benchmarks.tiny RUNS …`.

RUNS is a folder that one of the suites tiny, tiny-curve and tiny-ablation filled. Values are `decisive_half_acc` in
percent: of the pairs the user decided, half a point for a tie. Intervals are 95 %, users and sets resampled.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tabulate import tabulate

from harness.log import Run, find_runs
from harness.metrics import MEASURES, Outcomes, combine_orders, compare, count, interval
from harness.views import outcomes_of

MEASURE = MEASURES["decisive_half_acc"]
BLIND = "blind-ceiling"

Key = tuple[str, int, str]
"""Judge as it was named, number of references, whose they are."""
Runs = Mapping[Key, Outcomes]


def read(folder: Path) -> Runs:
    """The outcomes of every run in a folder, both orders of a pair combined."""
    return {_key(run): combine_orders(outcomes_of(run)) for run in find_runs(folder)}


def _key(run: Run) -> Key:
    protocol = run.info["protocol"]
    return run.name, int(protocol["k"]), str(protocol["references"])


def report(runs: Runs) -> str:
    """The tables these runs can fill, in Markdown."""
    columns = ("judge", "references", "accuracy", "95 % interval", "decided pairs", "failures")
    tables = (
        ("Accuracy", columns, [*accuracies(runs)]),
        ("Differences in points", ("judge", "difference", "points", "95 % interval"), [*differences(runs)]),
        ("Accuracy by number of references", ("judge", *map(str, sizes(runs))), [*curve(runs)]),
    )
    shown = ((title, tabulate(rows, head, "pipe", disable_numparse=True)) for title, head, rows in tables if rows)
    return "\n\n".join(f"**{title}**\n\n{table}" for title, table in shown)


def accuracies(runs: Runs) -> Iterator[tuple[str, ...]]:
    """With the most references there are: every judge."""
    most = max(sizes(runs))
    for (judge, k, whose), outcomes in sorted(runs.items()):
        if k == most:
            counts, ends = count(outcomes), interval(outcomes, MEASURE)
            decided, failures = counts.decisive, counts.missing + counts.missing_on_tie
            yield judge, whose, _percent(MEASURE.value(counts)), _ends(ends.low, ends.high), f"{decided}", f"{failures}"


def differences(runs: Runs) -> Iterator[tuple[str, str, str, str]]:
    """Own less another user's references; without, and with another user's, less the user-blind ceiling."""
    most = max(sizes(runs))
    blind = runs[BLIND, most, "own"]
    for judge in sorted({judge for judge, _, whose in runs if whose == "other"}):
        own, other, none = (runs.get((judge, most, whose)) for whose in ("own", "other", "none"))
        pairs = (
            ("own - other's", own, other),
            ("other's - blind ceiling", other, blind),
            ("none - blind ceiling", none, blind),
        )
        yield from ((judge, name, *_difference(a, b)) for name, a, b in pairs if a is not None and b is not None)


def _difference(first: Outcomes, second: Outcomes) -> tuple[str, str]:
    test = compare(first, second, MEASURE)
    return f"{100 * test.difference:+.2f}", _ends(test.interval.low, test.interval.high)


def curve(runs: Runs) -> Iterator[tuple[str, ...]]:
    """With the user's own references, at every number of them; nothing where there is one number."""
    if len(sizes(runs)) > 1:
        for judge in sorted({judge for judge, _, _ in runs}):
            found = (runs.get((judge, k, "own")) for k in sizes(runs))
            yield judge, *("–" if one is None else _percent(MEASURE.value(count(one))) for one in found)


def sizes(runs: Runs) -> list[int]:
    """The numbers of references there are."""
    return sorted({k for _, k, _ in runs})


def _percent(value: float) -> str:
    return f"{100 * value:.2f}"


def _ends(low: float, high: float) -> str:
    return f"{100 * low:.2f} to {100 * high:.2f}"


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        print(report(read(Path(folder))), end="\n\n")
