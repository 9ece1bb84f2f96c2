"""Score tables with a column for either image, written out as lines of scores."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COLUMN = re.compile(r"\W*(?:image|img|picture|option|candidate|score) ?#?(?P<which>[12ab])\b.*", re.IGNORECASE)
_RULE = re.compile(r"[\s|:=-]+")
_VALUE = re.compile(r" ?[-+]?[\d.]")
_SIDE = {"1": "1", "a": "1", "2": "2", "b": "2"}


def written_out(rows: Sequence[str]) -> list[str]:
    """The rows, those below a header `| | Image 1 | Image 2 |` as `Name: Image 1: 8, Image 2: 6`; none is added."""
    columns: dict[str, int] = {}
    written = []
    for row in rows:
        cells = row.split("|") if "|" in row else []
        if not cells:
            columns = {}
        elif header := _header(cells):
            columns = header
        elif columns and not _RULE.fullmatch(row):
            written.append(_line(cells, columns) or row)
            continue
        written.append(row)
    return written


def _header(cells: Sequence[str]) -> dict[str, int]:
    found = {_SIDE[m["which"].lower()]: place for place, cell in enumerate(cells) if (m := _COLUMN.fullmatch(cell))}
    return found if len(found) == 2 else {}


def _line(cells: Sequence[str], columns: dict[str, int]) -> str:
    """Empty where a cell holds no number. Rows may lack the border that the header has."""
    if max(columns.values()) >= len(cells):
        return ""
    one, two = (cells[columns[side]].strip() for side in "12")
    if not (_VALUE.match(one) and _VALUE.match(two)):
        return ""
    return f"{cells[0].strip()}: Image 1: {one}, Image 2: {two}"
