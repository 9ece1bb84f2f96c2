"""`pigeval explain` on PIGReward with scripted models, on other judges, and on a teacher's folder."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.contexts import FILE as CONTEXTS
from harness.contexts import read_contexts
from harness.generation import Request
from harness.log import find_runs, read_run
from pigeval.cli import main
from tests.adapters.fake_engine import FakeEngine, text_of
from tests.training.small import material
from training.language import rationale
from training.material import Material
from training.rows import read_rows, write_rows
from training.splits import Part, Split
from training.stage import write_json
from training.teacher import ScriptedTeacher, levels_of

WORLD = "simulated-flat:users=6,sets=12,rankings=6,noise_free=true"

JUDGES = '''
from pigeval import Dimension, Status, Verdict


class Talks:
    """Names criteria of its own, one with a control character."""

    def compare(self, comparisons):
        dimensions = (Dimension("light\\x1b[31m", 8, 6, "more sun"), Dimension("mood", 5, 5))
        return [Verdict("A", rationale="more sun", dimensions=dimensions, raw="Light 8 6.") for _ in comparisons]


class Silent:
    def compare(self, comparisons):
        return [Verdict("A") for _ in comparisons]


class Absent:
    def compare(self, comparisons):
        return [Verdict.failure(Status.JUDGE_ERROR, "out") for _ in comparisons]
'''


@pytest.fixture(scope="module")
def world() -> Material:
    return material(WORLD)


def true_reason(world: Material, wrong: bool = False) -> Callable[[Request], str]:
    """What a reasoner that sees everything writes; a wrong one forgets the first element."""
    levels = levels_of(world) or {}

    def reason(request: Request) -> str:
        said = re.search(r"preferred Image ([12])", text_of(request))
        assert said
        pair = [levels[image.digest] for image in request.images]
        text = rationale(*(pair if said[1] == "1" else pair[::-1]))
        return text.partition(", ")[2] if wrong else text

    return reason


def ask(monkeypatch: pytest.MonkeyPatch, out: Path, world: Material, *, wrong: bool = False, limit: int = 40) -> Path:
    """A run of PIGReward whose reward model is the scripted teacher."""
    engines = iter([ScriptedTeacher(levels_of(world) or {}), FakeEngine(true_reason(world, wrong))])
    monkeypatch.setattr("adapters.pigreward.judge.engine_of", lambda _: next(engines))
    arguments = ["--judge", "pigreward", "--dataset", WORLD, "--limit", str(limit), "--k", "4", "--no-lines"]
    assert main(["run", *arguments, "--out", str(out)]) == 0
    (made,) = find_runs(out)
    return made.folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, world: Material, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = ask(monkeypatch, tmp_path / "out", world)
    capsys.readouterr()
    return folder


def judged(name: str, dataset: str, folder: Path) -> Path:
    """A run of one of the judges above."""
    plugin = folder / "others.py"
    plugin.write_text(JUDGES)
    out = folder / name
    main(["run", "--judge", name, "--dataset", dataset, "--plugin", str(plugin), "--out", str(out), "--no-lines"])
    (made,) = find_runs(out)
    return made.folder


def explained(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["explain", *map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert main(["explain", *map(str, arguments)]) == 1
    return capsys.readouterr().err


def test_a_scripted_judge_is_measured_against_the_truth(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = explained(capsys, run)["rows"]
    answers = read_run(run).table
    # The script says so where it cannot decide, which the format does not provide for.
    decided = sum(winner != "tie" for winner in answers["winner"].to_pylist())
    assert (row["answers"], row["unanswered"], row["dimensions"], row["missing"]) == (40, 0, 3.0, [])
    assert row["valid"] == decided / 40 < 1
    assert (row["diversity"]["names"], row["diversity"]["effective"] > 3) == (5, True)
    assert (row["told"]["exact"], row["told"]["slots"]) == (1.0, 1.0)
    kept = read_contexts(run).values()
    assert row["told"]["rationales"] == sum(record["kind"] == "rationale" for record in kept)
    found = row["cared"]
    assert (found["answers"], found["dimensions"], found["unknown"]) == (40, 120, 0)
    assert found["chance"] == pytest.approx(3 / 5)
    assert found["cared"]["value"] > 0.65
    assert found["cared"]["right"] == found["found"]["right"]
    assert found["direction"]["value"] > 0.7


def test_wrong_rationales_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, world: Material, capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = explained(capsys, ask(monkeypatch, tmp_path, world, wrong=True))["rows"]
    assert (row["told"]["exact"], row["told"]["slots"]) == (0.0, pytest.approx(4 / 5))


def test_diversity_is_over_as_many_answers_of_each_row(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Path, world: Material, capsys: pytest.CaptureFixture[str]
) -> None:
    less = ask(monkeypatch, tmp_path / "less", world, limit=10)
    both = explained(capsys, run, less)
    assert both["diversity_over"] == {"answers": 10, "seed": 0}
    assert [row["answers"] for row in both["rows"]] == [40, 10]
    alone = explained(capsys, run)["rows"][0]["diversity"]
    assert both["rows"][0]["diversity"]["distinct_1"] > alone["distinct_1"]
    assert main(["explain", str(run), str(less)]) == 0
    shown = capsys.readouterr().out
    assert "over 10 answers of each row" in shown
    assert "format-valid %" in shown
    assert "by chance %" in shown
    assert shown.startswith("1: pigreward ")


def test_a_judge_with_a_format_of_its_own(
    run: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = judged("talks", f"ratings:path={folder},criterion=appeal", tmp_path)
    rows = explained(capsys, run, other)["rows"]
    assert (rows[1]["valid"], rows[1]["dimensions"], rows[1]["diversity"]["names"]) == (None, 2.0, 2)
    assert (rows[1]["cared"], rows[1]["told"]) == (None, None)
    assert [why.partition(":")[0] for why in rows[1]["missing"]] == ["format", "dimensions", "rationales"]
    assert main(["explain", str(run), str(other)]) == 0
    shown = capsys.readouterr().out
    assert "2: n/a, dimensions: ratings" in shown
    assert "does not know what its users care about" in shown
    assert "\x1b" not in shown


def test_names_that_are_no_element_count_against_a_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = explained(capsys, judged("talks", WORLD, tmp_path))["rows"]
    assert row["cared"]["unknown"] == row["cared"]["dimensions"] == 2 * row["answers"]
    assert (row["cared"]["cared"]["value"], row["cared"]["direction"]["value"]) == (0.0, None)
    assert row["cared"]["cared"]["interval"]["method"] == "Wilson over clusters"
    assert row["missing"][1:] == ["rationales: the run keeps none"]


def test_rationales_in_other_words_are_not_measured(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / CONTEXTS
    records = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**record, "text": "It is brighter."}) + "\n" for record in records))
    (row,) = explained(capsys, run)["rows"]
    assert row["told"] is None
    assert row["missing"] == ["rationales: none is written in the small model's words, in which the truth is told"]


def test_a_data_set_that_changed_leaves_the_rest(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info = json.loads((run / "run.json").read_text())
    info["dataset"]["spec"] = WORLD.replace("users=6", "users=5")
    (run / "run.json").write_text(json.dumps(info))
    (row,) = explained(capsys, run)["rows"]
    assert (row["cared"], row["told"]) == (None, None)
    assert row["missing"][0].startswith("truth: simulated-flat:")
    assert "is not as it was when" in row["missing"][0]
    assert row["valid"] > 0.5


@pytest.mark.parametrize(("parser", "valid"), [("pigreward/1", None), ("pigreward-strict/1", 1.0)])
def test_without_texts_what_is_stored_is_taken(
    parser: str, valid: float | None, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = pq.read_table(run / "verdicts.parquet")
    place = verdicts.column_names.index("raw")
    pq.write_table(verdicts.set_column(place, "raw", pa.nulls(len(verdicts), pa.string())), run / "verdicts.parquet")
    info = json.loads((run / "run.json").read_text())
    info["identity_parts"]["told"]["parser"] = parser
    (run / "run.json").write_text(json.dumps(info))
    (row,) = explained(capsys, run)["rows"]
    assert (row["valid"], row["dimensions"], row["diversity"]["distinct_1"]) == (valid, 3.0, None)
    assert row["missing"] == (["format: the run keeps no texts"] if valid is None else [])


@pytest.mark.parametrize(
    ("name", "says"), [("silent", "silent names no dimension in"), ("absent", "absent wrote no answer to")]
)
def test_a_judge_that_explains_nothing_is_refused(
    name: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in refused(capsys, judged(name, WORLD, tmp_path))


# --- teachers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def taught(run: Path, tmp_path: Path, world: Material) -> Path:
    """A folder of the stage `cot`, of the same questions as the run: a split that gives the teacher everybody."""
    work = tmp_path / "work"
    part, nobody = Part((), (), tuple(row.tobytes().hex() for row in world.table.digest)), Part((), (), ())
    parts = {"reasoner": nobody, "reward": part, "evaluation": nobody}
    for name in ("split", "cot"):
        (work / name).mkdir(parents=True)
    Split(world.table.name, world.table.content_digest, parts, {}).write(work / "split")
    data = {"dataset": WORLD, "reasoner": 0.0, "reward": 1.0, "evaluation": 0.0, "k": 4}
    write_json(work / "cot" / "begun.json", {"settings": {"data": data, "seed": 0}})
    rows = read_run(run).table.select(["id", "raw"]).to_pylist()
    write_rows(work / "cot" / "raw.jsonl", [{"id": r["id"], "status": "ok", "text": r["raw"]} for r in rows])
    return work / "cot"


def test_a_teacher_is_measured_as_a_run_of_the_same_answers(
    run: Path, taught: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judge, teacher = explained(capsys, run, "--teacher", taught)["rows"]
    for key in ("answers", "valid", "dimensions", "flags", "diversity", "cared"):
        assert teacher[key] == judge[key]
    assert (teacher["name"], teacher["told"], teacher["missing"]) == (f"teacher {taught}", None, [])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "begun.json").unlink(), "does not tell data set and seed"),
        (lambda f: (f.parent / "split" / "split.json").unlink(), "split.json is missing"),
        (lambda f: write_rows(f / "raw.jsonl", [{**r, "id": "0" * 32} for r in read_rows(f / "raw.jsonl")]),
         "40 answers are to no question of simulated-flat"),
    ],
)  # fmt: skip
def test_a_teacher_of_questions_nobody_knows(
    spoil: Callable[[Path], object], says: str, taught: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(taught)
    (row,) = explained(capsys, "--teacher", taught)["rows"]
    assert row["cared"] is None
    assert says in row["missing"][0]
    assert row["valid"] > 0.5


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "raw.jsonl").unlink(), "no raw.jsonl here; expected the folder of the stage cot"),
        (lambda f: (f / "raw.jsonl").write_text('{"id": "a"}\n'), "line 1: expected id, status and text"),
        (lambda f: (f / "raw.jsonl").write_text(""), "wrote no answer to 0 comparisons"),
    ],
)
def test_what_is_wrong_with_a_teachers_folder(
    spoil: Callable[[Path], object], says: str, taught: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(taught)
    assert says in refused(capsys, "--teacher", taught)


def test_something_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "expected run folders, or --teacher" in refused(capsys)


def test_the_command_needs_no_torch() -> None:
    code = "import sys, pigeval.explained, pigeval.explaining; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "trl"} & {*done.stdout.split()}
