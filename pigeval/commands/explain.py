"""`pigeval explain`: what judges write about their verdicts: form, diversity, and how it stands to the truth."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from harness.errors import ConfigError
from pigeval.cli import add_sources


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("runs", type=Path, nargs="*", metavar="RUN",
                        help="run folders of generative judges that write dimensions")  # fmt: skip
    parser.add_argument("--teacher", type=Path, action="append", default=[], metavar="FOLDER",
                        help="folder of the stage cot of `pigeval train` (repeatable)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_sources(parser)


def main(options: argparse.Namespace) -> int:
    """Prints a row for each run and each teacher."""
    if not options.runs and not options.teacher:
        raise ConfigError(
            "explain: nothing is named; expected run folders, or --teacher with a folder of the stage cot"
        )
    from harness.progress import default_progress
    from harness.registry import Registry
    from pigeval.explained import report, text
    from pigeval.explaining import of_run, of_teacher

    datasets, progress = Registry("data set", options.plugin), default_progress()
    rows = [of_run(folder, datasets, progress) for folder in options.runs]
    rows += [of_teacher(folder, options.plugin, progress) for folder in options.teacher]
    found = report(rows)
    print(json.dumps(found, indent=2) if options.json else text(found))
    return 0
