"""A stage's folder: finished, gone on with, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError, RunError
from training.stage import STAGES, Work
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


def test_another_input_is_refused(tmp_path: Path) -> None:
    work = Work(tmp_path)
    with work.stage("split", {}) as stage:
        stage.finish("first", {})
    with work.stage("cot", {}, ("split",)):
        pass
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
    with Work(tmp_path).stage("reward", {}) as stage:
        stage.finish("abc", {})
    assert not any((tmp_path / "reward").iterdir())


def test_a_damaged_record_says_what_to_do(tmp_path: Path) -> None:
    work = Work(tmp_path)
    with work.stage("split", {}) as stage:
        stage.finish("abc", {})
    (tmp_path / "split" / "stage.json").write_text("{")
    with pytest.raises(RunError, match="--fresh"):
        work.finished("split")
