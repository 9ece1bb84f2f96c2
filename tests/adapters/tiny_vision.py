"""Tiny checkpoints of image encoders with drawn weights in the official file layouts, and a fake one without files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from safetensors.torch import load_file, save_file
from transformers import BitImageProcessorPil, Dinov2Config, Dinov2Model, ViTConfig, ViTModel

from adapters.backbones.base import Backbone
from adapters.devices import Device
from benchmarks.parity.materials import draw

State = dict[str, torch.Tensor]

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


class Thumbnails(Backbone):
    """A random linear map of the pixels of a thumbnail."""

    size = 56

    def __init__(self, seed: int = 0, width: int = 16) -> None:
        super().__init__(Device("cpu"), cache=False)
        self._seed = seed
        self._map = torch.from_numpy(draw("map", (3 * self.size**2, width), seed))

    def described(self) -> Mapping[str, Any]:
        return {"seed": self._seed}

    def preprocess(self, image: PIL.Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.array(image.resize((self.size, self.size)))).permute(2, 0, 1) / 127.5 - 1

    def forward_images(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.flatten(1) @ self._map


def tensors(module: torch.nn.Module, seed: int = 0) -> State:
    return {name: torch.from_numpy(draw(name, tuple(t.shape), seed)) for name, t in module.state_dict().items()}


def write_dinov2(folder: Path, seed: int = 0) -> Path:
    """DINOv2 of 32 dimensions that sees 28 pixels, as transformers saves it."""
    config = Dinov2Config(**SIZES, image_size=42, patch_size=14)
    model = Dinov2Model(config)
    model.load_state_dict(tensors(model, seed))
    model.save_pretrained(folder)
    size = {"size": {"shortest_edge": 32}, "crop_size": {"height": 28, "width": 28}}
    BitImageProcessorPil(**size, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]).save_pretrained(
        folder
    )
    return folder


def write_dino(folder: Path) -> Path:
    """DINO of 32 dimensions that sees 28 pixels, with a pooler as the hub's files may have."""
    model = ViTModel(ViTConfig(**SIZES, intermediate_size=64, image_size=28, patch_size=14))
    model.load_state_dict(tensors(model))
    model.save_pretrained(folder)
    return folder


def rewrite(path: Path, **changes: torch.Tensor | None) -> None:
    """Replaces tensors of a safetensors file (`__` for a dot); None takes one away."""
    state = load_file(path)
    for name, tensor in changes.items():
        key = name.replace("__", ".")
        state.pop(key, None)
        if tensor is not None:
            state[key] = tensor
    save_file(state, path, metadata={"format": "pt"})


def set_key(path: Path, key: str, value: object) -> None:
    """Changes one key of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
