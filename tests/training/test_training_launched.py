"""Several processes of one fit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.progress import Silent
from tests.training.small import QUIET, answers, preset, random_model, session
from training.forecast import forecast
from training.launched import sharing
from training.stages import RUN, run_all
from training.trainers import load

pytestmark = QUIET


@pytest.mark.parametrize(
    ("named", "shared"),
    [
        ({}, (1, 1)),
        ({"ACCELERATE_USE_FSDP": "true"}, (8, 8)),
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, (1, 8)),
        ({"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3"}, (8, 8)),
    ],
)
def test_what_is_shared_out(named: dict[str, str], shared: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {"WORLD_SIZE": "8", **named}.items():
        monkeypatch.setenv(variable, value)
    assert sharing() == shared


def test_a_forecast_is_of_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start, settings = random_model(tmp_path / "model"), preset()
    _, processor = load(start, settings.reward, settings.model)
    data = answers(tmp_path, processor, ["Image 1 is better"])
    alone = forecast(start.model, settings.reward, settings.model, data, processor, preference=False)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    shared = forecast(start.model, settings.reward, settings.model, data, processor, preference=False)
    assert alone.needed - shared.needed == pytest.approx(16 * alone.parameters * 3 / 4, abs=2)


@pytest.mark.parametrize("stage", ["split", "rationales", "contexts", "cot", "export"])
def test_a_stage_that_does_not_train_is_refused(stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes would write into one file."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="launch base, reasoner, reward alone"):
        RUN[stage](session(tmp_path))
    with pytest.raises(ConfigError, match="launch base, reasoner, reward alone"):
        run_all(session(tmp_path))
    assert not list(tmp_path.iterdir())


def test_only_the_first_process_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    said: list[str] = []
    run = session(tmp_path)
    run.say("something")
    assert isinstance(run.progress, Silent)
    assert not said


def test_two_processes_train_one_model(tmp_path: Path) -> None:
    """On the CPU, as `torchrun` launches them, over a stage that is finished: one record, one model, nobody waits."""
    small = "tiny.samples=16", "base.steps=2"
    for name in ("split", "base"):
        alone = RUN[name](session(tmp_path, *small))
    changes = [part for change in small for part in ("--set", change)]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "pigeval",
         "train", "base", "--preset", "test", "--work", str(tmp_path), *changes, "--fresh"],
        capture_output=True, text=True, timeout=300, check=False, cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("base: done") == 1
    record = json.loads((tmp_path / "base" / "stage.json").read_text())
    # Eight samples each: sixteen are one step of two processes, and two steps of one.
    assert [made["facts"]["last"]["epoch"] for made in (alone, record)] == [1.0, 2.0]
    again = RUN["base"](session(tmp_path, *small))
    assert again["digest"] == record["digest"] != alone["digest"]
