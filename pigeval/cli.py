"""The command line: parses, calls one command, turns errors into one line and an exit code."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from harness.errors import PigevalError
from pigeval.listing import printable

COMMANDS = {
    "judges": "list judges, or show one",
    "datasets": "list data sets, or show one",
    "fetch": "download a data set, after saying its licence and size",
    "inspect": "what is in a folder, archive or table: files, columns, types, first rows",
    "data": "what a data set holds: users, choices, ties, references, consensus, duplicates",
    "run": "run judges on a data set; the same command again resumes",
    "render": "draw the pictures of a data set whose own are gone",
    "leaderboard": "make the leaderboard of a results folder",
    "compare": "paired test of runs on the same items; the first is the baseline",
    "show": "one judged item in full: references, images, reasoning, scores, verdict",
    "explain": "what judges write about their verdicts: format, diversity, and how true it is where that is known",
    "reparse": "read the stored outputs of a run with another parser; no model is asked",
    "metrics": "measures and official rules of a stored run",
    "tally": "measures and official rules for verdicts made elsewhere, from a table",
    "rules": "list measures and official rules",
    "prompts": "list prompts, show one, fetch official templates and check their hashes",
    "train": "train PIGReward: a stage, or all of them; the same command again resumes",
    "convert": "turn a pickled release into files that runs can read",
}
"""Each is a module of `pigeval.commands`, imported when it is called."""

FAILED, INTERRUPTED = 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; 0 = done, 1 = an error or answers missing, 2 = wrong usage, 130 = interrupted."""
    options = _parser(sys.argv[1:] if arguments is None else arguments).parse_args(arguments)
    if options.version:
        print(version("pigeval"))
        return 0
    module = importlib.import_module(f"pigeval.commands.{options.command}")
    try:
        return int(module.main(options))
    except PigevalError as error:
        return say(f"error: {error}", FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return say(f"error: {where}{error.strerror or error}; what was answered is kept, run again to resume", FAILED)
    except KeyboardInterrupt:
        return say("interrupted; what was answered is kept, the same command goes on from there", INTERRUPTED)


def say(message: str, code: int) -> int:
    """Prints a message on standard error; the value is the exit code."""
    print(printable(f"pigeval: {message}"), file=sys.stderr)
    return code


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the options of the command that is called: the others' modules are not imported."""
    parser = argparse.ArgumentParser("pigeval", description="Evaluation of judges of text-to-image preference.")
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command", required="--version" not in arguments, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name in arguments:
            importlib.import_module(f"pigeval.commands.{name}").add(command)
    return parser


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Options that name judges and data sets from outside."""
    parser.add_argument("--plugin", type=Path, action="append", default=[], metavar="FILE",
                        help="Python file that defines judges or data sets (repeatable)")  # fmt: skip
    parser.add_argument("--catalogue", type=Path, action="append", default=[], metavar="FILE",
                        help="TOML file that lists judges (repeatable)")  # fmt: skip
