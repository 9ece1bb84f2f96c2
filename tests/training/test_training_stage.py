"""A stage's folder: finished, gone on with, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError, RunError
from tests.training.small import preset
from training.stage import DONE, INCIDENTAL, STAGES, Work
from training.stages import RUN


def test_the_stages_are_those_that_run() -> None:
    assert tuple(RUN) == STAGES


def test_a_finished_stage_is_found_again(tmp_path: Path) -> None:
    work = Work(tmp_path)
    with work.stage("split", {"seed": 0}) as stage:
        assert stage.done is None
        stage.finish("abc", {"n": 1})
    with work.stage("split", {"seed": 0}) as stage:
        assert stage.done is not None
        assert stage.done["digest"] == "abc"
    assert work.finished("split")["facts"] == {"n": 1}


def test_other_settings_are_refused_by_name_and_fresh_begins_anew(tmp_path: Path) -> None:
    work = Work(tmp_path)
    with work.stage("cot", {"data": {"k": 8, "users": 0}}) as stage:
        (stage.folder / "raw.jsonl").write_text("{}\n")
    with pytest.raises(RunError, match=r"another data\.k;"), work.stage("cot", {"data": {"k": 4, "users": 0}}):
        pass
    with work.stage("cot", {"data": {"k": 4, "users": 0}}, fresh=True) as stage:
        assert not (stage.folder / "raw.jsonl").exists()


def test_a_stage_that_made_nothing_yet_may_be_begun_with_other_settings(tmp_path: Path) -> None:
    work = Work(tmp_path)
    with work.stage("cot", {"data": {"k": 8}}) as stage:
        (stage.folder / "raw.jsonl").touch()
    with work.stage("cot", {"data": {"k": 4}}) as stage:
        assert stage.made_from["settings"] == {"data": {"k": 4}}


def test_a_larger_budget_goes_on_with_the_answers_that_are_there(tmp_path: Path) -> None:
    work = Work(tmp_path)
    with work.stage("cot", {"cot": {"budget_usd": 5.0, "model": "m"}}) as stage:
        (stage.folder / "raw.jsonl").write_text("{}\n")
    with work.stage("cot", {"cot": {"budget_usd": 9.0, "model": "m"}}) as stage:
        assert (stage.folder / "raw.jsonl").read_text() == "{}\n"
    with (
        pytest.raises(RunError, match=r"another cot\.model;"),
        work.stage("cot", {"cot": {"budget_usd": 9.0, "model": "n"}}),
    ):
        pass


def test_what_may_differ_is_a_setting() -> None:
    assert all(hasattr(getattr(preset(), key.partition(".")[0]), key.partition(".")[2]) for key in INCIDENTAL)


def test_a_folder_nobody_can_write_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(RunError, match=r"cannot write to .*file.split .*--work"),
        Work(tmp_path / "file").stage("split", {}),
    ):
        pass


def test_another_input_is_refused(tmp_path: Path) -> None:
    work = Work(tmp_path)
    with work.stage("split", {}) as stage:
        stage.finish("first", {})
    with work.stage("cot", {}, ("split",)) as stage:
        (stage.folder / "raw.jsonl").write_text("{}\n")
    with work.stage("split", {}, fresh=True) as stage:
        stage.finish("second", {})
    with pytest.raises(RunError, match=r"inputs\.split"), work.stage("cot", {}, ("split",)):
        pass


def test_a_stage_needs_those_before_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="first: pigeval train split"), Work(tmp_path).stage("cot", {}, ("split",)):
        pass


def test_one_process_at_a_time(tmp_path: Path) -> None:
    work = Work(tmp_path)
    with work.stage("split", {}), pytest.raises(RunError, match="another process"), work.stage("split", {}):
        pass


def test_further_processes_of_a_launch_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    waited: list[str] = []
    with Work(tmp_path).stage("reward", {}, together=lambda: waited.append("for the first")) as stage:
        stage.finish("abc", {})
    assert waited
    assert not any((tmp_path / "reward").iterdir())


def test_the_first_process_has_begun_the_folder_when_the_others_look_at_it(tmp_path: Path) -> None:
    work = Work(tmp_path)
    met: list[bool] = []
    with work.stage("reward", {}) as stage:
        stage.finish("abc", {})
    with work.stage("reward", {}, fresh=True, together=lambda: met.append((tmp_path / "reward" / DONE).exists())):
        assert met == [False]


def test_a_damaged_record_says_what_to_do(tmp_path: Path) -> None:
    work = Work(tmp_path)
    with work.stage("split", {}) as stage:
        stage.finish("abc", {})
    (tmp_path / "split" / "stage.json").write_text("{")
    with pytest.raises(RunError, match="--fresh"):
        work.finished("split")
