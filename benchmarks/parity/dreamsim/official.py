"""`dreamsim.dreamsim()` on a folder of drawn weights.

The package takes DINO's network from `torch.hub`; here it is given its own copy of that file (dreamsim,
feature_extraction/vision_transformer.py) with the weights from the folder. Reduced networks replace its ViT-B.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.parity import plain_torchvision  # noqa: F401

import PIL.Image  # isort: skip
import torch
from dreamsim import dreamsim
from dreamsim.feature_extraction import load_clip_as_dino, load_open_clip_as_dino
from dreamsim.feature_extraction.vision_transformer import VisionTransformer
from safetensors.torch import load_file

from benchmarks.parity.dreamsim import files
from benchmarks.parity.results import official

ROWS = 6


def make(folder: Path, small: bool) -> None:
    files.write(folder, files.SMALL if small else files.FULL)


def network(folder: Path, **_: Any) -> VisionTransformer:
    width = torch.load(folder / files.DINO, weights_only=True)["cls_token"].shape[-1]
    norm = partial(torch.nn.LayerNorm, eps=1e-6)
    return VisionTransformer(
        patch_size=files.PATCH,
        embed_dim=width,
        depth=files.DEPTH,
        num_heads=width // 64,
        qkv_bias=True,
        norm_layer=norm,
    )


def dino(folder: Path, *_: Any) -> VisionTransformer:
    model = network(folder)
    model.load_state_dict(torch.load(folder / files.DINO, weights_only=True))
    return model


@torch.no_grad()
def score(folder: Path, images: Path) -> list[list[float]]:
    torch.hub.load = partial(dino, folder)
    for module in (load_clip_as_dino, load_open_clip_as_dino):
        module.vit_base = partial(network, folder)
    model, preprocess = dreamsim(pretrained=True, device="cpu", cache_dir=str(folder))
    names = {name for name in model.state_dict() if "lora" in name}
    expected = load_file(folder / files.LORA / "adapter_model.safetensors")
    assert names == {name.replace(".weight", ".default.weight") for name in expected}, (
        "peft calls its tensors otherwise"
    )
    pictures = [preprocess(PIL.Image.open(path)) for path in sorted(images.iterdir())]
    return [[1 - float(model(x, liked)) for x in pictures] for liked in pictures[:ROWS]]


if __name__ == "__main__":
    official(make, score, ("torch", "torchvision", "dreamsim", "peft", "pillow"))
