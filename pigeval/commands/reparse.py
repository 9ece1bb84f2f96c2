"""`pigeval reparse`: another parser for the stored outputs of a run."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pigeval.listing import printable


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder of a generative judge")
    parser.add_argument("--parser", required=True, metavar="NAME", help="a parser; a wrong name lists them")
    parser.add_argument("--out", type=Path, metavar="DIR", help="results folder of the new run (beside the old one)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def main(options: argparse.Namespace) -> int:
    """Writes the run and says how many verdicts are others."""
    from harness.log import read_run
    from harness.parsers import parser_of
    from pigeval.reparsing import reparse

    run, parser = read_run(options.run), parser_of(options.parser)
    done = reparse(run, parser, options.out or run.folder.parent.parent)
    if options.json:
        changes = [{"before": old, "after": new, "count": n} for (old, new), n in done.changes.items()]
        print(json.dumps({"run": str(done.run.folder), "parser": str(parser), "changes": changes}, indent=2))
        return 0
    print(printable(f"{done.run.folder}: {run.name} read by {parser}; no model was asked"))
    for (old, new), n in done.changes.items():
        print(f"{n} × {old} is now {new}")
    print(f"{sum(done.changes.values())} of {done.run.info['comparisons']} verdicts changed")
    return 0
