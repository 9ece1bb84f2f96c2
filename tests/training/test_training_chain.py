"""The whole chain on 0.2 million weights, as a user calls it, up to a judge that answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters.pigreward.judge import PigReward
from harness.errors import ConfigError, DataError, RunError
from harness.generation import Decoding, Request
from harness.progress import Silent
from pigeval.cli import main
from tests.training.small import QUIET, preset, session, wording
from training.export import push
from training.presets import read_preset
from training.rows import read_rows
from training.session import Session
from training.stage import STAGES
from training.stages import REPORT, RUN, run_all
from training.teacher import truth_of

pytestmark = QUIET


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything, made by the command."""
    folder = tmp_path_factory.mktemp("work")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert main(["train", "all", "--preset", "test", "--work", str(folder)]) == 0
    finally:
        torch.set_num_threads(threads)
    return folder


@pytest.fixture
def copy(work: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(work, tmp_path / "work"))


def test_every_stage_is_finished_with_what_it_was_made_from(work: Path) -> None:
    records = {name: json.loads((work / name / "stage.json").read_text()) for name in STAGES}
    assert records["reward"]["made_from"]["inputs"]["cot"] == records["cot"]["digest"]
    assert records["cot"]["made_from"]["inputs"]["contexts"] == records["contexts"]["digest"]
    facts = records["cot"]["facts"]
    assert facts["asked"] == facts["kept"] + sum(facts["dropped"].values())
    assert records["rationales"]["facts"]["pairs"] > 0
    assert not (work / "reward" / "checkpoints").exists()


def test_the_same_command_again_does_nothing(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file() and path.name != "begun.json"}
    assert main(["train", "all", "--preset", "test", "--work", str(work)]) == 0
    after = {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file() and path.name != "begun.json"}
    assert {path for path in after if after[path] != before.get(path)} <= {work / name / ".lock" for name in STAGES}
    assert "export: done" in capsys.readouterr().out


def test_the_judge_folder_is_a_judge(work: Path) -> None:
    folder = work / "export" / "judge"
    judge = PigReward(weights=str(folder), device="cpu", dtype="float32", max_pixels=3136, max_tokens=40,
                      rationale_tokens=20)  # fmt: skip
    run = session(work)
    plan = run.material.plan(run.material.of_part(run.split, "evaluation"), Silent())
    comparisons = [question.comparison for question in run.material.questions(plan, 3)]
    verdicts = judge.compare(comparisons)
    assert len(verdicts) == len(comparisons) > 0
    assert all(verdict.raw for verdict in verdicts)
    assert judge.wording == run.wording


def test_the_card_says_what_the_judge_was_made_from(work: Path) -> None:
    folder = work / "export" / "judge"
    card = json.loads((folder / "judge.json").read_text())
    assert card["format"] == 1
    assert (card["preset"], card["seed"]) == ("test", 0)
    assert {*card["stages"]} == {*STAGES} - {"export"}
    assert {*card["weights"]} == {"reasoner", "reward"}
    assert card["gate"] == json.loads((work / "reasoner" / REPORT).read_text())
    readme = (folder / "README.md").read_text()
    assert card["stages"]["cot"]["digest"][:16] in readme
    assert "{" not in readme
    assert {path.stem for path in (folder / "prompts").iterdir()} >= {"reasoner", "context", "reward"}
    assert not list(folder.rglob("*.bin"))


def test_evaluation_users_and_images_are_in_no_training_file(work: Path) -> None:
    kept_back = {*session(work).split.parts["evaluation"].images}
    trained = {path.stem for stage in ("base", "rationales", "cot") for path in (work / stage / "images").iterdir()}
    assert trained
    assert not kept_back & trained


