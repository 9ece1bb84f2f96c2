"""The paper's preset on another model, on Pick-a-Pic in its published form, taught by a server that misbehaves."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from adapters.pigreward.judge import PigReward
from benchmarks.servers import Answer, Call, Loopback, completion
from harness.errors import RunError
from harness.progress import Silent
from pigeval.cli import main
from tests.adapters.engines.tiny import tiny_qwen2_vl
from tests.harness.datasets.pickapic_making import release, row
from tests.training.small import QUIET
from training.presets import read_preset
from training.rows import read_rows
from training.session import Session
from training.stage import STAGES, Work
from training.stages import RUN

pytestmark = QUIET

GOOD = (
    "Light: one is brighter. (Score 1: 8, Score 2: 3)\nColour: one is warmer. (Score 1: 7, Score 2: 4)\n"
    "Mood: one is calmer. (Score 1: 6, Score 2: 5)\nScore 1: 8+7+6=21\nScore 2: 3+4+5=12\nImage 1 is better"
)
SMALL = (
    "rationales.max_tokens=24", "rationales.held_out=0.3", "contexts.max_tokens=4",
    "cot.max_tokens=8", "cot.model=teacher", "data.k=2", "data.questions=16", "reasoner.steps=2", "reward.steps=2",
    "reasoner.accumulation=2", "reward.accumulation=2", "reasoner.workers=0", "reward.workers=0", "report_to=none",
    "model.max_pixels=3136",
)  # fmt: skip


class Teacher:
    """Too busy at first, then right in form, then talks nonsense; never has a word for the first two questions."""

    def __init__(self) -> None:
        self.asked: Counter[bytes] = Counter()

    async def __call__(self, call: Call) -> Answer:
        self.asked[call.content] += 1
        place = list(self.asked).index(call.content)
        if place < 2:
            return Answer(completion(""))
        if self.asked[call.content] == 1:
            return Answer({"error": {"message": "slow down"}}, (429, 500)[place % 2], {"retry-after-ms": "1"})
        return Answer(completion("I like turtles." if place % 5 == 4 else GOOD))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a data set, a work folder."""
    folder = tmp_path_factory.mktemp("pretrained")
    tiny_qwen2_vl(folder / "model", letters="abcdef. ", ends="f")
    release(folder / "data", train=[row(6 * u + i, u, (1.0, 0.0)[(u + i) % 2]) for u in range(14) for i in range(6)])
    return folder


def session(folder: Path, url: str, *, incomplete: bool = False) -> Session:
    spec = f"pickapic-v1:path={folder / 'data'},split=train,history=train,different_only=true"
    named = f"model.base={folder / 'model'}", f'data.dataset="{spec}"', f"cot.base_url={url}"
    changes = read_preset("pigreward-qwen2-vl-7b", [*SMALL, *named])
    return Session(Work(folder / "work"), changes, say=lambda _: None, incomplete=incomplete)


@pytest.fixture(scope="module")
def work(folder: Path) -> Path:
    """Every stage; the teacher is asked again once."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with Loopback(Teacher()) as server:
        for name in STAGES:
            if name == "cot":
                with pytest.raises(RunError, match=r"2 of \d+ answers did not come \(the last one: empty"):
                    RUN["cot"](session(folder, server.url))
            if name != "base":
                RUN[name](session(folder, server.url, incomplete=name == "cot"))
    torch.set_num_threads(threads)
    return folder / "work"


def test_what_the_teacher_said_is_counted_and_what_keeps_the_rules_is_learned(work: Path) -> None:
    facts = json.loads((work / "cot" / "stage.json").read_text())["facts"]
    assert facts["dropped"]["unanswered"] == 2
    assert facts["kept"] > 0
    assert facts["dropped"]["verdict"] > 0
    assert facts["asked"] == facts["kept"] + sum(facts["dropped"].values())
    assert {row["completion"] for row in read_rows(work / "cot" / "samples.jsonl")} == {GOOD}


def test_without_a_truth_the_gate_goes_by_agreement(work: Path) -> None:
    report = json.loads((work / "reasoner" / "report.json").read_text())
    assert report["before"]["measure"] == "agreement"
    assert report["before"]["of"] > 0
    assert report["training"]["steps"] == 2


def test_both_are_adapters_and_share_one_base_in_memory(work: Path, folder: Path) -> None:
    judge = PigReward(weights=str(work / "export" / "judge"), device="cpu", dtype="float32")
    run = session(folder, "http://127.0.0.1:1/v1")
    plan = run.material.plan(run.material.of_part(run.split, "evaluation"), Silent())
    comparisons = [question.comparison for question in run.material.questions(plan, 2)]
    assert all(verdict.raw for verdict in judge.compare(comparisons))
    bases = {id(engine._base.model) for engine in (judge.engine, judge._reasoner)}  # type: ignore[attr-defined]
    assert len(bases) == 1
    assert not list((work / "export").rglob("model.safetensors"))


def test_a_base_that_changed_under_the_same_name_is_noticed(work: Path, folder: Path) -> None:
    path = folder / "model" / "generation_config.json"
    before = path.read_text()
    path.write_text(before + " ")
    try:
        with pytest.raises(RunError, match="another checkpoint;"):
            RUN["reward"](session(folder, "http://127.0.0.1:1/v1"))
    finally:
        path.write_text(before)
    RUN["reward"](session(folder, "http://127.0.0.1:2/v1"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ((), "needs cot.base_url and cot.model"),
        (("cot.model=x", "cot.base_url=http://127.0.0.1:1/v1", "report_to=tensorboard"), "pip install tensorboard"),
    ],
)
def test_what_a_late_stage_needs_is_said_before_the_first(
    changes: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find(name))
    given = [part for change in ("report_to=none", *changes) for part in ("--set", change)]
    assert main(["train", "all", "--preset", "pigreward-qwen2-vl-7b", "--work", str(tmp_path / "work"), *given]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "work").exists()
