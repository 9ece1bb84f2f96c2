"""`pigeval show`: one judged item in full, or a list of items to choose from."""

from __future__ import annotations

import argparse
import json
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pigeval.cli import add_sources
from pigeval.listing import printable

if TYPE_CHECKING:
    from harness.records import Image
    from pigeval.shown import Shown

INDENT = "  "
LISTED = ("item", "id", "user", "gold", "winner", "status", "flags")


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder")
    parser.add_argument("item", nargs="?", metavar="ITEM", help="item or id, or its first digits; none: lists some")
    parser.add_argument("--examples", type=int, metavar="N", help="show N items, the same of every run, in full")
    parser.add_argument("--wrong", action="store_true", help="list only where judge and user differ")
    parser.add_argument("--images", choices=("auto", "always", "never"), default="auto",
                        help="thumbnails (auto: in a terminal with 24-bit colour)")  # fmt: skip
    parser.add_argument("--width", type=int, default=28, metavar="N", help="characters a thumbnail is wide (28)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_sources(parser)


def main(options: argparse.Namespace) -> int:
    """Prints the item, each order it was asked in."""
    from harness.log import read_run
    from harness.progress import default_progress
    from harness.registry import Registry
    from pigeval.shown import examples, listed, rows_of, shown
    from pigeval.thumbnails import supported

    run = read_run(options.run)
    if options.item is None and not options.examples:
        return _list(listed(run, wrong=options.wrong), options.json)
    rows = examples(run, options.examples) if options.item is None else rows_of(run, options.item)
    found = shown(run, rows, Registry("data set", options.plugin), default_progress())
    if options.json:
        print(json.dumps([_plain(one) for one in found], indent=2))
        return 0
    thumbnails = options.images == "always" or (options.images == "auto" and supported())
    for one in found:
        print("\n".join(_page(one, max(4, options.width) if thumbnails else 0)))
    return 0


def _list(rows: Sequence[dict[str, Any]], as_json: bool) -> int:
    if as_json:
        print(json.dumps([{key: row[key] for key in LISTED} for row in rows], indent=2))
        return 0
    for row in rows:
        flags = f"  flags: {', '.join(row['flags'])}" if row["flags"] else ""
        print(printable(f"{row['item'][:12]}  user chose {row['gold']:3}  judge: {_said(row)}{flags}"))
    return 0


def _said(row: dict[str, Any]) -> str:
    return str(row["winner"] or row["status"])


def _page(one: Shown, width: int) -> Iterator[str]:
    """The lines of one comparison."""
    row = one.answer
    yield f"item {row['item']}, id {row['id']}, {'A and B as drawn' if row['order'] == 0 else 'A and B exchanged'}"
    if one.note:
        yield printable(one.note)
    if one.comparison is not None:
        for number, reference in enumerate(one.comparison.references, 1):
            yield f"reference {number}: {printable(reference.prompt)}"
            yield from _pictures("preferred", reference.preferred, width)
            yield from _pictures("rejected", reference.rejected, width)
        yield f"prompt: {printable(one.comparison.prompt)}"
        yield from _pictures("A, B", (one.comparison.image_a, one.comparison.image_b), width)
    if one.context:
        yield from _text("context", one.context)
    yield from _answer(row)
    yield ""


def _answer(row: dict[str, Any]) -> Iterator[str]:
    for dimension in row["dimensions"] or ():
        reason = f" - {dimension['reason']}" if dimension["reason"] else ""
        yield printable(f"{INDENT}{dimension['name']}: A {dimension['score_a']:g}, B {dimension['score_b']:g}{reason}")
    if row["rationale"]:
        yield from _text("reasoning", row["rationale"])
    if row["raw"] and row["raw"] != row["rationale"]:
        yield from _text("output", row["raw"])
    numbers = {"score A": row["score_a"], "score B": row["score_b"], "probability of A": row["p_a"]}
    yield from (f"{name}: {value:.4g}" for name, value in numbers.items() if value is not None)
    if row["flags"]:
        yield printable(f"flags: {', '.join(row['flags'])}")
    agrees = "" if row["winner"] is None else " (agrees)" if row["winner"] == row["gold"] else " (differs)"
    yield f"user chose: {row['gold']}; judge: {_said(row)}{agrees}"


def _pictures(title: str, images: Sequence[Image], width: int) -> Iterator[str]:
    from harness.errors import ImageError
    from pigeval.thumbnails import beside

    if not images:
        return
    try:
        told = [f"{image.digest[:8]} ({image.size[0]}×{image.size[1]})" for image in images]
        yield f"{INDENT}{title}: {', '.join(told)}"
        if width:
            yield from (INDENT + line for line in beside([image.decode() for image in images], width))
    except ImageError as error:
        yield f"{INDENT}{title}: {printable(str(error))}"


def _text(title: str, text: str) -> Iterator[str]:
    yield f"{title}:"
    columns = max(40, shutil.get_terminal_size().columns - len(INDENT))
    for line in text.splitlines():
        yield from (INDENT + part for part in textwrap.wrap(printable(line), columns) or [""])


def _plain(one: Shown) -> dict[str, Any]:
    """What `--json` prints: the row, and the texts and image digests of what was asked."""
    asked: dict[str, Any] = {}
    if one.comparison is not None:
        c = one.comparison
        asked = {
            "prompt": c.prompt,
            "image_a": c.image_a.digest,
            "image_b": c.image_b.digest,
            "references": [
                {
                    "prompt": r.prompt,
                    "preferred": [image.digest for image in r.preferred],
                    "rejected": [image.digest for image in r.rejected],
                }
                for r in c.references
            ],
        }
    return {"answer": one.answer, "asked": asked, "context": one.context, "note": one.note}
