from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from harness.log import find_runs
from pigeval.cli import main
from pigeval.thumbnails import HALF, beside, supported, thumbnail

JUDGE = '''
from pigeval import Dimension, Verdict


class Talks:
    """Says why, with a control character that must not reach a terminal."""

    reads_references = True

    def compare(self, comparisons):
        why = "A is brighter.\\x1b[31m\\nB is darker."
        dimensions = (Dimension("light", 8, 6, "more sun"), Dimension("mood", 5, 5))
        told = {"rationale": why, "dimensions": dimensions, "raw": f"Light 8 6. {why}", "flags": ("sum-wrong",)}
        return [Verdict("A", p_a=0.75, **told)
                for _ in comparisons]
'''


@pytest.fixture
def run(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    plugin = tmp_path / "talks.py"
    plugin.write_text(JUDGE)
    arguments = ["--judge", "talks", "--dataset", f"ratings:path={folder},criterion=appeal", "--plugin", str(plugin)]
    assert main(["run", *arguments, "--out", str(tmp_path / "out"), "--no-lines", "--k", "2"]) == 0
    capsys.readouterr()
    (made,) = find_runs(tmp_path / "out")
    return made.folder


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["show", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def items(capsys: pytest.CaptureFixture[str], run: Path, *more: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(printed(capsys, run, "--json", *more))
    return rows


def test_an_item_shows_what_was_asked_said_and_chosen(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = items(capsys, run)[0]
    text = printed(capsys, run, row["item"][:10])
    assert row["item"] in text
    assert text.count("reference ") == 2
    assert re.search(r"preferred: [0-9a-f]{8} \(6×4\)", text)
    assert "prompt: the prompt number" in text
    assert "light: A 8, B 6 - more sun" in text
    assert "A is brighter." in text
    assert "\x1b" not in text
    assert "probability of A: 0.75" in text
    assert "flags: sum-wrong" in text
    assert f"user chose: {row['gold']}; judge: A" in text
    assert ("(agrees)" in text) == (row["gold"] == "A")


def test_thumbnails_come_only_on_demand_where_output_is_no_terminal(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item = items(capsys, run)[0]["item"]
    assert HALF not in printed(capsys, run, item)
    assert HALF in printed(capsys, run, item, "--images", "always")


def test_the_list_can_be_held_to_where_judge_and_user_differ(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = items(capsys, run)
    wrong = items(capsys, run, "--wrong")
    assert {row["gold"] for row in rows} == {"A", "B", "tie"}
    assert wrong
    assert all(row["gold"] != "A" for row in wrong)


def test_without_the_data_set_the_log_is_still_shown(
    run: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item = items(capsys, run)[0]["item"]
    folder.rename(folder.with_name("elsewhere"))
    text = printed(capsys, run, item)
    assert "references and images are not shown" in text
    assert "A is brighter." in text


def test_data_that_changed_is_not_passed_off_as_what_was_judged(
    run: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item = items(capsys, run)[0]["item"]
    table = folder / "ratings.csv"
    table.write_text("\n".join(line for line in table.read_text().splitlines() if not line.startswith("u1,p2")))
    assert "is not as it was when" in printed(capsys, run, item)


@pytest.mark.parametrize(("key", "message"), [("zz", "no item 'zz'"), ("", "items begin with")])
def test_a_key_must_name_one_item(run: Path, key: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(run), key]) == 1
    assert message in capsys.readouterr().err


def test_a_thumbnail_keeps_colours_and_shape() -> None:
    pixels = np.zeros((40, 40, 3), dtype=np.uint8)
    pixels[:20] = (255, 0, 0)
    lines = thumbnail(PIL.Image.fromarray(pixels), 4)
    assert [line.count(HALF) for line in lines] == [4, 4]
    assert "38;2;255;0;0;48;2;255;0;0" in lines[0]
    assert "38;2;0;0;0;48;2;0;0;0" in lines[1]
    wide, high = (PIL.Image.new("RGB", size) for size in ((400, 2), (2, 400)))
    assert len(thumbnail(wide, 10)) == 1
    assert thumbnail(high, 10)[0].count(HALF) == 1
    rows = beside([PIL.Image.new("RGB", (40, 40)), PIL.Image.new("RGB", (40, 10))], 8)
    assert len(rows) == 4
    assert {len(re.sub(r"\x1b\[[0-9;]*m", "", row)) for row in rows} == {18}


def test_a_pipe_shows_no_colours() -> None:
    assert not supported()


def test_examples_are_the_same_items_each_time(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(run), "--examples", "2", "--images", "never"]) == 0
    shown = re.findall(r"^item (\w+)", capsys.readouterr().out, re.MULTILINE)
    assert main(["show", str(run), "--examples", "2", "--json"]) == 0
    assert [one["answer"]["item"] for one in json.loads(capsys.readouterr().out)] == shown
    assert len(set(shown)) == 2
