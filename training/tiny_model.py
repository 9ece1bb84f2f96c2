"""A Qwen2-VL from random weights that knows the words of the simulated world: the stand-in for a pretrained model."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from adapters.pigreward.wording import NOTHING, Wording
from harness.datasets.simulated.flat import PATCH, SIDE
from harness.datasets.simulated.prompts import LIGHTS, LIVING, PLACES, THINGS
from training import language
from training.presets import Tiny
from training.tokenizer import END, IMAGE, IMAGE_BEGIN, IMAGE_END, PAD, TEMPLATE, VIDEO, build

LONGEST = 4096
"""Tokens of a sequence."""
MOST_REFERENCES = 16
"""Sums over this many references are in the vocabulary."""


def make(folder: Path, tiny: Tiny, wording: Wording, hint: str, seed: int) -> None:
    """Writes model and processor, loadable by `AutoModelForImageTextToText` and `AutoProcessor`."""
    import torch  # noqa: PLC0415
    from transformers import (  # noqa: PLC0415
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessor,
        Qwen2VLProcessor,
        Qwen2VLVideoProcessor,
    )
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()
    tokenizer = build(texts(wording, hint), LONGEST)
    size = {"shortest_edge": SIDE * SIDE, "longest_edge": SIDE * SIDE}
    processor = Qwen2VLProcessor(
        Qwen2VLImageProcessor(size=size), tokenizer, Qwen2VLVideoProcessor(size=size), chat_template=TEMPLATE
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = Qwen2VLForConditionalGeneration(_config(tiny, tokenizer))
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                # The library's fixed 0.02 is far too little for layers this narrow.
                torch.nn.init.normal_(module.weight, std=0.5 * module.in_features**-0.5)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.bos_token_id = None
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def texts(wording: Wording, hint: str) -> Iterator[str]:
    """Texts that hold every word there is."""
    yield from wording.texts.values()
    yield from (hint.replace("{number}", number) for number in ("1", "2"))
    yield "Image 1: , Image 2: Describe both images. Preferred image: Rejected image: (1) Both images are equally good"
    for subject, place, light in product({**LIVING, **THINGS}.values(), PLACES.values(), LIGHTS.values()):
        yield f"{subject} {place} {light}"
    yield from (language.description(1, [level] * 5) for level in (-1, 0, 1))
    yield from (language.rationale([level] * 5, [0] * 5) for level in (-1, 0, 1))
    yield from (language.rationale([0] * 5, [level] * 5) for level in (-1, 0, 1))
    most = 2 * MOST_REFERENCES
    yield from (f" {total}, {total}\n{total}" for total in range(-most, most + 1))
    yield NOTHING
    gaps = [(-2, 1, 2, 0, 0)], [(0, 0, 0, 1, -1)]
    yield from (language.chain(gap, first, [0] * 5) for gap in gaps for first in ([-1] * 5, [1] * 5))


def _config(tiny: Tiny, tokenizer: Any) -> Any:
    from transformers import Qwen2VLConfig  # noqa: PLC0415

    pairs = tiny.width // tiny.heads // 2
    text = {
        "vocab_size": len(tokenizer), "hidden_size": tiny.width, "intermediate_size": 3 * tiny.width,
        "num_hidden_layers": tiny.layers, "num_attention_heads": tiny.heads, "num_key_value_heads": tiny.heads,
        "max_position_embeddings": LONGEST, "max_window_layers": tiny.layers, "tie_word_embeddings": True,
        # Rotary pairs of a head, shared out over time, height and width.
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4,
                            "mrope_section": [pairs - 2 * (pairs // 4), pairs // 4, pairs // 4]},
        "bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
    }  # fmt: skip
    vision = {
        "depth": tiny.vision_layers, "embed_dim": tiny.vision_width, "hidden_size": tiny.width, "num_heads": 4,
        "mlp_ratio": 2, "patch_size": PATCH, "spatial_merge_size": 2, "temporal_patch_size": 2,
    }  # fmt: skip
    named = {"image_token_id": IMAGE, "video_token_id": VIDEO, "vision_start_token_id": IMAGE_BEGIN,
             "vision_end_token_id": IMAGE_END, "pad_token_id": PAD, "eos_token_id": END}  # fmt: skip
    ids = {key: tokenizer.convert_tokens_to_ids(token) for key, token in named.items()}
    return Qwen2VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, bos_token_id=None, **ids)
