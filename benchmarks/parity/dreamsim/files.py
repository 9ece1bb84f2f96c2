"""The folder of drawn weights: file names, tensor names and shapes of the release."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from benchmarks.parity.materials import draw

Shapes = dict[str, tuple[int, ...]]

RANK, ALPHA = 16, 32.0
"""So large that leaving them out would show."""

DINO, DINO_HEAD = "checkpoints/dino_vitbase16_pretrain.pth", "dino_vitb16_pretrain.pth"
CLIP, OPEN_CLIP = "clip_vitb16_pretrain.pth.tar", "open_clip_vitb16_pretrain.pth.tar"
LORA = "ensemble_lora"

ADAPTER_CONFIG = {
    "peft_type": "LORA",
    "r": RANK,
    "lora_alpha": ALPHA,
    "lora_dropout": 0.3,
    "bias": "none",
    "target_modules": ["qkv"],
}


HEAD = ("mlp.0.weight", "mlp.0.bias", "mlp.2.weight", "mlp.2.bias", "mlp.4.weight", "mlp.4.bias", "last_layer.weight")
"""Of DINO's projection, which the package loads and DreamSim does not use."""


@dataclass(frozen=True)
class Size:
    """Of each of the three networks."""

    width: int
    joint: int
    """Width after CLIP's projection."""


FULL, SMALL = Size(768, 512), Size(64, 32)
DEPTH = 12
"""Not to be reduced: the package reads DINO's vector from block 11."""
PATCH, SIDE = 16, 224


def vit(size: Size) -> Shapes:
    """A vision transformer as DINO's code names its tensors."""
    w = size.width
    shapes: Shapes = {
        "cls_token": (1, 1, w),
        "pos_embed": (1, (SIDE // PATCH) ** 2 + 1, w),
        "patch_embed.proj.weight": (w, 3, PATCH, PATCH),
        "patch_embed.proj.bias": (w,),
        "norm.weight": (w,),
        "norm.bias": (w,),
    }
    for block in range(DEPTH):
        layers = {"attn.qkv": (3 * w, w), "attn.proj": (w, w), "mlp.fc1": (4 * w, w), "mlp.fc2": (w, 4 * w)}
        for name in ("norm1", "norm2"):
            shapes |= {f"blocks.{block}.{name}.weight": (w,), f"blocks.{block}.{name}.bias": (w,)}
        for name, shape in layers.items():
            shapes |= {f"blocks.{block}.{name}.weight": shape, f"blocks.{block}.{name}.bias": shape[:1]}
    return shapes


def clip(size: Size) -> Shapes:
    """CLIP's image tower in the same names: a norm before the blocks and a projection more."""
    w = size.width
    return {**vit(size), "pos_drop.weight": (w,), "pos_drop.bias": (w,), "proj": (w, size.joint)}


def adapter(size: Size) -> Shapes:
    """LoRA of the three networks as peft names its tensors."""
    shapes: Shapes = {}
    for network in range(3):
        for block in range(DEPTH):
            layer = f"base_model.model.extractor_list.{network}.model.blocks.{block}.attn.qkv"
            shapes[f"{layer}.lora_A.weight"] = (RANK, size.width)
            shapes[f"{layer}.lora_B.weight"] = (3 * size.width, RANK)
    return shapes


def write(folder: Path, size: Size = SMALL) -> None:
    """All files of the ensemble, in the layout of the package's `cache_dir`."""
    for name in ("checkpoints", LORA):
        (folder / name).mkdir(parents=True)
    torch.save(_drawn(vit(size), 0), folder / DINO)
    torch.save({"student": {f"module.head.{key}": torch.zeros(1) for key in HEAD}}, folder / DINO_HEAD)
    torch.save({"state_dict": _drawn(clip(size), 1)}, folder / CLIP)
    torch.save({"state_dict": _drawn(clip(size), 2)}, folder / OPEN_CLIP)
    (folder / LORA / "adapter_config.json").write_text(json.dumps(ADAPTER_CONFIG))
    save_file(_drawn(adapter(size), 3), folder / LORA / "adapter_model.safetensors")


def _drawn(shapes: Shapes, seed: int) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(draw(name, shape, seed)) for name, shape in shapes.items()}
