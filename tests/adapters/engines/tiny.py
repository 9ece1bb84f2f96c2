"""Tiny vision-language checkpoints with random weights, in the file layout of the published ones.

They load with plain `AutoProcessor` and `AutoModelForImageTextToText`, know every text (byte-level tokenizer, a token a
byte), and answer with noise that depends on every text and image shown. Made in a fraction of a second, offline.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SPECIALS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
"""The control tokens of Qwen2-VL, in the order of their ids."""

LETTERS = string.ascii_letters + string.digits + " .:"

SAMPLING: Mapping[str, Any] = {
    "do_sample": True, "temperature": 1.9, "top_k": 3, "repetition_penalty": 1.3, "no_repeat_ngram_size": 2,
}  # fmt: skip
"""What the checkpoint's own generation_config.json asks for, so that a test can see whether it leaks."""

QWEN_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] in ('image', 'image_url') %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Writes the same text as the published templates of the Qwen-VL family for text and image parts."""

LLAVA_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }} "
    "{% for part in message['content'] if part['type'] == 'image' %}<image>\n{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }}{% endfor %}<|im_end|>"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""As the published template of LLaVA-OneVision, this one puts a turn's images before its text."""


def tiny_qwen2_vl(
    folder: Path, seed: int = 0, hidden: int = 32, ends: str = "", letters: Iterable[str] = LETTERS
) -> Path:
    """A Qwen2-VL of two layers in `folder`, made if need be.

    Args:
        folder: where the files go.
        seed: of the random weights.
        hidden: width, a multiple of 16.
        ends: those of the letters that end an answer; it has no other end.
        letters: characters or control tokens an answer is made of.
    """
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    vision = {"depth": 2, "embed_dim": hidden, "hidden_size": hidden, "num_heads": 2, "mlp_ratio": 2}
    config = Qwen2VLConfig(**_config(hidden), vision_config={**vision, **_PATCHES})
    return _written(folder, Qwen2VLForConditionalGeneration, config, seed, ends, letters)


def tiny_qwen2_5_vl(
    folder: Path, seed: int = 0, hidden: int = 32, ends: str = "", letters: Iterable[str] = LETTERS
) -> Path:
    """A Qwen2.5-VL of two layers, one of them with windowed attention; arguments as for `tiny_qwen2_vl`."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    vision = {"depth": 2, "hidden_size": hidden, "out_hidden_size": hidden, "intermediate_size": 2 * hidden,
              "num_heads": 2, "window_size": 56, "fullatt_block_indexes": [1]}  # fmt: skip
    config = Qwen2_5_VLConfig(**_config(hidden), vision_config={**vision, **_PATCHES})
    return _written(folder, Qwen2_5_VLForConditionalGeneration, config, seed, ends, letters)


def tiny_qwen3_vl(
    folder: Path, seed: int = 0, hidden: int = 32, ends: str = "", letters: Iterable[str] = LETTERS
) -> Path:
    """A Qwen3-VL of two layers that feeds vision features to a second depth; arguments as for `tiny_qwen2_vl`."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    vision = {"depth": 2, "hidden_size": hidden, "out_hidden_size": hidden, "intermediate_size": 2 * hidden,
              "num_heads": 2, "deepstack_visual_indexes": [0], "num_position_embeddings": 64}  # fmt: skip
    config = Qwen3VLConfig(**_config(hidden), vision_config={**vision, **_PATCHES})
    config.text_config.head_dim = hidden // 2
    return _written(folder, Qwen3VLForConditionalGeneration, config, seed, ends, letters)


def tiny_llava_onevision(
    folder: Path, seed: int = 0, hidden: int = 32, ends: str = "", letters: Iterable[str] = LETTERS
) -> Path:
    """A LLaVA-OneVision of two layers on tiles of 28 × 28 pixels; arguments as for `tiny_qwen2_vl`."""
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessor,
        LlavaOnevisionProcessor,
        LlavaOnevisionVideoProcessor,
        Qwen2Config,
        SiglipVisionConfig,
    )

    tokenizer = _tokenizer(("<image>", "<video>"))
    text = Qwen2Config(**_text(hidden, len(tokenizer)))
    vision = SiglipVisionConfig(hidden_size=hidden, intermediate_size=2 * hidden, num_hidden_layers=2,
                                num_attention_heads=2, image_size=28, patch_size=14, vision_use_head=False)  # fmt: skip
    tiles = [[28, 28], [28, 56], [56, 28], [56, 56]]
    image, video = (tokenizer.convert_tokens_to_ids(word) for word in ("<image>", "<video>"))
    config = LlavaOnevisionConfig(text_config=text, vision_config=vision, image_grid_pinpoints=tiles,
                                  image_token_index=image, video_token_index=video,
                                  vision_feature_select_strategy="full", vision_feature_layer=-1)  # fmt: skip
    size = {"height": 28, "width": 28}
    processor = LlavaOnevisionProcessor(
        LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=tiles),
        tokenizer, LlavaOnevisionVideoProcessor(size=size), num_image_tokens=4,
        vision_feature_select_strategy="full", chat_template=LLAVA_TEMPLATE,
    )  # fmt: skip
    return _saved(folder, LlavaOnevisionForConditionalGeneration, config, processor, seed, ends, letters)


