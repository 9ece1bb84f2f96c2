"""The files of LLaVA-Reward and its bases with drawn weights at a reduced size. Both sides and the tests use this.

Names and shapes of the tensors are given: the official side takes them from the models themselves.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor

from benchmarks.parity.hpsv3.files import BYTES, COMMON, PIXELS
from benchmarks.parity.hpsv3.files import write_base as write_qwen2_vl
from benchmarks.parity.materials import draw

Shapes = Mapping[str, tuple[int, ...]]

IMAGES, PROMPTS = (0, 4, 12, 15, 17), (1, 3)
"""Which of the materials: square, thin, small, grey and wide ones; two and twelve words. The official processor of
LLaVA-1.6 fails on an image of 1 × 1 pixels."""

HIDDEN, RANK, ALPHA, LAYERS = 32, 3, 6, 2

SETTINGS: Mapping[str, Any] = {
    "general_preference_tau": 0.1, "value_head_dim": 2, "add_cross_attention": False, "is_general_preference": False,
}  # fmt: skip
"""`reward_config.yaml` of a Bradley-Terry reward."""

FOLDERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "bt": ("qwen", {**SETTINGS, "general_preference_tau": 0.5}),
    "gpm": ("qwen", {**SETTINGS, "is_general_preference": True}),
    "skip": ("qwen", {**SETTINGS, "is_general_preference": True, "add_cross_attention": True}),
    "vicuna": ("llava", SETTINGS),
}
"""Name, base and settings of the checkpoints."""

NARROW = {"hidden_size": HIDDEN, "intermediate_size": 2 * HIDDEN, "num_hidden_layers": LAYERS,
          "num_attention_heads": 2}  # fmt: skip

QWEN: Mapping[str, Any] = {
    **COMMON, **NARROW, "model_type": "qwen2_5_vl", "architectures": ["Qwen2_5_VLForConditionalGeneration"],
    "num_key_value_heads": 1, "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
    "vision_config": {"depth": 2, "hidden_size": HIDDEN, "out_hidden_size": HIDDEN, "intermediate_size": 2 * HIDDEN,
                      "num_heads": 2, "window_size": 56, "fullatt_block_indexes": [1], "tokens_per_second": 2},
}  # fmt: skip

TILES = [[28, 56], [56, 28], [56, 56], [84, 28], [28, 84]]
VICUNA = ("<unk>", "<s>", "</s>", "<pad>", "<image>")
"""Control tokens, in the order of their ids."""
LLAVA: Mapping[str, Any] = {
    "model_type": "llava_next", "architectures": ["LlavaNextForConditionalGeneration"], "image_grid_pinpoints": TILES,
    "image_token_index": VICUNA.index("<image>"), "ignore_index": -100, "projector_hidden_act": "gelu",
    "vision_feature_layer": -2, "vision_feature_select_strategy": "default", "tie_word_embeddings": False,
    "use_image_newline_parameter": True,
    "text_config": {**NARROW, "model_type": "llama", "num_key_value_heads": 1, "vocab_size": len(VICUNA) + BYTES,
                    "max_position_embeddings": 4096, "pad_token_id": 3, "rms_norm_eps": 1e-5},
    "vision_config": {**NARROW, "model_type": "clip_vision_model", "image_size": 28, "patch_size": 14,
                      "projection_dim": HIDDEN},
}  # fmt: skip
VICUNA_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}"
    "{% for part in message['content'] if part['type'] == 'image' %}{{ '<image>\n' }}{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] + ' ' }}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
"""Writes what the published template writes for a turn of image and text."""

CONFIGS = {"qwen": QWEN, "llava": LLAVA}


def write_base(folder: Path, name: str, shapes: Shapes) -> Path:
    """`qwen` or `llava` as the hub has them, with all weights."""
    (_write_qwen if name == "qwen" else _write_llava)(folder)
    save_file(drawn(shapes), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _write_qwen(folder: Path) -> None:
    write_qwen2_vl(folder, QWEN)
    pixels = {**PIXELS, "processor_class": "Qwen2_5_VLProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))


def _write_llava(folder: Path) -> None:
    folder.mkdir(parents=True)
    words = [*VICUNA, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    # Texts begin with <s>, as those of vicuna do.
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.add_special_tokens(list(VICUNA))
    tokenizer.save(str(folder / "tokenizer.json"))
    named = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "bos_token": "<s>",
             "eos_token": "</s>", "pad_token": "<pad>", "processor_class": "LlavaNextProcessor"}  # fmt: skip
    images = {"image_processor_type": "LlavaNextImageProcessor", "processor_class": "LlavaNextProcessor",
              "image_grid_pinpoints": TILES, "size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28},
              "image_mean": PIXELS["image_mean"], "image_std": PIXELS["image_std"], "resample": 3}  # fmt: skip
    processor = {"processor_class": "LlavaNextProcessor", "image_token": "<image>", "patch_size": 14,
                 "num_additional_image_tokens": 1, "vision_feature_select_strategy": "default"}  # fmt: skip
    files = {"config": LLAVA, "tokenizer_config": named, "preprocessor_config": images, "processor_config": processor,
             "chat_template": {"chat_template": VICUNA_TEMPLATE}}  # fmt: skip
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1))


def write_all(folder: Path, shapes: Mapping[str, Any]) -> Path:
    """Both bases and all checkpoints.

    Args:
        folder: where they go, each into a folder of its name.
        shapes: for each base, names and shapes of its tensors (`base`), of those of an adapter (`lora`) and of the
            projector's in a head's file (`projector`), and the adapted modules (`modules`).
    """
    for name in CONFIGS:
        write_base(folder / name, name, shapes[name]["base"])
    for name, (base, settings) in FOLDERS.items():
        write_reward(folder / name, settings, shapes[base])
    return folder


def write_reward(folder: Path, settings: Mapping[str, Any], shapes: Mapping[str, Any]) -> Path:
    """`reward_config.yaml`, `pytorch_model.bin` and `lora/`, as the authors' training writes them."""
    head: dict[str, tuple[int, ...]] = {**shapes["projector"]}
    head["value_head.weight"] = (settings["value_head_dim"] if settings["is_general_preference"] else 1, HIDDEN)
    if settings["add_cross_attention"]:
        head |= {f"W_{letter}.weight": (HIDDEN, HIDDEN) for letter in "qkv"}
        head["ca_layernorm.weight"] = (HIDDEN,)
    (folder / "lora").mkdir(parents=True)
    (folder / "reward_config.yaml").write_text(yaml.safe_dump(dict(settings)))
    torch.save(drawn(head), folder / "pytorch_model.bin")
    torch.save(drawn(shapes["lora"]), folder / "lora" / "adapter_model.bin")
    config = {"peft_type": "LORA", "task_type": None, "base_model_name_or_path": None, "r": RANK, "lora_alpha": ALPHA,
              "lora_dropout": 0.05, "bias": "none", "fan_in_fan_out": False, "init_lora_weights": "gaussian",
              "inference_mode": False, "use_rslora": False, "use_dora": False, "modules_to_save": None,
              "rank_pattern": {}, "alpha_pattern": {}, "target_modules": shapes["modules"]}  # fmt: skip
    (folder / "lora" / "adapter_config.json").write_text(json.dumps(config))
    return folder


def drawn(shapes: Shapes) -> dict[str, Tensor]:
    """Tensors large enough that rewards differ: rows of a matrix have about length one, embeddings' numbers do."""
    return {key: torch.from_numpy(draw(key, tuple(shape), scale=_scale(key, shape))) for key, shape in shapes.items()}


def _scale(key: str, shape: tuple[int, ...]) -> float:
    if len(shape) < 2 or "lora_" in key:
        return 0.2
    return 1.0 if "embed" in key else 1 / math.sqrt(math.prod(shape[1:]))