def test_what_the_reward_model_reads_is_what_the_judge_would_send(work: Path) -> None:
    """A stored question, put together again from the contexts of the run."""
    row = next(read_rows(work / "cot" / "samples.jsonl"))
    run = session(work)
    plan = run.material.plan(run.material.of_part(run.split, "reward"), Silent())
    c = next(q.comparison for q in run.material.questions(plan) if q.comparison.id == row["id"])
    from training.contexts import Written

    written = Written(work / "contexts", run.wording)
    texts = {wording().reward_messages(written.of(c.references[:n]), c.prompt, c.image_a, c.image_b)[0].parts
             for n in range(len(c.references) + 1)}  # fmt: skip
    stored = [part.get("text", part.get("digest")) for part in row["messages"][0]["parts"]]
    assert stored in [[part if isinstance(part, str) else part.digest for part in parts] for parts in texts]


def test_a_worse_reasoner_is_refused_kept_and_promoted_on_demand(copy: Path) -> None:
    """The candidate is there already: the stage goes on with the check alone."""
    shutil.rmtree(copy / "reasoner")
    for stage in ("contexts", "cot", "reward", "export"):
        shutil.rmtree(copy / stage)
    run = session(copy, "reasoner.tolerance=0.0")
    truth = truth_of(run.material)
    assert truth is not None
    with pytest.MonkeyPatch.context() as patch:
        from training import gates

        checks = iter([gates.Check("exact", 5, 7), gates.Check("exact", 2, 7)] * 2)
        patch.setattr(gates, "check", lambda *_: next(checks))
        with pytest.raises(RunError, match=r"worse on held-out references \(71\.4% → 28\.6%, exact\)"):
            RUN["reasoner"](run)
        report = json.loads((copy / "reasoner" / REPORT).read_text())
        assert report["decision"] == "refused"
        assert not (copy / "reasoner" / "model").exists()
        with pytest.raises(ConfigError, match="reasoner is not finished"):
            RUN["contexts"](run)
        stamp = (copy / "reasoner" / "candidate" / "model.safetensors").stat().st_mtime_ns
        run.promote_worse = True
        RUN["reasoner"](run)
    assert (copy / "reasoner" / "model" / "model.safetensors").stat().st_mtime_ns == stamp
    report = json.loads((copy / "reasoner" / REPORT).read_text())
    assert (report["decision"], report["worse"]) == ("promoted although worse", True)


def test_images_that_are_gone_are_named_and_nothing_is_lost(copy: Path) -> None:
    shutil.rmtree(copy / "reward")
    next((copy / "cot" / "images").iterdir()).unlink()
    with pytest.raises(DataError, match=r"lacks 1 images, \w+\.png first"):
        RUN["reward"](session(copy))
    assert (copy / "cot" / "samples.jsonl").is_file()