def tiny_lora(base: Path, folder: Path, seed: int = 0, r: int = 2, **config: Any) -> Path:
    """A LoRA adapter on a checkpoint, of random weights that matter; `config` as peft's."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    adapted = get_peft_model(AutoModelForImageTextToText.from_pretrained(base), LoraConfig(r=r, **config))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for weights in adapted.parameters():
            if weights.requires_grad:
                weights.copy_(0.3 * torch.randn_like(weights))
    adapted.save_pretrained(folder)
    return folder


_PATCHES = {"patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2}


def _text(hidden: int, vocabulary: int) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary, "hidden_size": hidden, "intermediate_size": 2 * hidden, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 8192, "max_window_layers": 2,
    }  # fmt: skip


def _config(hidden: int) -> dict[str, Any]:
    tokenizer = _tokenizer()
    pairs = hidden // 4
    # Rotary pairs of a head, shared out over time, height and width.
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [pairs - 2 * (pairs // 3), *[pairs // 3] * 2]}
    named = {"image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>",
             "vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>"}  # fmt: skip
    ids = {key: tokenizer.convert_tokens_to_ids(token) for key, token in named.items()}
    text = {**_text(hidden, len(tokenizer)), "rope_parameters": rope}
    text |= {"bos_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    return {"text_config": text, **ids}


def _tokenizer(more: tuple[str, ...] = ()) -> Any:
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2Tokenizer

    vocabulary = {character: index for index, character in enumerate(sorted(ByteLevel.alphabet()))}
    return Qwen2Tokenizer(
        vocab=vocabulary, merges=[], unk_token=None, bos_token=None, eos_token="<|im_end|>",
        pad_token="<|endoftext|>", extra_special_tokens=[*SPECIALS, *more], model_max_length=8192,
    )  # fmt: skip


def _written(folder: Path, architecture: type, config: Any, seed: int, ends: str, letters: Iterable[str]) -> Path:
    from transformers import Qwen2VLImageProcessor, Qwen2VLProcessor, Qwen2VLVideoProcessor, Qwen3VLProcessor

    size = {"shortest_edge": 56 * 56, "longest_edge": 112 * 112}
    kind = Qwen3VLProcessor if config.model_type == "qwen3_vl" else Qwen2VLProcessor
    parts = Qwen2VLImageProcessor(size=size), _tokenizer(), Qwen2VLVideoProcessor(size=size)
    return _saved(folder, architecture, config, kind(*parts, chat_template=QWEN_TEMPLATE), seed, ends, letters)


def _saved(
    folder: Path, architecture: Any, config: Any, processor: Any, seed: int, ends: str, letters: Iterable[str]
) -> Path:
    import torch
    from transformers.utils.logging import disable_progress_bar

    if (folder / "config.json").is_file():
        return folder
    disable_progress_bar()
    tokenizer = processor.tokenizer
    written = torch.tensor([tokenizer.encode(letter)[0] for letter in letters])
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = architecture(config).eval()
        for name, weights in model.named_parameters():
            # Weights as small as a new model's give one answer to every question.
            if weights.dim() > 1:
                torch.nn.init.normal_(weights, std=1.0 if "embed_tokens" in name else weights[0].numel() ** -0.5)
        head = torch.zeros_like(model.lm_head.weight)
        head[written] = model.lm_head.weight[written]
        model.lm_head.weight.copy_(head)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    _as_published(folder, processor)
    stops = [tokenizer.eos_token_id, tokenizer.pad_token_id, *(tokenizer.encode(letter)[0] for letter in ends)]
    generation = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": stops, **SAMPLING}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2), encoding="utf-8")
    return folder


def _as_published(folder: Path, processor: Any) -> None:
    """Files as the published checkpoints have them: a file for each part of the processor, and the vocabulary alone."""
    whole = json.loads((folder / "processor_config.json").read_text(encoding="utf-8"))
    image = {**whole.pop("image_processor"), "processor_class": type(processor).__name__}
    (folder / "preprocessor_config.json").write_text(json.dumps(image, indent=2), encoding="utf-8")
    video = whole.pop("video_processor")
    (folder / "video_preprocessor_config.json").write_text(json.dumps(video, indent=2), encoding="utf-8")
    (folder / "processor_config.json").write_text(json.dumps(whole, indent=2), encoding="utf-8")
    vocabulary = {token: index for token, index in sorted(processor.tokenizer.get_vocab().items()) if len(token) == 1}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
