"""Presets: read, changed, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from training.presets import names, read_preset


@pytest.mark.parametrize("name", names())
def test_every_preset_that_ships_is_whole(name: str) -> None:
    preset = read_preset(name)
    assert preset.name == name
    assert preset.data.reasoner + preset.data.reward + preset.data.evaluation == pytest.approx(1)


def test_a_setting_can_be_changed_and_a_whole_number_stands_for_a_fraction() -> None:
    preset = read_preset("test", ["reasoner.beta=1", "cot.model=some/model", "seed=3"])
    assert (preset.reasoner.beta, preset.cot.model, preset.seed) == (1.0, "some/model", 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("reasoner.bate=1", "reasoner.beta"),
        ("reasonner.beta=1", "reasoner"),
        ("reasoner.beta=high", "expected float"),
        ("reasoner.beta=-1", "reasoner.beta"),
        ("reward.batch=0", "batch"),
        ("data.reward=0.9", "sum of 1"),
        ("cot.teacher=nobody", "scripted"),
        ("tiny.width=50", "multiple of"),
        ("rationales.hint=because", "{number}"),
        ("seed.x=1", "SECTION.KEY"),
        ("base.lr=nan", r"\[base\]: parameter lr"),
        ("base.schedule=zigzag", "cosine, linear"),
        ("reward.epochs=0", r"\[reward\]: parameter epochs"),
        ("reward.clip=-1", "clip"),
        ("reward.beta2=1", "beta2"),
        ("reward.lora_targets=(", "regular expression"),
        ("data.protocol=none", "leave-one-set-out"),
        ("model.device=tpu", "cuda:NUMBER"),
        ("rationales.top_p=7", "top_p"),
        ("cot.concurrency=0", "concurrency"),
        ("cot.budget_usd=5", "price_in and cot.price_out"),
        ("tiny.width=65536", "from 1 to 1024"),
        ("report_to=wandb", "none, tensorboard"),
        ("origin=1", r"a table \[origin\]"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(change: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("{", r"\{")):
        read_preset("test", ["seed=0", change])


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="did you mean tiny"):
        read_preset("tinny")


def test_an_origin_belongs_to_a_setting(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    text = (Path(__file__).parents[2] / "training/presets/test.toml").read_text()
    path.write_text(f'{text}\n[origin]\n"reasoner.beta" = "paper"\n')
    assert read_preset(str(path)).origin == {"reasoner.beta": "paper"}
    path.write_text(f'{text}\n[origin]\n"reasoner.gamma" = "paper"\n')
    with pytest.raises(ConfigError, match=r"reasoner\.gamma"):
        read_preset(str(path))


def test_the_paper_s_preset_says_where_each_value_is_from() -> None:
    preset = read_preset("pigreward-qwen2-vl-7b")
    assert preset.origin["model.base"].startswith("paper")
    assert "checkpoint" in " ".join(preset.origin.values())
    # Nobody published it: our choice.
    assert "reasoner.lr" not in preset.origin
