"""The control that is told what the reasoner should have written."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.contexts import read_contexts
from harness.errors import ConfigError
from harness.progress import Silent
from harness.registry import registries
from tests.training.small import QUIET, preset, wording
from training.language import rationale
from training.material import Material, open_dataset
from training.teacher import levels_in
from training.told import Told

pytestmark = QUIET

WORLD = "simulated-flat:users=6,sets=8,rankings=6,split=test,noise_free=true"


def judge_folder(to: Path) -> Path:
    """Untrained models in a judge folder."""
    from training.tiny_model import make

    settings = preset()
    for part in ("reasoner", "reward"):
        make(to / part, settings.tiny, wording(), settings.rationales.hint, 0)
    (to / "prompts").mkdir()
    for name, text in wording().texts.items():
        (to / "prompts" / f"{name}.txt").write_text(text, encoding="utf-8")
    (to / "judge.json").write_text('{"format": 1}', encoding="utf-8")
    return to


def test_it_reads_true_rationales_and_asks_no_reasoner(tmp_path: Path) -> None:
    folder = judge_folder(tmp_path / "judge")
    told = Told(weights=str(folder), dataset=WORLD, device="cpu", max_pixels=3136, max_tokens=4)
    material = Material(open_dataset(WORLD), preset().data, 0)
    plan = material.plan(material.table, Silent())
    comparisons = [question.comparison for question in material.questions(plan, 4)]
    assert len(list(told.foreseen(comparisons))) == len(comparisons)
    told.keep_in(tmp_path)
    told.prepare(comparisons)
    kept = [record for record in read_contexts(tmp_path).values() if record["kind"] == "rationale"]
    levels = levels_in(material.dataset, material.table.images) or {}
    references = {reference for comparison in comparisons for reference in comparison.references}
    assert {record["text"] for record in kept} == {
        rationale(levels[r.preferred[0].digest], levels[r.rejected[0].digest]) for r in references
    }
    assert told.identity()["reasoner"] == {"told by": WORLD}
    (message,) = told.messages(comparisons[0])
    first = comparisons[0].references[0]
    said = rationale(levels[first.preferred[0].digest], levels[first.rejected[0].digest])
    assert f"1:\n{said}" in str(message.parts[0])


@pytest.mark.parametrize(
    "parameters", [{"dataset": "simulated-flat", "context": "none"}, {"dataset": "ratings:path=nowhere"}]
)
def test_what_knows_no_image_is_refused(parameters: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Told(weights=str(judge_folder(tmp_path / "judge")), **parameters)


def test_an_image_of_another_data_set_is_named(tmp_path: Path) -> None:
    told = Told(weights=str(judge_folder(tmp_path / "judge")), dataset=WORLD)
    other = Material(open_dataset("simulated-flat:users=6,sets=8,rankings=6,seed=3"), preset().data, 0)
    plan = other.plan(other.table, Silent())
    comparisons = [question.comparison for question in other.questions(plan, 4)]
    with pytest.raises(ConfigError, match=r"not of simulated-flat:users=6.*give dataset="):
        told.prepare(comparisons)


def test_it_is_listed_as_a_control_with_the_parameters_of_the_judge() -> None:
    judges, _ = registries(())
    entry = judges["pigreward-told"]
    assert entry.kind == "control"
    with pytest.raises(ConfigError, match="batches"):
        judges.create("pigreward-told:batches=3")
