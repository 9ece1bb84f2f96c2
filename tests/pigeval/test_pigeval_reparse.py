"""Stored outputs read by another parser: a run of its own, and no model is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from adapters.generative.pointwise import PARSERS as POINTWISE
from adapters.generative.pointwise import both
from adapters.parsers import PARSERS
from harness.contexts import Contexts, references_digest
from harness.generation import Message, Parser, Reply, Request
from harness.generator import Generator
from harness.log import Run, read_run
from harness.records import Comparison, Status
from pigeval.cli import main
from tests.adapters.fake_engine import FakeEngine
from tests.harness.making import Memory, pairs_of, run_on

SHEET = "Colour: a. (Score 1: {a}, Score 2: {b})\nScore 1: {a}\nScore 2: {b}\n"


def answer(number: int) -> str | Reply:
    """In turn: both rules agree, the verdict goes against the totals, no verdict, cut off, filtered, refused."""
    spent: dict[str, Any] = {"tokens_in": 10 + number, "tokens_out": 5, "cost": 0.25}
    replies: Sequence[str | Reply] = (
        Reply(Status.OK, SHEET.format(a=7, b=3) + "Image 1 is better", options={"1": 0.9, "2": 0.1}, **spent),
        Reply(Status.OK, SHEET.format(a=2, b=9) + "Image 1 is better", options={"1": 0.8, "2": 0.2}, **spent),
        Reply(Status.OK, SHEET.format(a=4, b=6), **spent),
        Reply(Status.TRUNCATED, SHEET.format(a=7, b=3) + "Image 1 is better", **spent),
        Reply(Status.FILTERED, "Image 1 is better", **spent),
        Reply(Status.OK, "I cannot judge images of people.", **spent),
    )
    return replies[number % len(replies)]


class Asks(Generator):
    """A judge whose context of a user is kept, as those of the real ones."""

    reads: ClassVar[str] = "nothing"
    reads_references: ClassVar[bool] = True

    def __init__(self, parser: Parser) -> None:
        numbers = iter(range(10**6))
        super().__init__(FakeEngine(lambda request: answer(next(numbers)), together=1), parser)
        self._contexts = Contexts()
        self.keep_in = self._contexts.keep_in

    def messages(self, comparison: Comparison) -> list[Message]:
        self._contexts.add(references_digest(comparison.references), "likes colour")
        return [Message("user", ("which?",))]


class Points(Asks):
    """Rates each image alone."""

    def __init__(self) -> None:
        super().__init__(POINTWISE["unifiedreward-point"])
        self.engine = FakeEngine()

    def requests(self, comparison: Comparison) -> list[Request]:
        return [Request((Message("user", ("how good?",)),))]

    def verdict(self, comparison: Comparison, replies: Sequence[Reply]) -> Any:
        from harness.generator import read

        scores = "Alignment Score (1-5): {}\nCoherence Score (1-5): {}\nStyle Score (1-5): {}\nFinal Score: {}"
        number = 1 + int(comparison.id[:2], 16) % 3
        texts = both(scores.format(1, 1, 1, 4), scores.format(5, 5, 5, number))
        return read(self.parser, Reply(Status.OK, texts))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return made(Asks(PARSERS["pigreward"]), tmp_path)


def made(judge: Generator, tmp_path: Path, name: str = "asks") -> Run:
    return run_on(judge, Memory(pairs_of("u", 14)), tmp_path / "results", name=name, k=2)


def reparse(run: Run, parser: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["reparse", str(run.folder), "--parser", parser, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_a_run_of_its_own_beside_the_old_one(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    told = reparse(run, "pigreward-totals", capsys)
    new = read_run(Path(told["run"]))
    assert new.folder != run.folder
    assert new.folder.parent == run.folder.parent
    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before
    assert new.complete
    for name in ("items.parquet", "timings.parquet", "contexts.jsonl"):
        assert (new.folder / name).read_bytes() == before[name]


def test_the_identity_differs_in_the_parser_alone(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    new = read_run(Path(reparse(run, "pigreward-totals", capsys)["run"]))
    old_parts, new_parts = run.info["identity_parts"], new.info["identity_parts"]
    assert new.info["identity"] != run.info["identity"]
    assert (old_parts["told"].pop("parser"), new_parts["told"].pop("parser")) == ("pigreward/1", "pigreward-totals/1")
    assert old_parts == new_parts
    assert new.info["reparsed from"] == run.info["identity"]
    assert new.name == f"{run.name} read by pigreward-totals/1"


def test_it_is_the_run_a_judge_with_that_parser_makes(run: Run, tmp_path: Path, capsys: Any) -> None:
    new = read_run(Path(reparse(run, "pigreward-totals", capsys)["run"]))
    asked = made(Asks(PARSERS["pigreward-totals"]), tmp_path / "asked")
    assert asked.folder.name == new.folder.name
    assert asked.table.to_pylist() == new.table.to_pylist()


def test_changed_verdicts_are_listed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    n = [sum(number % 6 == kind for number in range(14)) for kind in range(6)]
    assert reparse(run, "pigreward-totals", capsys)["changes"] == [{"before": "A", "after": "B", "count": n[1]}]
    assert main(["reparse", str(run.folder), "--parser", "pigreward-totals"]) == 0
    shown = capsys.readouterr().out
    assert "no model was asked" in shown
    assert f"{n[1]} × A is now B" in shown
    assert f"{n[1]} of 14 verdicts changed" in shown


def test_what_the_model_wrote_and_cost_is_kept_and_failures_stay(run: Run, capsys: Any) -> None:
    new = read_run(Path(reparse(run, "pigreward-totals", capsys)["run"]))
    old_rows, new_rows = run.table.to_pylist(), new.table.to_pylist()
    for name in ("id", "item", "gold", "user", "raw", "tokens", "cost"):
        assert [row[name] for row in new_rows] == [row[name] for row in old_rows]
    for before, after in zip(old_rows, new_rows, strict=True):
        if before["status"] in {"truncated", "filtered"}:
            assert (after["status"], after["winner"], after["raw"]) == (before["status"], None, before["raw"])
    assert {row["status"] for row in new_rows} == {row["status"] for row in old_rows}
    assert new.info["status"] == run.info["status"]


def test_a_probability_against_the_new_winner_is_dropped(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    rows = read_run(Path(reparse(run, "pigreward-totals", capsys)["run"])).table.to_pylist()
    chances = {(row["winner"], row["p_a"]) for row in rows if row["status"] == "ok"}
    assert chances == {("A", 0.9), ("B", None)}


def test_the_same_parser_has_nothing_to_do(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in run.folder.iterdir()}
    assert main(["reparse", str(run.folder), "--parser", "pigreward"]) == 1
    assert "was made with pigreward/1; nothing to do" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in run.folder.iterdir()} == before


def test_reparsing_back_finds_the_first_run_and_leaves_it_alone(run: Run, capsys: Any) -> None:
    before = {path: path.read_bytes() for path in run.folder.iterdir()}
    there = read_run(Path(reparse(run, "pigreward-strict", capsys)["run"]))
    assert reparse(there, "pigreward", capsys)["run"] == str(run.folder)
    assert {path: path.read_bytes() for path in run.folder.iterdir()} == before


def test_a_run_read_twice_is_named_after_the_last_parser(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    there = read_run(Path(reparse(run, "pigreward-strict", capsys)["run"]))
    twice, once = (read_run(Path(reparse(r, "pigreward-totals", capsys)["run"])) for r in (there, run))
    assert twice.folder == once.folder
    assert twice.name == "asks read by pigreward-totals/1"
    assert twice.info["reparsed from"] == run.info["identity"]


@pytest.mark.parametrize("command", ["compare", "leaderboard"])
def test_the_two_runs_stand_beside_each_other(
    command: str, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = reparse(run, "pigreward-totals", capsys)["run"]
    options = [str(run.folder), new] if command == "compare" else [str(tmp_path / "results")]
    assert main([command, *options]) == 0, capsys.readouterr().err
    board = tmp_path / "results" / "LEADERBOARD.md"
    shown = board.read_text() if command == "leaderboard" else capsys.readouterr().out
    assert "asks read by pigreward-totals/1" in shown


def test_a_wrong_name_lists_the_parsers(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reparse", str(run.folder), "--parser", "pigrewards"]) == 1
    said = capsys.readouterr().err
    assert "did you mean pigreward" in said
    assert all(name in said for name in (*PARSERS, *POINTWISE))


def test_ratings_of_single_images_are_read_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = made(Points(), tmp_path)
    assert isinstance(json.loads(run.table["raw"][0].as_py()), list)
    told = reparse(run, "unifiedreward-acs", capsys)
    winners = set(read_run(Path(told["run"])).table["winner"].to_pylist())
    assert (set(run.table["winner"].to_pylist()), winners) == ({"A"}, {"B"})
    assert told["changes"] == [{"before": "A", "after": "B", "count": 14}]
    # A parser of pairs finds no verdict in a list of ratings.
    assert set(read_run(Path(reparse(run, "ppd", capsys)["run"])).table["status"].to_pylist()) == {"unparseable"}


def test_a_run_without_outputs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.harness.making import Odd

    silent = run_on(Odd(), Memory(pairs_of("u", 6)), tmp_path / "results", k=2)
    assert main(["reparse", str(silent.folder), "--parser", "ppd"]) == 1
    assert "no stored outputs" in capsys.readouterr().err
