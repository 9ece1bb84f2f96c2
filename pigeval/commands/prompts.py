"""`pigeval prompts`: lists prompts, shows one, fetches official templates from their repositories."""

from __future__ import annotations

import argparse
from pathlib import Path

from pigeval.listing import printable


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="our own prompts, and official ones with where they are from")
    show = actions.add_parser("show", help="print a prompt as a judge would use it")
    show.add_argument("name", help="as `pigeval prompts list` has it")
    show.add_argument("--own", action="store_true", help="our own wording, even where the official one was fetched")
    fetch = actions.add_parser("fetch", help="get an official template, check its hash, keep it")
    fetch.add_argument("name", help="as `pigeval prompts list` has it; `all`: every one")
    fetch.add_argument("--from", type=Path, dest="given", metavar="FILE",
                       help="instead of the network: the source file, or a checkout of its repository")  # fmt: skip


def main(options: argparse.Namespace) -> int:
    """Lists, shows or fetches."""
    if options.action == "list":
        _list()
    elif options.action == "show":
        _show(options.name, options.own)
    else:
        _fetch(options.name, options.given)
    return 0


def _list() -> None:
    from tabulate import tabulate

    from adapters.prompts.official import table
    from adapters.prompts.wording import own_names

    official = table()
    rows = []
    for name in sorted({*official, *own_names()}):
        template = official.get(name)
        source = f"{template.repository}@{template.commit[:7]} {template.file}" if template else ""
        state = ("fetched" if template.place.is_file() else "not fetched") if template else ""
        rows.append((name, "yes" if name in own_names() else "", state, source))
    print(tabulate(rows, ("prompt", "own wording", "official", "source of the official one"), tablefmt="simple"))


def _show(name: str, own: bool) -> None:
    from adapters.prompts.official import table
    from adapters.prompts.wording import own_names, wording
    from harness.errors import unknown

    if name not in {*own_names(), *table()}:
        raise unknown("prompt", name, {*own_names(), *table()}, "`pigeval prompts list` shows all")
    prompt = "own" if own else "auto" if name in own_names() else "official"
    text = wording(name, prompt)
    print(printable(f"{name}, {text.origin}, SHA-256 {text.sha256}"))
    # Line by line: an official text is somebody else's and may hold control characters.
    print("\n".join(printable(line) for line in text.text.split("\n")))


def _fetch(name: str, given: Path | None) -> None:
    from adapters.prompts.official import fetch, table, template
    from harness.errors import ConfigError

    # A checkout is of one repository.
    here = [t for t in table().values() if given is None or (given / t.file).is_file()]
    if name == "all" and not here:
        raise ConfigError(
            f"{given}: holds none of the files of `pigeval prompts list`; expected a checkout of one of them"
        )
    for wanted in here if name == "all" else [template(name)]:
        place = fetch(wanted.name, given)
        print(f"{wanted.name}: {wanted.characters} characters of {wanted.repository}@{wanted.commit[:7]}, the hash is "
              f"right; kept as {place}")  # fmt: skip