def test_too_little_memory_stops_a_fit_before_it_begins(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(copy / "reward")
    monkeypatch.setattr("training.forecast._free", lambda _: 1000)
    with pytest.raises(ConfigError, match="too little memory"):
        RUN["reward"](session(copy))
    assert not (copy / "reward" / "checkpoints").exists()


def test_a_split_that_overlaps_is_refused_by_later_stages(copy: Path) -> None:
    from training.splits import Part

    path = copy / "split" / "split.json"
    record = json.loads(path.read_text())
    record["parts"]["evaluation"]["users"] = record["parts"]["reward"]["users"]
    part = record["parts"]["evaluation"]
    part["digest"] = Part(tuple(part["users"]), tuple(part["images"]), tuple(part["choices"])).digest
    path.write_text(json.dumps(record))
    shutil.rmtree(copy / "cot")
    with pytest.raises(DataError, match="reward and evaluation share"):
        RUN["cot"](session(copy))


def test_the_base_is_told_either_way_and_otherwise_does_not_know(work: Path) -> None:
    """Half of its rationales argue for the image the question does not name; hinted ones always follow the hint."""
    from training import base
    from training.language import evidence
    from training.pictures import Pictures

    run = session(work)
    seen = base.images(run.material, run.split, 60, 0)
    levels = {image.digest: shown for image, shown in seen}
    named, followed = [], []
    _, arguing = base.lessons(seen, preset("tiny.samples=400"), wording())
    for row in base.rows(arguing.samples(1), Pictures(work / "base" / "images")):
        turns = row["messages"]
        question = "".join(part.get("text", "") for part in turns[0]["parts"])
        if "is preferred. Why?" not in question:
            continue
        first, second = (levels[part["digest"]] for part in turns[0]["parts"] if "digest" in part)
        if first == second:
            continue
        says = evidence(row["completion"])[0]
        for_first = says == tuple(a - b for a, b in zip(first, second, strict=True))
        if len(turns) == 2:
            followed.append(for_first == ("Image 1" in turns[1]["parts"][0]["text"]))
        else:
            named.append(for_first == ("Image 1 is preferred. Why?" in question))
    assert all(followed)
    assert 0.35 < sum(named) / len(named) < 0.65
    assert len(followed) > 100


def test_a_pretrained_model_needs_no_base(tmp_path: Path) -> None:
    run = session(tmp_path, "model.base=owner/name")
    with pytest.raises(ConfigError, match="from random weights"):
        RUN["base"](run)
    assert read_preset("pigreward-qwen2-vl-7b").model.base


def test_run_all_leaves_the_base_out_for_a_pretrained_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def noting(name: str) -> Callable[[Session], dict[str, Any]]:
        def run(_: Session) -> dict[str, Any]:
            ran.append(name)
            return {}

        return run

    monkeypatch.setattr("training.stages.RUN", {name: noting(name) for name in STAGES})
    run_all(session(tmp_path, "model.base=owner/name"))
    assert ran == [name for name in STAGES if name != "base"]


def test_trained_weights_write(work: Path) -> None:
    from training.weights import trained

    run = session(work)
    engine = trained(work / "reasoner" / "model", run.base).engine(run.preset.model, 4)
    (reference, *_) = [r for _, r in run.references("reasoner", 1).values()]
    (reply,) = engine.generate([Request(tuple(run.wording.reasoner_messages(reference)), Decoding(max_tokens=5))])
    assert reply.tokens_out


def test_pushing_uploads_the_judge_folder_and_says_what_went_wrong(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    done: list[tuple[str, str]] = []

    class Hub:
        def create_repo(self, name: str, exist_ok: bool) -> None:
            if name == "not/mine":
                raise PermissionError("403")

        def upload_folder(self, repo_id: str, folder_path: str, commit_message: str) -> str:
            done.append((repo_id, folder_path))
            return f"https://hub/{repo_id}"

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    assert push(work / "export" / "judge", "me/judge") == "https://hub/me/judge"
    assert done == [("me/judge", str(work / "export" / "judge"))]
    with pytest.raises(ConfigError, match="does not take not/mine"):
        push(work / "export" / "judge", "not/mine")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "reward", "--preset", "test", "--set", "reward.bach=2"], "did you mean reward.batch"),
        (["train", "cot", "--push", "me/judge"], "goes with `pigeval train export`"),
        (["train", "all", "--fresh"], "begins one stage anew"),
        (["train", "reward", "--preset", "test", "--work", "nowhere"], "first: pigeval train"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lesson", "least", "of"), [("seeing", "sees", "captions"), ("arguing", "argues", "hinted rationales")]
)
def test_a_base_that_has_not_learned_a_lesson_is_no_base(
    copy: Path, tmp_path: Path, lesson: str, least: str, of: str
) -> None:
    """Every round goes on from the one before it; no later stage makes up for what the base cannot do."""
    work = tmp_path / "blind"
    shutil.copytree(copy / "split", work / "split")
    with pytest.raises(
        RunError, match=rf"after 2 rounds of {lesson} \d+\.\d% of {of} are right, expected 99\.0%; raise"
    ):
        RUN["base"](session(work, f"tiny.{least}=0.99", "tiny.rounds=2"))
    rounds = [(work / "base" / f"{lesson}-{n}" / "model" / "model.safetensors").read_bytes() for n in (1, 2)]
    assert rounds[0] != rounds[1]
    assert not (work / "base" / "model").exists()
