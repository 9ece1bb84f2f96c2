"""Tiny checkpoints with drawn weights in the official file layouts of the CLIP family."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel

from benchmarks.parity.clip_files import HEAD_SCALE, HEAD_SHAPES, drawn, hf_config, write_processor

State = dict[str, torch.Tensor]

SIDE, VOCABULARY = 32, 700

OPENAI: dict[str, Any] = {
    "embed_dim": 48,
    "quick_gelu": True,
    "vision_cfg": {"image_size": SIDE, "layers": 2, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 2},
}
"""A CLIP like OpenAI's, 32 pixels wide."""

HPS: dict[str, Any] = {
    **OPENAI,
    "quick_gelu": False,
    "vision_cfg": {**OPENAI["vision_cfg"], "width": 80, "head_width": 80},
}
"""A CLIP like HPSv2's."""

HF: dict[str, Any] = {**OPENAI, "text_cfg": {**OPENAI["text_cfg"], "vocab_size": VOCABULARY}}
"""A CLIP for transformers, with the first 700 tokens of OpenAI's."""


def tensors(shapes: Mapping[str, tuple[int, ...]], scale: float = 0.05) -> State:
    return {name: torch.from_numpy(values) for name, values in drawn(shapes, scale).items()}


def _shapes(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def openclip_state(config: Mapping[str, Any] = OPENAI) -> State:
    with torch.device("meta"):
        model = open_clip.CLIP(**config)
    return tensors(_shapes(model))


def hf_state(config: Mapping[str, Any] = HF) -> State:
    with torch.device("meta"):
        model = CLIPModel(CLIPConfig.from_dict(hf_config(config)))
    return tensors(_shapes(model))


def write_openclip(folder: Path, config: Mapping[str, Any] = OPENAI) -> Path:
    """A folder as open_clip pushes it to the hub."""
    folder.mkdir(parents=True)
    save_file(openclip_state(config), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": dict(config), "preprocess_cfg": {}}))
    return folder


def write_bare(path: Path, config: Mapping[str, Any] = OPENAI, inside: str = "") -> Path:
    """A state dict saved with torch, as it is or under a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = openclip_state(config)
    torch.save({inside: state} if inside else state, path)
    return path


def write_hf(folder: Path, config: Mapping[str, Any] = HF) -> Path:
    """A folder as transformers saves it, tokenizer and image processor included."""
    folder.mkdir(parents=True)
    save_file(hf_state(config), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(hf_config(config)))
    side, tokens = config["vision_cfg"]["image_size"], config["text_cfg"]["vocab_size"]
    write_processor(folder, "open_clip_torch", tokens, side)
    return folder


def write_head(path: Path, width: int = OPENAI["embed_dim"], version: int = 2) -> Path:
    """An aesthetic head for vectors of a width."""
    shapes = {**HEAD_SHAPES, "layers.0.weight": (1024, width)} if version == 2 else {"weight": (1, width), "bias": (1,)}
    torch.save(tensors(shapes, HEAD_SCALE), path)
    return path


def official_hf(folder: Path) -> CLIPModel:
    """The same model loaded by transformers itself."""
    return CLIPModel.from_pretrained(folder, local_files_only=True).eval()
