from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from adapters.similarity.dreamsim import DreamSim
from benchmarks.parity.dreamsim import files
from harness.errors import ConfigError
from tests.adapters.asking import answer, liked, noise, question
from tests.adapters.golden import assert_like_golden
from tests.adapters.tiny_vision import rewrite, set_key

ADAPTER, ADAPTER_CONFIG = (f"{files.LORA}/{name}" for name in ("adapter_model.safetensors", "adapter_config.json"))
RED, BLUE, GREEN = (noise(seed, colour=c) for seed, c in ((1, (200, 60, 60)), (2, (60, 60, 200)), (3, (60, 200, 60))))


def judge(folder: Path, **parameters: Any) -> DreamSim:
    return DreamSim(weights=str(folder), device="cpu", cache=False, **parameters)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files.write(tmp_path / "dreamsim", files.Size(width=64, joint=8))
    return tmp_path / "dreamsim"


def change(path: Path, **changes: torch.Tensor | None) -> None:
    """Replaces tensors of a torch file; None takes one away."""
    content = torch.load(path, weights_only=True)
    state = content.get("state_dict", content)
    state.update(changes)
    for key in [key for key, tensor in changes.items() if tensor is None]:
        del state[key]
    torch.save(content, path)


def test_similarities_are_those_of_the_official_package(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files.write(tmp_path / "dreamsim")
    assert_like_golden("dreamsim", judge(tmp_path / "dreamsim"), tmp_path_factory, 1e-5)


def test_one_network_alone_and_batches(folder: Path) -> None:
    (folder / files.LORA).rename(folder / "dino_vitb16_single_lora")
    adapter = folder / "dino_vitb16_single_lora" / "adapter_model.safetensors"
    others = [key for key in files.adapter(files.Size(64, 8)) if "extractor_list.0." not in key]
    rewrite(adapter, **{key.replace(".", "__"): None for key in others})
    asked = [question(RED, BLUE, liked(GREEN, RED)), question(GREEN, BLUE, liked(RED))]
    whole, single = (judge(folder, model="dino_vitb16", batch=batch).compare(asked) for batch in (8, 1))
    assert [v.score_a for v in whole] == pytest.approx([v.score_a for v in single], abs=1e-5)
    assert answer(judge(folder, model="dino_vitb16"), question(RED, BLUE, liked(RED, BLUE))).winner == "A"


def test_identity_knows_every_file(folder: Path) -> None:
    first = judge(folder).identity()["weights"]
    set_key(folder / ADAPTER_CONFIG, "lora_alpha", 8.0)
    second = judge(folder).identity()["weights"]
    change(folder / files.CLIP, **{"norm.bias": torch.zeros(64)})
    assert len({first, second, judge(folder).identity()["weights"]}) == 3


def test_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"weights is empty; unpack dreamsim_ensemble_checkpoint\.zip .* weights=FOLDER"
    ):
        DreamSim(device="cpu")
    with pytest.raises(ConfigError, match="a file; unpack"):
        judge(folder / files.CLIP)
    (folder / files.DINO).unlink()
    with pytest.raises(ConfigError, match=r"expected checkpoints/dino_vitbase16_pretrain\.pth; found"):
        judge(folder)
    with pytest.raises(ConfigError, match="model is 'mae'; expected one of ensemble"):
        judge(folder, model="mae")


def test_lora_weights_are_accounted_for(folder: Path) -> None:
    layer = "base_model__model__extractor_list__0__model__blocks__0__attn__qkv__lora_"
    rewrite(folder / ADAPTER, base_model__model__other=torch.zeros(1))
    with pytest.raises(
        ConfigError, match=r"adapter_model\.safetensors: .* 1 keys left over \(base_model\.model\.other\)"
    ):
        judge(folder)
    rewrite(folder / ADAPTER, base_model__model__other=None, **{f"{layer}B__weight": torch.zeros(7, 16)})
    with pytest.raises(ConfigError, match=r"qkv\.lora_A\.weight has no lora_B of its shape"):
        judge(folder)
    set_key(folder / ADAPTER_CONFIG, "use_dora", True)
    with pytest.raises(ConfigError, match=r"adapter_config\.json: use_dora is set; expected plain LoRA"):
        judge(folder)
    (folder / ADAPTER_CONFIG).write_text('{"r": 16}')
    with pytest.raises(ConfigError, match=r"adapter_config\.json: KeyError\('lora_alpha'\); expected peft's"):
        judge(folder)


def test_networks_are_accounted_for(folder: Path) -> None:
    change(folder / files.CLIP, extra=torch.zeros(1))
    with pytest.raises(ConfigError, match=r"clip_vitb16_pretrain\.pth\.tar: .* 1 keys left over \(extra\)"):
        judge(folder)
    change(folder / files.CLIP, extra=None, **{"norm.bias": torch.zeros(3)})
    with pytest.raises(ConfigError, match=r"norm\.bias has shape \(3,\); expected \(64,\)"):
        judge(folder)
    change(folder / files.CLIP, proj=None)
    with pytest.raises(ConfigError, match=r"no key proj; expected the file clip_vitb16_pretrain\.pth\.tar"):
        judge(folder)
    change(folder / files.DINO, pos_embed=None)
    with pytest.raises(ConfigError, match=r"'pos_embed'.*; expected a vision transformer"):
        judge(folder)


def test_networks_of_different_sides_are_refused(folder: Path) -> None:
    change(folder / files.CLIP, pos_embed=torch.zeros(1, 10, 64))
    with pytest.raises(ConfigError, match=r"networks for images of different sides: .* expected one side"):
        judge(folder)
