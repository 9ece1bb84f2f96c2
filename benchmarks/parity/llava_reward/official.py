"""The official side: transformers 4.50.0, peft 0.13.2 and qwen-vl-utils, which LLaVA-Reward names, in float32 on a CPU.

The authors' repository is no package, needs deepspeed to be imported, and has its reward in one method: that method,
the texts and the file names are written anew here from reading it (sjz5202/LLaVA-Reward, commit 4c637372). What they
call is the libraries' own: models and their layout, image processors, the adapter and how it is loaded.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

# isort: off
import benchmarks.parity.plain_torchvision  # noqa: F401

# isort: on
import PIL.Image
import torch
import yaml
from peft import LoraConfig, get_peft_model_state_dict
from qwen_vl_utils import process_vision_info  # type: ignore[import-not-found]
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoProcessor,
    LlavaNextForConditionalGeneration,
    LlavaNextProcessor,
    Qwen2_5_VLForConditionalGeneration,
)

from benchmarks.parity.llava_reward.files import ALPHA, CONFIGS, FOLDERS, IMAGES, LAYERS, PROMPTS, RANK, write_all
from benchmarks.parity.materials import prompts
from benchmarks.parity.results import official

DISTRIBUTIONS = ("torch", "transformers", "tokenizers", "peft", "qwen-vl-utils", "pillow", "numpy")

MODELS = {"qwen": Qwen2_5_VLForConditionalGeneration, "llava": LlavaNextForConditionalGeneration}
LAYERS_OF = {"qwen": "model.layers", "llava": "language_model.model.layers"}
PROJECTOR = {"qwen": "merger", "llava": "multi_modal_projector"}
LINEAR = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj",
          "mlp.up_proj", "mlp.down_proj")  # fmt: skip
VISUAL_TOKEN = 256
"""Id of `<|endoftext|>` here (151643 in the released code and vocabulary): what SkipCA looks for."""

warnings.filterwarnings("ignore")


def targets(name: str) -> list[str]:
    """The modules that are adapted."""
    return [f"{LAYERS_OF[name]}.{layer}.{linear}" for layer in range(LAYERS) for linear in LINEAR]


def shapes_of(work: Path) -> dict[str, Any]:
    """Names and shapes of the tensors of both bases, their adapters and heads, as these libraries call them."""
    found: dict[str, Any] = {}
    for name, model_class in MODELS.items():
        (work / name).mkdir(parents=True)
        (work / name / "config.json").write_text(json.dumps(CONFIGS[name]))
        model: Any = model_class(AutoConfig.from_pretrained(work / name))
        base = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
        model.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets(name)))
        lora = {key: list(tensor.shape) for key, tensor in get_peft_model_state_dict(model).items()}
        projector = {key: shape for key, shape in base.items() if PROJECTOR[name] in key}
        found[name] = {"base": base, "lora": lora, "projector": projector, "modules": targets(name)}
    return found


class Official:
    """One checkpoint on its base."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name, settings = FOLDERS[name]
        self._base = folder / self._name
        self._settings = yaml.safe_load((folder / name / "reward_config.yaml").read_text())
        assert self._settings == settings
        self._model: Any = MODELS[self._name].from_pretrained(self._base).eval()
        self._model.load_adapter(str(folder / name / "lora"))
        self._model.enable_adapters()
        self._head = torch.load(folder / name / "pytorch_model.bin", weights_only=True)
        projector = self._model.visual.merger if self._name == "qwen" else self._model.multi_modal_projector
        prefix = "visual.merger." if self._name == "qwen" else "multi_modal_projector."
        projector.load_state_dict({k.removeprefix(prefix): v for k, v in self._head.items() if k.startswith(prefix)})
        if self._name == "qwen":
            pixels = {"min_pixels": 256 * 28 * 28, "max_pixels": 1280 * 28 * 28}
            self._processor: Any = AutoProcessor.from_pretrained(self._base, use_fast=False, **pixels)
        else:
            self._processor = LlavaNextProcessor.from_pretrained(self._base, use_fast=False)
        self._processor.tokenizer.padding_side = "left"

    def inputs(self, image: Path, prompt: str) -> Any:
        """One text and its image, by counting characters of the template's text off."""
        picture, text = {"type": "image", "image": f"file://{image}"}, {"type": "text", "text": prompt}
        content = [picture, text] if self._name == "qwen" else [text, {"type": "image"}]
        turn = [{"role": "user", "content": content}]
        written = self._processor.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        if self._name == "qwen":
            images, _ = process_vision_info([turn])
            written = written[58:-23].strip()
        else:
            images = [PIL.Image.open(image).convert("RGB")]
            written = written[0:-11] + self._processor.tokenizer.eos_token
        return self._processor(text=[written], images=images, padding=True, return_tensors="pt")

    @torch.no_grad()
    def reward(self, image: Path, prompt: str) -> list[float]:
        """As many numbers as the head has rows."""
        inputs = self.inputs(image, prompt)
        states = self._model(**inputs, output_hidden_states=True).hidden_states
        hidden = states[-1]
        if self._settings["add_cross_attention"]:
            hidden = self._skip(hidden, states[0][:, inputs["input_ids"][0] == VISUAL_TOKEN])
        mask = inputs["attention_mask"]
        last = mask.size(1) - 1 - mask.long().fliplr().argmax(dim=1)
        values: list[float] = (hidden[0, last[0]] @ self._head["value_head.weight"].T).tolist()
        return values

    def _skip(self, hidden: Tensor, vision: Tensor) -> Tensor:
        query, key, value = (states @ self._head[f"W_{name}.weight"].T
                             for name, states in (("q", hidden), ("k", vision), ("v", vision)))  # fmt: skip
        scores = torch.bmm(query, key.transpose(1, 2)) / hidden.shape[-1] ** 0.5
        hidden = hidden + torch.bmm(torch.softmax(scores, dim=-1), value)
        hidden = hidden * torch.rsqrt(hidden.pow(2).mean(-1, keepdim=True) + 1e-6)
        normed: Tensor = hidden * self._head["ca_layernorm.weight"]
        return normed


def make(folder: Path, small: bool) -> None:
    """Writes everything. There is one size: the full ones need tens of gigabytes."""
    del small
    write_all(folder, shapes_of(folder / "configs"))


def score(folder: Path, images: Path) -> list[list[float]]:
    """A row for each checkpoint, prompt and output, a number an image."""
    paths = sorted(images.iterdir())
    found = []
    for name in FOLDERS:
        judge = Official(folder, name)
        for text in PROMPTS:
            rewards = [judge.reward(paths[i], prompts()[text]) for i in IMAGES]
            found += [list(row) for row in zip(*rewards, strict=True)]
    return found


if __name__ == "__main__":
    official(make, score, DISTRIBUTIONS)
