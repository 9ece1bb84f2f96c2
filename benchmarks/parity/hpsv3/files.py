"""The files of HPSv3 and its base model with drawn weights, reduced or not. Both sides use this."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers.pre_tokenizers import ByteLevel

from benchmarks.parity.materials import draw

SCALE = 0.1
"""Of the drawn weights: large enough that scores differ."""

WORDING: Mapping[str, str] = {
    "hps-v3": "\nHow good is this image, and does it show what was asked for?\nAsked for: {text_prompt}\n\n",
    "hps-v3-closing": "\nRate it: <|Reward|>\n\nEND\n",
}
"""What the golden scores are made with: the official prompt is no part of this repository, and ours may change."""

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
            "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>",
            "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>")  # fmt: skip
"""The control tokens of Qwen2-VL, in the order of their ids."""

BYTES = 256
"""Tokens before the control tokens: a byte-level vocabulary without merges."""

TEMPLATE = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Writes what the published template writes for a turn of image and text."""

COMMON: Mapping[str, Any] = {
    "model_type": "qwen2_vl", "architectures": ["Qwen2VLForConditionalGeneration"], "tie_word_embeddings": False,
    "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "use_sliding_window": False,
    "max_position_embeddings": 32768, "vocab_size": BYTES + len(SPECIALS),
    "bos_token_id": BYTES, "eos_token_id": BYTES + SPECIALS.index("<|im_end|>"),
    **{f"{name}_token_id": BYTES + SPECIALS.index(f"<|{token}|>") for name, token in (
        ("image", "image_pad"), ("video", "video_pad"),
        ("vision_start", "vision_start"), ("vision_end", "vision_end"))},
}  # fmt: skip
SMALL: Mapping[str, Any] = {
    **COMMON, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
    "vision_config": {"depth": 2, "embed_dim": 64, "num_heads": 2, "hidden_size": 64, "mlp_ratio": 2},
}  # fmt: skip
PUBLISHED: Mapping[str, Any] = {
    **COMMON, "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
    "num_key_value_heads": 4, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    "vision_config": {"depth": 32, "embed_dim": 1280, "num_heads": 16, "hidden_size": 3584, "mlp_ratio": 4},
}  # fmt: skip
"""The published sizes, but for the vocabulary."""

PIXELS: Mapping[str, Any] = {
    "image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2VLProcessor",
    "min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2,
    "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
}  # fmt: skip


def write_base(folder: Path, config: Mapping[str, Any]) -> Path:
    """Config, tokenizer, image processor and chat template, as the hub has them."""
    folder.mkdir(parents=True)
    special = {"special": True, "lstrip": False, "rstrip": False, "single_word": False, "normalized": False}
    tokenizer = {
        "tokenizer_class": "Qwen2Tokenizer", "errors": "replace", "bos_token": None, "unk_token": None,
        "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "clean_up_tokenization_spaces": False,
        "model_max_length": 32768, "additional_special_tokens": list(SPECIALS), "chat_template": TEMPLATE,
        "added_tokens_decoder": {str(BYTES + i): {"content": token, **special} for i, token in enumerate(SPECIALS)},
    }  # fmt: skip
    vocabulary = {character: index for index, character in enumerate(sorted(ByteLevel.alphabet()))}
    files = {"config": config, "tokenizer_config": tokenizer, "preprocessor_config": PIXELS, "vocab": vocabulary,
             "chat_template": {"chat_template": TEMPLATE}}  # fmt: skip
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return folder


def write_checkpoint(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """`HPSv3.safetensors` with drawn weights, in bfloat16 as the published one."""
    drawn = {key: torch.from_numpy(draw(key, shape, scale=SCALE)).bfloat16() for key, shape in shapes.items()}
    save_file(drawn, path)
