"""torchmetrics' `clip_score` for each image and prompt."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.parity import plain_torchvision  # noqa: F401

import numpy as np  # isort: skip
import PIL.Image
import torch
from safetensors.torch import save_file
from torchmetrics.functional.multimodal.clip_score import _clip_score_update
from transformers import CLIPConfig, CLIPModel, CLIPProcessor

from benchmarks.parity.clip_files import L14, SMALL_L, drawn, hf_config, write_processor
from benchmarks.parity.clipscore_torchmetrics import SHORT
from benchmarks.parity.materials import prompts
from benchmarks.parity.results import official


def make(folder: Path, small: bool) -> None:
    config = hf_config(SMALL_L if small else L14)
    with torch.device("meta"):
        shapes = {name: tuple(tensor.shape) for name, tensor in CLIPModel(CLIPConfig(**config)).state_dict().items()}
    state = {name: torch.from_numpy(values) for name, values in drawn(shapes).items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))
    write_processor(folder, "clip-anytorch")


@torch.no_grad()
def score(folder: Path, images: Path) -> list[list[float]]:
    """Its inner step: the outer one clamps the mean over a batch at 0."""
    processor, model = CLIPProcessor.from_pretrained(folder, use_fast=False), CLIPModel.from_pretrained(folder).eval()
    pictures = [_tensor(path) for path in sorted(images.iterdir())]
    texts = [text for text in prompts() if len(text.split()) <= SHORT]
    return [_clip_score_update(pictures, [text] * len(pictures), model, processor)[0].tolist() for text in texts]


def _tensor(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.array(PIL.Image.open(path).convert("RGB"))).permute(2, 0, 1)


if __name__ == "__main__":
    official(make, score, ("torch", "torchmetrics", "transformers", "pillow"))
