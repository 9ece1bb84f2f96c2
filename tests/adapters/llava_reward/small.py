"""LLaVA-Reward at a reduced size: folders, bases, questions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    LlavaNextImageProcessorPil,
    Qwen2VLImageProcessorPil,
)

from adapters.llava_reward.judge import LlavaReward
from benchmarks.parity.llava_reward import files
from benchmarks.parity.llava_reward.files import ALPHA, RANK, SETTINGS
from harness.records import Image
from tests.adapters.asking import noise

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden").joinpath("llava_reward.json").read_text())
SHAPES = GOLDEN["shapes"]
"""Tensors by the names they have in transformers 4.50 and peft 0.13.2, with which the released folders were made."""

PROMPT = "a prompt"
IMAGES = (noise(0), noise(1, (40, 90)), noise(2, (120, 30)))


def write_reward(folder: Path, base: str = "qwen", **settings: Any) -> Path:
    """A checkpoint as the authors' training writes it."""
    return files.write_reward(folder, {**SETTINGS, **settings}, SHAPES[base])


def made(weights: Path, model: Path, **given: Any) -> LlavaReward:
    return LlavaReward(**{"weights": str(weights), "model": str(model), "device": "cpu", "dtype": "float32", **given})


def qwen_inputs(base: Path, prompt: str, image: Image) -> dict[str, Tensor]:
    """No system turn, no header of an answer; the processor's own limits of sizes."""
    processor: Any = AutoProcessor.from_pretrained(base)
    processor.image_processor = Qwen2VLImageProcessorPil.from_pretrained(base)
    text = f"<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>{prompt}<|im_end|>"
    return dict(processor(text=[text], images=[image.decode()], return_tensors="pt"))


def llava_inputs(base: Path, prompt: str, image: Image) -> dict[str, Tensor]:
    processor: Any = AutoProcessor.from_pretrained(base)
    processor.image_processor = LlavaNextImageProcessorPil.from_pretrained(base)
    return dict(processor(text=[f"USER: <image>\n{prompt}</s>"], images=[image.decode()], return_tensors="pt"))


def state_by_hand(work: Path, name: str, prompt: str, image: Image) -> Tensor:
    """Hidden state of the last token: one text at a time, the whole model, the adapter added to its weights."""
    base, _ = files.FOLDERS[name]
    inputs = (qwen_inputs if base == "qwen" else llava_inputs)(work / base, prompt, image)
    layers = "model.layers." if base == "qwen" else "language_model.model.layers."
    model = AutoModelForImageTextToText.from_pretrained(work / base).eval()
    weights: Any = dict(model.named_parameters())
    head = torch.load(work / name / "pytorch_model.bin", weights_only=True)
    lora = torch.load(work / name / "lora" / "adapter_model.bin", weights_only=True)
    with torch.no_grad():
        for key in SHAPES[base]["projector"]:
            weights[f"model.{key}"].copy_(head[key])
        for key in SHAPES[base]["modules"]:
            change = lora[f"{key}.lora_B.weight"] @ lora[f"{key}.lora_A.weight"] * (ALPHA / RANK)
            weights[f"model.language_model.layers.{key.removeprefix(layers)}.weight"].add_(change)
        state: Tensor = model(**inputs, output_hidden_states=True).hidden_states[-1][0, -1]
    return state


def change(path: Path, new: Callable[[str, Tensor], Tensor | None]) -> None:
    """Rewrites a torch file tensor by tensor; None takes one away."""
    state = {key: new(key, tensor) for key, tensor in torch.load(path, weights_only=True).items()}
    torch.save({key: tensor for key, tensor in state.items() if tensor is not None}, path)
