"""Identity, precision, a run."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from adapters.llava_reward.judge import LlavaReward
from harness.judge import Hints
from pigeval.cli import main
from tests.adapters.llava_reward.small import (
    IMAGES,
    PROMPT,
    made,
)


def test_identity_and_hints(work: Path, bt: LlavaReward, skip: LlavaReward) -> None:
    told = bt.identity()
    assert made(work / "bt", work / "qwen", batch=1).identity() == told
    assert skip.identity()["weights"] != told["weights"]
    assert skip.identity()["model"] == told["model"]
    assert str(work) not in str(told)
    hints = Hints.of(LlavaReward)
    assert (hints.reads_references, hints.reads_once) == (False, True)
    assert "peft" in hints.libraries


def test_bfloat16_is_near(work: Path, bt: LlavaReward) -> None:
    half = made(work / "bt", work / "qwen", dtype="bfloat16")
    assert {tensor.dtype for tensor in half._network.head.parameters()} == {torch.bfloat16}
    assert half.identity() != bt.identity()
    whole = bt.rewards([PROMPT] * 3, IMAGES)
    assert half.rewards([PROMPT] * 3, IMAGES) == pytest.approx(whole, abs=0.1)


@pytest.mark.parametrize("name", ["bt", "gpm"])
def test_a_run_over_a_folder_of_ratings(
    name: str, work: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = f"llava-reward:weights={work / name},model={work / 'qwen'},dtype=float32,device=cpu"
    command = ["run", "--judge", spec, "--dataset", f"ratings:path={folder},criterion=appeal", "--limit", "6",
               "--out", str(tmp_path / "out"), "--json", "--no-lines"]  # fmt: skip
    assert main(command) == 0
    (run,) = [run for run in json.loads(capsys.readouterr().out)["runs"] if run["kind"] == "judge"]
    assert run["judge"] == spec
    (log,) = (path for path in (tmp_path / "out").rglob("verdicts.parquet") if "llava-reward" in path.parent.name)
    table = pd.read_parquet(log)
    assert set(table.status) == {"ok"}
    assert table.p_a.notna().all()
    assert table.score_a.isna().all() == (name == "gpm")
