"""Wrong files, and which of several are meant."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from adapters.llava_reward.folder import open_folder
from adapters.llava_reward.judge import LlavaReward
from benchmarks.parity.llava_reward import files
from harness.errors import ConfigError
from tests.adapters.llava_reward.small import (
    IMAGES,
    PROMPT,
    SHAPES,
    change,
    made,
    write_reward,
)


def rename(path: Path, name: Callable[[str], str]) -> None:
    torch.save({name(key): tensor for key, tensor in torch.load(path, weights_only=True).items()}, path)


def configured(path: Path, **settings: object) -> None:
    whole = {**yaml.safe_load(path.read_text()), **settings}
    path.write_text(yaml.safe_dump({key: value for key, value in whole.items() if value is not ...}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"general_preference_tau": ...}, "no key general_preference_tau; expected is_general_preference"),
        ({"is_general_preference": ...}, "no key is_general_preference"),
        ({"is_general_preference": "yes"}, "is_general_preference is 'yes'; expected true or false"),
        ({"value_head_dim": True}, "value_head_dim is True; expected a number"),
        ({"general_preference_tau": 0}, "general_preference_tau is 0; expected more than 0"),
        ({"is_general_preference": True, "value_head_dim": 4}, "value_head_dim is 4; expected 2"),
        ({"is_general_preference": True, "value_head_dim": 1}, "value_head_dim is 1; expected 2"),
    ],
)
def test_wrong_settings_are_named(settings: Mapping[str, Any], message: str, tmp_path: Path) -> None:
    folder = write_reward(tmp_path / "x")
    configured(folder / "reward_config.yaml", **settings)
    with pytest.raises(ConfigError, match=message):
        open_folder(str(folder), "")


def test_a_wrong_head_is_named(work: Path, tmp_path: Path) -> None:
    def broken(name: str, new: Callable[[str, Tensor], Tensor | None], **settings: Any) -> Path:
        folder = write_reward(tmp_path / name, **settings)
        change(folder / "pytorch_model.bin", new)
        return folder

    cases = (
        (broken("a", lambda k, t: None if "value_head" in k else t), r"1 keys missing \(value_head\.weight\)"),
        (broken("b", lambda k, t: None if "mlp.0.bias" in k else t), r"1 keys missing \(merger\.mlp\.0\.bias\)"),
        (broken("c", lambda k, t: None if "W_k" in k else t, add_cross_attention=True), r"missing \(W_k\.weight\)"),
        (broken("d", lambda k, t: t[:, :-1] if "value" in k else t), r"has shape \(1, 31\); expected \(1, 32\)"),
        (broken("e", lambda k, t: t.repeat(2, 1) if "value" in k else t), r"has shape \(2, 32\); expected \(1, 32\)"),
    )
    for folder, message in cases:
        with pytest.raises(ConfigError, match=message):
            made(folder, work / "qwen")
    configured(broken("f", lambda _, t: t, add_cross_attention=True) / "reward_config.yaml", add_cross_attention=False)
    with pytest.raises(ConfigError, match=r"left over \(W_k\.weight, W_q\.weight"):
        made(tmp_path / "f", work / "qwen")


def test_names_of_the_head_may_have_something_before_them(work: Path, tmp_path: Path, bt: LlavaReward) -> None:
    folder = write_reward(tmp_path / "x", general_preference_tau=0.5)
    rename(folder / "pytorch_model.bin", lambda key: f"module.{key}")
    assert made(folder, work / "qwen").rewards([PROMPT], IMAGES[:1]) == bt.rewards([PROMPT], IMAGES[:1])
    rename(folder / "pytorch_model.bin", lambda key: key.replace("value_head", "prompt_head"))
    with pytest.raises(ConfigError, match=r"prompt_head\.weight is no part of LLaVA-Reward's head"):
        open_folder(str(folder), "")


@pytest.mark.parametrize("later", [False, True], ids=["wrapped", "later layout, safetensors"])
def test_adapters_of_other_versions_of_the_libraries_are_read(
    later: bool, work: Path, tmp_path: Path, bt: LlavaReward
) -> None:
    folder = write_reward(tmp_path / "x", general_preference_tau=0.5)
    path = folder / "lora" / "adapter_model.bin"
    if later:
        state = torch.load(path, weights_only=True)
        moved = {key.replace("model.", "model.language_model.", 1): tensor for key, tensor in state.items()}
        save_file(moved, path.with_suffix(".safetensors"))
        path.unlink()
        config = path.with_name("adapter_config.json")
        config.write_text(config.read_text().replace("model.layers", "model.language_model.layers"))
    else:
        rename(path, lambda key: f"base_model.model.{key}")
    assert made(folder, work / "qwen").rewards([PROMPT], IMAGES[:1]) == bt.rewards([PROMPT], IMAGES[:1])


def test_a_wrong_adapter_is_named(work: Path, tmp_path: Path) -> None:
    def broken(name: str, new: Callable[[Path], None]) -> Path:
        folder = write_reward(tmp_path / name)
        new(folder / "lora" / "adapter_model.bin")
        return folder

    def deeper(path: Path) -> None:
        rename(path, lambda key: key.replace("layers.1.", "layers.31."))
        config = path.with_name("adapter_config.json")
        config.write_text(config.read_text().replace("layers.1.", "layers.31."))

    def prefix_tuning(path: Path) -> None:
        path.with_name("adapter_config.json").write_text(json.dumps({"peft_type": "PREFIX_TUNING"}))

    cases: tuple[tuple[Callable[[Path], None], str], ...] = (
        (deeper, r"the model has no language_model\.layers\.31\..*the adapter is of another base"),
        (lambda path: change(path, lambda k, t: t[:, :-2] if "A.weight" in k else t), "adapter is of another base"),
        (lambda path: change(path, lambda k, t: None if "layers.1.mlp" in k else t), r"no tensor for model\.layers\.1"),
        (lambda path: change(path, lambda k, t: None if "0.mlp.up_proj.lora_B" in k else t), "1 keys missing"),
        (lambda path: rename(path, lambda key: key.replace("lora_A.weight", "lora_magnitude")), "is no part of an ad"),
        (prefix_tuning, "PREFIX_TUNING with bias None; expected a LoRA"),
        (lambda path: torch.save(torch.nn.Linear(1, 1), path), "not a checkpoint of plain tensors"),
        (lambda path: path.unlink(), r"expected lora/adapter_model\.safetensors or lora/adapter_model\.bin"),
    )
    for n, (new, message) in enumerate(cases):
        with pytest.raises(ConfigError, match=message):
            made(broken(str(n), new), work / "qwen")


def test_weights_and_model_have_to_belong_together(work: Path) -> None:
    with pytest.raises(ConfigError, match=r"trained on Qwen/Qwen2\.5-VL-7B-Instruct, and model .* is a llava_next"):
        made(work / "bt", work / "llava")
    with pytest.raises(ConfigError, match=r"give model=llava-hf/llava-v1\.6-vicuna-13b-hf"):
        made(work / "vicuna", work / "qwen")


def test_phi_is_refused_with_the_reason(work: Path, tmp_path: Path) -> None:
    folder = write_reward(tmp_path / "phi")
    projector = "model.vision_embed_tokens.img_projection"
    rename(folder / "pytorch_model.bin", lambda key: key.replace("visual.merger", projector))
    with pytest.raises(ConfigError, match=r"trained on Phi-3\.5-vision.*trust_remote_code.*Take a folder.*on Qwen2\.5"):
        made(folder, work / "qwen")
    for model_type, message in (
        ("phi3_v", "trust_remote_code"),
        ("qwen2_vl", "'qwen2_vl'; expected one of qwen2_5_vl"),
    ):
        base = tmp_path / model_type
        base.mkdir()
        (base / "config.json").write_text(json.dumps({"model_type": model_type}))
        (base / "model.safetensors").touch()
        with pytest.raises(ConfigError, match=message):
            made(work / "bt", base)


def test_skipca_is_refused_where_the_released_code_has_none(work: Path, tmp_path: Path) -> None:
    folder = write_reward(tmp_path / "x", "llava", add_cross_attention=True)
    with pytest.raises(ConfigError, match=r"none for llava-hf/llava-v1\.6-vicuna-13b-hf"):
        made(folder, work / "llava")


def test_a_template_that_writes_turns_otherwise_is_refused(work: Path, tmp_path: Path) -> None:
    base = files.write_base(tmp_path / "base", "qwen", SHAPES["qwen"]["base"])
    for path in (base / "chat_template.json", base / "tokenizer_config.json"):
        path.write_text(path.read_text().replace("You are a helpful", "You are an unhelpful"))
    with pytest.raises(ConfigError, match=r"unhelpful assistant.*expected '<\|im_start\|>system"):
        made(work / "bt", base)


def test_one_of_several_folders_is_chosen_by_task(tmp_path: Path) -> None:
    for name in ("alignment/one", "alignment/two", "safety/three"):
        write_reward(tmp_path / "all" / name)
    weights = str(tmp_path / "all")
    assert open_folder(weights, "safety").files[1] == tmp_path / "all" / "safety" / "three" / "pytorch_model.bin"
    assert open_folder(weights, "alignment/two").name == open_folder(weights, "two").name == "two"
    with pytest.raises(ConfigError, match="no task is given; expected task=FOLDER for one of: alignment/one, alignm"):
        open_folder(weights, "")
    with pytest.raises(ConfigError, match=r"task=alignment fits 2; .* for one of: alignment/one, alignment/two$"):
        open_folder(weights, "alignment")
    with pytest.raises(ConfigError, match="task=general fits 0"):
        open_folder(weights, "general")
    with pytest.raises(ConfigError, match="nothing with reward_config"):
        open_folder(str(tmp_path / "all" / "safety" / "three" / "lora"), "")
    with pytest.raises(ConfigError, match="expected a folder"):
        open_folder(str(tmp_path / "all" / "safety" / "three" / "reward_config.yaml"), "")


def test_of_a_repository_only_the_chosen_folder_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = tmp_path / ("c" * 40)
    for name in ("alignment/one", "safety/three"):
        write_reward(commit / name)
    asked: list[tuple[str, Sequence[str]]] = []

    def download(repository: str, *, revision: str, allow_patterns: Sequence[str], **_: object) -> str:
        asked.append((f"{repository}@{revision}", allow_patterns))
        return str(commit)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert open_folder("smz8599/LLaVA-Reward", "safety").name == "three"
    files = ["safety/three/reward_config.yaml", "safety/three/pytorch_model.bin", "safety/three/lora/*"]
    assert asked == [
        ("smz8599/LLaVA-Reward@main", ["*reward_config.yaml"]),
        (f"smz8599/LLaVA-Reward@{'c' * 40}", files),
    ]


def test_without_a_network_the_message_says_what_to_fetch() -> None:
    with pytest.raises(ConfigError, match="hf download smz8599/LLaVA-Reward --revision main --local-dir FOLDER"):
        LlavaReward(device="cpu")
