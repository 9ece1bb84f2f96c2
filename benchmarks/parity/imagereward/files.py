"""A random checkpoint in ImageReward's official file format. Needs numpy and torch only: both sides import it."""

from __future__ import annotations

import hashlib
import json
import string
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.parity.materials import VOCABULARY, draw

Shape = tuple[int, ...]

PUBLISHED: dict[str, Any] = {
    "architectures": ["BertModel"], "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1, "hidden_size": 768, "initializer_range": 0.02, "intermediate_size": 3072,
    "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "model_type": "bert", "num_attention_heads": 12,
    "num_hidden_layers": 12, "pad_token_id": 0, "add_type_embeddings": False, "vocab_size": 30524,
    "encoder_width": 768, "add_cross_attention": True,
}  # fmt: skip
"""What `med_config.json` says; the official code overrides `encoder_width`."""

SMALL: dict[str, Any] = {
    **PUBLISHED, "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 2, "num_hidden_layers": 2,
    "vocab_size": 402, "max_position_embeddings": 40, "vision_width": 96, "vision_layers": 2, "vision_heads": 3,
}  # fmt: skip
"""The same at a size for tests; the last three are the vision encoder's, which is ViT-L/16 where none are given."""

TOKENIZER = "bert-base-uncased"
"""Folder of the vocabulary; the official code finds it under this name where it runs."""

LENGTH = 35
"""Word pieces the official code asks its tokenizer for."""

TEXTS = (
    "", " ", "a cat", "A CAT\tand\na dog", "[CLS] cat [SEP] dog [PAD] [MASK] [UNK]", "cat[ENC]dog [DEC] [enc] [dec]",
    "[unused0] cat", "Café naïve Ünïcödé", "cafe\u0301 a\u0308", "İstanbul ﬁne Ａ ß", "猫がいる 猫猫",
    "안녕 مرحبا שלום", "🙂 \U0001f469\u200d\U0001f467 x", "a\u200bb \u00ad \ufeff \ufffd c",
    "zero\x00 \x01\x7f \u2028 x", "x" * 101, "light" * 20, "cat " * 100,
    "don't (red:1.2), [blue], <neon> 3.5 1,000 a_b @c #d", "$ 5 + 3 = 8 ~ ^ ` | \\", "‘quoted’ “so” – —… ¿¡ €½²",
)  # fmt: skip
"""On which the tokenizers of both sides are compared."""

ATTENDING, ADDED, GAIN = 2.0, 0.5, 1.5
"""Gains of the matrices: those that say where to look, those whose output is added to what was there, the others. Drawn
so, scores differ by about one from image to image and from prompt to prompt, at either size."""


def write_checkpoint(folder: Path, shapes: Mapping[str, Shape], config: Mapping[str, Any], seed: int = 0) -> None:
    """Writes `ImageReward.pt` with a tensor for each name, `med_config.json` and `bert-base-uncased/vocab.txt`."""
    (folder / TOKENIZER).mkdir(parents=True, exist_ok=True)
    torch.save({name: _tensor(name, shape, seed) for name, shape in shapes.items()}, folder / "ImageReward.pt")
    (folder / "med_config.json").write_text(json.dumps(config, indent=1) + "\n")
    # Two more word embeddings than word pieces: BLIP adds [DEC] and [ENC].
    pieces = vocabulary(config["vocab_size"] - 2)
    (folder / TOKENIZER / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")


def _tensor(name: str, shape: Shape, seed: int) -> torch.Tensor:
    if name.endswith("position_ids"):
        return torch.arange(shape[-1]).expand(shape).clone()
    if len(shape) == 1 or ".embeddings." in name or name.endswith(("pos_embed", "cls_token")):
        return torch.from_numpy(draw(name, shape, seed))
    gain = ATTENDING if any(part in name for part in ("query", "key", "qkv")) else GAIN
    if any(part in name for part in ("output.dense", "attn.proj", "mlp.fc2")):
        gain = ADDED
    return torch.from_numpy(draw(name, shape, seed, gain * torch.Size(shape[1:]).numel() ** -0.5))


def vocabulary(size: int) -> list[str]:
    """Word pieces that know some words whole and cut others in two or more; every character of `TEXTS` is one."""
    spelled = "".join((string.ascii_lowercase, string.digits, string.punctuation, *TEXTS)).lower()
    characters = sorted({c for c in unicodedata.normalize("NFD", spelled) if c.isprintable() and not c.isspace()})
    words = [word for word in VOCABULARY if word.isalpha() and word.isascii() and word.islower() and word != "bokeh"]
    pieces = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters, *(f"##{c}" for c in characters)]
    pieces += ["uber", "naive", "cine", "##matic", "##ing", "##tle", "photo", "light", *words]
    distinct = list(dict.fromkeys(pieces))
    return distinct + [f"[unused{index}]" for index in range(1, size - len(distinct) + 1)]


def digest_of_shapes(shapes: Mapping[str, Shape]) -> str:
    """SHA-256 over names and shapes: says that two networks take the same checkpoint."""
    return hashlib.sha256("\n".join(f"{name} {tuple(shapes[name])}" for name in sorted(shapes)).encode()).hexdigest()
