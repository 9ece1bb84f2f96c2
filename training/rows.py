"""JSON lines that survive a kill: a line counts once its end is written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.errors import DataError

Row = dict[str, Any]


def read_rows(path: Path) -> Iterator[Row]:
    """The whole lines of a file; what a killed process left half written at its end is not one of them.

    Raises `DataError` for a whole line that is no JSON object: that is damage, not a kill.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield _row(path, number, line)


def _row(path: Path, number: int, line: bytes) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{path}, line {number}: {error}; remove the line, its question is put again") from error
    if not isinstance(row, dict):
        raise DataError(f"{path}, line {number}: expected a JSON object; remove the line")
    return row


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replaces a file as a whole."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.writelines(_line(row) for row in rows)
    os.replace(part, path)


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=True, sort_keys=True) + "\n"


class Appending:
    """A file that grows; a torn line at its end is cut off first."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._path.touch()
        with self._path.open("rb+") as file:
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
        self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, row: Mapping[str, Any]) -> None:
        """Writes a line; after this a kill does not lose it."""
        self._file.write(_line(row))
        self._file.flush()
