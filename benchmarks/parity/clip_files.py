"""Checkpoints of the CLIP family with drawn weights: sizes, tensors, tokenizer files. Needs numpy only.

Both sides import this file, so the same checkpoint can be made in any environment that knows the model's keys.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Mapping
from importlib.metadata import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.parity.materials import draw

LAYERS, VOCABULARY, CONTEXT = 2, 49408, 77

H14 = {
    "embed_dim": 1024,
    "vision_cfg": {"image_size": 224, "layers": 32, "width": 1280, "head_width": 80, "patch_size": 14},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": 1024, "heads": 16, "layers": 24},
}
"""ViT-H/14 as open_clip's config has it."""

SMALL_H = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": 224, "layers": LAYERS, "width": 160, "head_width": 80, "patch_size": 32},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": 128, "heads": 2, "layers": LAYERS},
}
"""The same at reduced size: heads as wide as the original's."""

L14 = {
    "embed_dim": 768,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 224, "layers": 24, "width": 1024, "patch_size": 14},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": 768, "heads": 12, "layers": 12},
}
"""OpenAI's ViT-L/14."""

SMALL_L = {
    "embed_dim": 768,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 224, "layers": LAYERS, "width": 128, "patch_size": 32},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": 64, "heads": 1, "layers": LAYERS},
}
"""The same at reduced size, its vectors as wide as the original's, so that aesthetic heads fit."""

HEAD_SHAPES = {
    f"layers.{index}.{part}": shape
    for index, into, out in ((0, 768, 1024), (2, 1024, 128), (4, 128, 64), (6, 64, 16), (7, 16, 1))
    for part, shape in (("weight", (out, into)), ("bias", (out,)))
}
"""LAION's aesthetic head, version 2."""

HEAD_SCALE = 0.2
"""Drawn this large, its scores differ by about one from image to image."""


def drawn(shapes: Mapping[str, tuple[int, ...]], scale: float = 0.05) -> dict[str, NDArray[np.float32]]:
    """A tensor for each name; the logit scale is CLIP's, log(100)."""
    state = {name: draw(name, shape, scale=scale) for name, shape in shapes.items()}
    if "logit_scale" in state:
        state["logit_scale"] = np.full(shapes["logit_scale"], math.log(100), dtype=np.float32)
    return state


def hf_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config.json` of transformers for a model of open_clip."""
    vision, text = config["vision_cfg"], config["text_cfg"]
    activation = "quick_gelu" if config.get("quick_gelu") else "gelu"
    return {
        "model_type": "clip",
        "projection_dim": config["embed_dim"],
        "vision_config": {
            "hidden_size": vision["width"],
            "intermediate_size": 4 * vision["width"],
            "num_hidden_layers": vision["layers"],
            "num_attention_heads": vision["width"] // vision.get("head_width", 64),
            "image_size": vision["image_size"],
            "patch_size": vision["patch_size"],
            "hidden_act": activation,
            "projection_dim": config["embed_dim"],
        },
        "text_config": {
            "vocab_size": text["vocab_size"],
            "hidden_size": text["width"],
            "intermediate_size": 4 * text["width"],
            "num_hidden_layers": text["layers"],
            "num_attention_heads": text["heads"],
            "max_position_embeddings": text["context_length"],
            "hidden_act": activation,
            "projection_dim": config["embed_dim"],
            "bos_token_id": text["vocab_size"] - 2,
            "eos_token_id": text["vocab_size"] - 1,
        },
    }


def write_processor(folder: Path, distribution: str, vocabulary: int = VOCABULARY, size: int = 224) -> None:
    """Tokenizer and image processor of a CLIP folder of transformers.

    Args:
        folder: where the files go.
        distribution: an installed package that ships OpenAI's list of byte pairs: `open_clip_torch`, `clip-anytorch`.
        vocabulary: how many tokens, the first of OpenAI's; at least 514.
        size: side in pixels of what the network sees.
    """
    merges = _merges(distribution)[: vocabulary - 514]
    units = _byte_units()
    tokens = [*units, *(f"{unit}</w>" for unit in units), *("".join(merge.split()) for merge in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    special = {"bos_token": tokens[-2], "eos_token": tokens[-1], "unk_token": tokens[-1], "pad_token": tokens[-1]}
    tokenizer = {"tokenizer_class": "CLIPTokenizer", "model_max_length": CONTEXT, "do_lower_case": True, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    pixels = {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True, "size": {"shortest_edge": size}, "resample": 3,
        "do_center_crop": True, "crop_size": {"height": size, "width": size},
        "do_rescale": True, "rescale_factor": 1 / 255, "do_convert_rgb": True, "do_normalize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))


def _merges(distribution: str) -> list[str]:
    (path,) = [path for path in files(distribution) or [] if path.name == "bpe_simple_vocab_16e6.txt.gz"]
    return gzip.open(path.locate()).read().decode("utf-8").split("\n")[1 : 49152 - 256 - 2 + 1]


def _byte_units() -> list[str]:
    """The characters that stand for the 256 bytes, in the order of OpenAI's vocabulary: printable ones first."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(256 - len(printable))]
