"""Parsers by name: ours and a stranger's alike, from the entry-point group `pigeval.parsers`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

from harness.errors import ConfigError, unknown
from harness.generation import Parser

GROUP = "pigeval.parsers"
"""An entry point names a `Parser`, or a mapping of names to parsers."""


def parsers() -> dict[str, Parser]:
    """Every parser. Raises `ConfigError` for an entry point that holds none."""
    found: dict[str, Parser] = {}
    for point in entry_points(group=GROUP):
        held = point.load()
        several = held if isinstance(held, Mapping) else {point.name: held}
        for name, parser in several.items():
            if not isinstance(parser, Parser):
                raise ConfigError(f"entry point {point.name} = {point.value}: {name} is no Parser")
            found[name] = parser
    return found


def parser_of(name: str) -> Parser:
    """The parser of a name. Raises `ConfigError` with the nearest names."""
    known = parsers()
    if name not in known:
        raise unknown("parser", name, known, f"there are: {', '.join(sorted(known))}")
    return known[name]
