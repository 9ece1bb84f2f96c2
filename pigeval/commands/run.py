"""`pigeval run`: judges × data sets × protocols, from options or from a suite file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from harness.errors import ConfigError, RunError
from harness.protocol import Name, Orders, Protocol, Recipe, Reveal, Whose
from harness.registry import registries
from pigeval.cli import FAILED, add_sources, say
from pigeval.listing import printable

if TYPE_CHECKING:
    from harness.log import Run
    from pigeval.matrix import Matrix
    from pigeval.suite import Suite


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "suite", type=Path, nargs="?", metavar="SUITE", help="TOML file of judges × data sets × protocols"
    )
    parser.add_argument("--judge", action="append", default=[], metavar="SPEC",
                        help="name or name:key=value,key=value (repeatable)")  # fmt: skip
    parser.add_argument("--dataset", metavar="SPEC", help="name or name:key=value,key=value")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="results folder (results/)")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only show what would be asked, and estimate what a server would take for it",
    )
    parser.add_argument("--fresh", action="store_true", help="ignore earlier verdicts of the same run")
    parser.add_argument("--no-lines", action="store_true", help="leave out the data set's reference lines")
    parser.add_argument("--batch", type=_positive, default=32, metavar="N", help="comparisons asked at once (32)")
    parser.add_argument("--workers", type=_positive, metavar="N", help="threads that read images")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_sources(parser)
    add_protocol(parser.add_argument_group("protocol"))


def add_protocol(group: argparse._ArgumentGroup) -> None:
    """Options that say which comparisons are asked."""
    group.add_argument("--protocol", choices=get_args(Name), default="auto", dest="name")
    group.add_argument("--k", type=int, default=8, help="references a target: past choices (8)")
    group.add_argument("--require-k", action="store_true", help="drop targets with fewer than k references")
    group.add_argument("--pairs", choices=get_args(Recipe), default="auto",
                       help="pairs asked of a ranked set; auto: the data set's own recipe, else all")  # fmt: skip
    group.add_argument("--reveal", choices=get_args(Reveal), default="best-over-worst", help="what a reference shows")
    group.add_argument("--references", choices=get_args(Whose), action="append",
                       help="whose references; repeatable: judges that read references run once for each")  # fmt: skip
    group.add_argument("--orders", choices=get_args(Orders), default="one", help="ask each pair in one or both orders")
    group.add_argument("--targets", type=int, metavar="N", help="at most N targets a user")
    group.add_argument("--users", type=int, metavar="N", help="at most N users")
    group.add_argument("--limit", type=int, metavar="N", help="at most N pairs in all")
    group.add_argument("--seed", type=int, default=0)


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def main(options: argparse.Namespace) -> int:
    """Runs, or shows what would be run."""
    from harness.progress import default_progress
    from pigeval.matrix import Matrix
    from pigeval.session import Options

    settings = Options(options.batch, options.workers, options.fresh, not options.no_lines)
    sources = registries(options.plugin, options.catalogue)
    matrix = Matrix(_suite(options), sources, settings, default_progress(), strict=options.suite is None)
    matrix.check()
    if options.dry_run:
        return _dry_run(matrix, options.json)
    return _report(matrix, list(matrix.runs(options.out)), options.json)


def _suite(options: argparse.Namespace) -> Suite:
    """The suite named, or one made of the options."""
    from pigeval.suite import Suite, SuiteDataset, SuiteJudge, read_suite

    if options.suite is not None:
        if options.judge or options.dataset:
            raise ConfigError(f"{options.suite} says which judges and data sets; leave out --judge and --dataset")
        return read_suite(options.suite)
    if not options.judge or not options.dataset:
        raise ConfigError("nothing to run; expected --judge NAME --dataset NAME, or a suite file")
    judges = tuple(SuiteJudge(spec) for spec in options.judge)
    return Suite("", judges, (SuiteDataset(options.dataset, protocol_of(options)),))


def protocol_of(options: argparse.Namespace) -> dict[str, Any]:
    """Fields of `Protocol` from the options of `add_protocol`; `references` is a list."""
    protocol = {f.name: getattr(options, f.name) for f in fields(Protocol)}
    return {**protocol, "references": list(dict.fromkeys(options.references or ["own"]))}


def _dry_run(matrix: Matrix, as_json: bool) -> int:
    shown = list(matrix.dry_run())
    if as_json:
        print(json.dumps({"would run": shown, "left out": matrix.left_out_rows()}, indent=2, default=_as_json))
        return 0
    _print_facts(matrix)
    for facts in shown:
        estimates = facts.pop("estimates")
        for key, value in facts.items():
            print(f"{key}: {_plain(value)}")
        for spec, estimate in estimates.items():
            print(printable(f"{spec}: {estimate}"))
        print()
    _print_left_out(matrix)
    print("dry run: no image was read, no model loaded, nobody asked, nothing written")
    return 0


def _as_json(estimate: Any) -> Any:
    return asdict(estimate) if is_dataclass(estimate) and not isinstance(estimate, type) else str(estimate)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        value = [f"{key}: {n}" for key, n in value.items()] or ["nothing"]
    return printable(", ".join(value) if isinstance(value, list) else str(value))


def _print_facts(matrix: Matrix) -> None:
    from harness.choices import lines_of

    for _, session in matrix.sessions:
        for line in lines_of(session.dataset):
            print(printable(line))


def _print_left_out(matrix: Matrix) -> None:
    for row in matrix.left_out_rows():
        print(f"left out: {printable(row['what'])}: {printable(row['reason'])}")
        if row["get"]:
            print(f"  to have it: {printable(row['get'])}")


def _report(matrix: Matrix, runs: Sequence[Run], as_json: bool) -> int:
    """Prints what came out; the exit code says whether every comparison was answered from readable images."""
    from pigeval.summary import summaries, summary_table

    rows = summaries(runs)
    if as_json:
        print(json.dumps({"runs": rows, "left out": matrix.left_out_rows(), "notes": matrix.notes}, indent=2))
    else:
        _print_facts(matrix)
        for title, group in _by_plan(runs):
            print(f"\n{title}")
            print(summary_table(summaries(group)))
        _print_left_out(matrix)
        print("".join(f"{printable(note)}\n" for note in matrix.notes), end="")
    _complain(runs)
    return FAILED if not runs or any(row["state"] != "complete" or row["image_errors"] for row in rows) else 0


def _by_plan(runs: Sequence[Run]) -> list[tuple[str, list[Run]]]:
    """Runs on the same items under one heading: data set, protocol, items."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        protocol = run.info["protocol"]["line"].replace(f" references={run.info['protocol']['references']}", "")
        groups.setdefault(f"{run.info['dataset']['name']}, {protocol}, items {run.info['item_digest'][:8]}", []).append(
            run
        )
    return list(groups.items())


def _complain(runs: Sequence[Run]) -> None:
    """Says which runs miss answers, why, and what to do; on standard error."""
    for run in runs:
        if not run.complete:
            left = ", ".join(f"{n} {status}" for status, n in run.info["unanswered"].items())
            first = "raise the budget: then " if "budget" in run.info["unanswered"] else ""
            say(f"{run.name}: not finished ({left}); {first}the same command asks these again", FAILED)
        elif "image_error" in run.info["status"]:
            say(f"{run.name}: {first_image_error(run)}; correct it, then run with --fresh", FAILED)


def first_image_error(run: Run) -> str:
    """How many comparisons failed for their images, and the first one's item and reason."""
    import pyarrow.compute as pc

    table = run.table
    failed = table.filter(pc.equal(table["status"].cast("string"), "image_error"))
    if not failed.num_rows:
        raise RunError(f"{run.folder}: run.json counts image errors that the verdicts do not show; run with --fresh")
    first = failed.slice(0, 1).to_pylist()[0]
    return f"{failed.num_rows} comparisons failed for an image; item {first['item']}: {printable(first['raw'] or '')}"
