"""JSON lines after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import DataError
from training.rows import Appending, read_rows, write_rows


def test_a_torn_line_is_ignored_then_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [{"id": 1}, {"id": 2}])
    with path.open("a") as file:
        file.write('{"id": 3, "te')
    assert [row["id"] for row in read_rows(path)] == [1, 2]
    with Appending(path) as rows:
        rows.add({"id": 4})
    assert [row["id"] for row in read_rows(path)] == [1, 2, 4]


def test_each_line_is_on_disk_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with Appending(path) as rows:
        for number in range(3):
            rows.add({"id": number})
            assert len(list(read_rows(path))) == number + 1


def test_damage_is_no_kill(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": 1}\n{"id"\n{"id": 3}\n')
    with pytest.raises(DataError, match="line 2"):
        list(read_rows(path))


def test_without_a_file_there_are_no_rows(tmp_path: Path) -> None:
    assert not list(read_rows(tmp_path / "rows.jsonl"))
