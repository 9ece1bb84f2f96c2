"""The read-me's `calc_probs` up to its softmax, with a model of drawn weights."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.parity import plain_torchvision  # noqa: F401

import PIL.Image  # isort: skip
import torch
from safetensors.torch import save_file
from transformers import AutoModel, AutoProcessor, CLIPConfig, CLIPModel

from benchmarks.parity.clip_files import H14, SMALL_H, drawn, hf_config, write_processor
from benchmarks.parity.materials import prompts
from benchmarks.parity.results import official


def make(folder: Path, small: bool) -> None:
    config = hf_config(SMALL_H if small else H14)
    with torch.device("meta"):
        shapes = {name: tuple(tensor.shape) for name, tensor in CLIPModel(CLIPConfig(**config)).state_dict().items()}
    state = {name: torch.from_numpy(values) for name, values in drawn(shapes).items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))
    write_processor(folder, "clip-anytorch")


@torch.no_grad()
def score(folder: Path, images: Path) -> list[list[float]]:
    processor = AutoProcessor.from_pretrained(folder, use_fast=False)
    model = AutoModel.from_pretrained(folder).eval()
    pictures = [PIL.Image.open(path).convert("RGB") for path in sorted(images.iterdir())]
    cut = {"padding": True, "truncation": True, "max_length": 77, "return_tensors": "pt"}
    image_vectors = model.get_image_features(**processor(images=pictures, **cut))
    image_vectors = image_vectors / torch.norm(image_vectors, dim=-1, keepdim=True)
    rows = []
    for prompt in prompts():
        text_vectors = model.get_text_features(**processor(text=prompt, **cut))
        text_vectors = text_vectors / torch.norm(text_vectors, dim=-1, keepdim=True)
        rows.append((model.logit_scale.exp() * (text_vectors @ image_vectors.T)[0]).tolist())
    return rows


if __name__ == "__main__":
    official(make, score, ("torch", "transformers", "pillow"))
