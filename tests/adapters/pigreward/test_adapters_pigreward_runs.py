"""Runs: what they keep, how they go on after a kill, and two tiny models in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.pigreward.judge import PigReward
from harness.contexts import read_contexts, references_digest
from harness.generation import Reply, Request
from harness.log import find_runs
from harness.records import Status
from pigeval.cli import main
from tests.adapters.asking import answer, question
from tests.adapters.engines.tiny import tiny_lora, tiny_qwen2_vl
from tests.adapters.fake_engine import text_of
from tests.adapters.pigreward.two import (
    ANSWER,
    FIRST,
    SECOND,
    A,
    B,
    Two,
)
from tests.harness.making import Killed, Memory, pairs_of, run_on, statuses


@pytest.fixture
def memory() -> Memory:
    return Memory([*pairs_of("u", 9), *pairs_of("v", 8)])


def run(memory: Memory, out: Path, **given: Any) -> Any:
    return run_on(PigReward(**given), memory, out, name="pigreward", k=3)


def test_a_run_keeps_rationales_and_contexts(two: Two, memory: Memory, tmp_path: Path) -> None:
    done = run(memory, tmp_path)
    assert statuses(done) == {"ok": 17}
    stored = read_contexts(done.folder)
    kinds = [record["kind"] for record in stored.values()]
    # The last choice of each user stands in no history.
    assert kinds.count("rationale") == len(two.reasoner.asked) == 8 + 7
    assert kinds.count("context") > 0
    rationale = next(record for record in stored.values() if record["kind"] == "rationale")
    assert (rationale["status"], rationale["tokens_in"], rationale["tokens_out"], rationale["cost"]) == (
        "ok",
        10,
        5,
        0.25,
    )


def test_a_killed_run_asks_for_no_rationale_twice(two: Two, memory: Memory, tmp_path: Path) -> None:
    whole = run(memory, tmp_path / "whole")
    for engine in (two.reasoner, two.reward):
        engine.asked.clear()
    two.reasoner.together = two.reward.together = 1

    def dies(request: Request) -> str:
        if len(two.reward.asked) > 5:
            raise Killed
        return ANSWER

    two.reward.answer = dies
    with pytest.raises(Killed):
        run(memory, tmp_path / "killed")
    reasoned, judged = len(two.reasoner.asked), len(two.reward.asked)
    two.reward.answer = ANSWER
    done = run(memory, tmp_path / "killed")
    assert done.complete
    assert len(two.reasoner.asked) == 15 >= reasoned
    assert len(two.reward.asked) == 17 + 1 > judged
    for file in ("contexts.jsonl", "verdicts.parquet"):
        assert (done.folder / file).read_bytes() == (whole.folder / file).read_bytes()


def test_a_kill_among_the_rationales_loses_none(two: Two, memory: Memory, tmp_path: Path) -> None:
    two.reasoner.together = 1
    calm = two.reasoner.answer
    assert callable(calm)

    def dies(request: Request) -> str | Reply:
        if len(two.reasoner.asked) == 6:
            raise Killed
        return calm(request)

    two.reasoner.answer = dies
    with pytest.raises(Killed):
        run(memory, tmp_path)
    assert two.reward.asked == []
    done = run(memory, tmp_path)
    assert statuses(done) == {"ok": 17}
    # The sixth was being asked when the kill came.
    assert len(two.reasoner.asked) == 15 + 1


def test_a_spent_budget_of_the_reasoner_leaves_the_run_open(two: Two, memory: Memory, tmp_path: Path) -> None:
    calm = two.reasoner.answer
    two.reasoner.answer = lambda request: Reply(Status.BUDGET, "spent")
    first = run(memory, tmp_path)
    assert (first.complete, set(first.info["unanswered"])) == (False, {"budget"})
    two.reasoner.answer = calm
    assert statuses(run(memory, tmp_path)) == {"ok": 17}


def test_the_stored_context_is_what_was_read(two: Two, tmp_path: Path) -> None:
    judge = PigReward()
    judge.keep_in(tmp_path)
    comparison = question(A, B, FIRST, SECOND)
    answer(judge, comparison)
    stored = read_contexts(tmp_path)[references_digest(comparison.references)]["text"]
    assert stored in text_of(two.reward.asked[0])
    two.reasoner.asked.clear()
    later = PigReward()
    later.keep_in(tmp_path)
    assert answer(later, comparison).winner == "A"
    assert two.reasoner.asked == []


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@pytest.mark.parametrize("adapted", [False, True])
def test_a_run_with_two_models_in_this_process(folder: Path, tmp_path: Path, adapted: bool) -> None:
    import torch

    torch.set_num_threads(1)
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "judge.json").write_text('{"format": 1}')
    if adapted:
        base = tiny_qwen2_vl(weights / "base")
        tiny_lora(base, weights / "reasoner", seed=1, target_modules=["q_proj"])
        tiny_lora(base, weights / "reward", seed=2, target_modules=["v_proj"])
    else:
        tiny_qwen2_vl(weights / "reasoner", seed=1)
        tiny_qwen2_vl(weights / "reward", seed=0)
    judge = f"pigreward:weights={weights},device=cpu,max_tokens=6,rationale_tokens=5"
    command = ["run", "--judge", judge, "--dataset", f"ratings:path={folder}", "--out", str(tmp_path / "out")]
    assert main([*command, "--no-lines", "--k", "1", "--limit", "6"]) == 0
    (done,) = find_runs(tmp_path / "out")
    assert sum(statuses(done).values()) == 6
    assert all(done.table["raw"].to_pylist())
    told = done.info["identity_parts"]["told"]
    assert told["model"].startswith("sha256:")
    assert (told["reasoner"]["model"] == told["model"]) is adapted
    assert (told["reasoner"]["adapter"] == told["adapter"]) is not adapted
    assert str(tmp_path) not in json.dumps(done.info["identity_parts"])
    assert {record["kind"] for record in read_contexts(done.folder).values()} == {"rationale", "context"}
