"""Loads processor and weights of a checkpoint, and refuses whatever would answer with weights nobody trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as VISION_MODELS
from transformers.utils.logging import disable_progress_bar

from adapters.engines.checkpoints import Checkpoint
from harness.errors import ConfigError

SAFE: Mapping[str, Any] = {"trust_remote_code": False, "local_files_only": True}
"""A checkpoint brings data, never code, and is loaded from the files that were checked."""


def placed(device: str, dtype: str) -> tuple[torch.device, torch.dtype]:
    """What `auto` stands for here: a CUDA device with bfloat16 where there is one, else the CPU with float32.

    Raises `ConfigError` for a device this machine has not.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    chosen = torch.device(device)
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device {device!r}: torch sees {torch.cuda.device_count()} CUDA devices; use device=auto")
    if dtype == "auto":
        dtype = "bfloat16" if chosen.type == "cuda" else "float32"
    return chosen, getattr(torch, dtype)


def load_processor(checkpoint: Checkpoint) -> Any:
    """Tokenizer, image processor and chat template. Raises `ConfigError` when one of them is missing."""
    name = checkpoint.identity
    try:
        kind = transformers.AutoConfig.from_pretrained(checkpoint.folder, **SAFE).model_type
        processor = AutoProcessor.from_pretrained(checkpoint.folder, **SAFE)
    except Exception as error:
        raise ConfigError(
            f"the processor of {name} cannot be loaded ({type(error).__name__}: {first_line(error)}); expected "
            f"preprocessor_config.json and tokenizer files of an architecture transformers {transformers.__version__} "
            "has, and an installed torchvision of the same release as torch"
        ) from error
    if kind not in VISION_MODELS:
        raise ConfigError(
            f"{name}: config.json says model_type {kind!r}, which reads no images; expected a model for images "
            "and text such as Qwen/Qwen2.5-VL-7B-Instruct"
        )
    for part in ("image_processor", "tokenizer", "chat_template", "image_token"):
        if getattr(processor, part, None) is None:
            raise ConfigError(
                f"{name}: its processor ({type(processor).__name__}) has no {part}; expected a chat model with "
                "chat_template.jinja, preprocessor_config.json and tokenizer.json"
            )
    if processor.tokenizer.pad_token is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    return processor


def load_base(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype, quantization: str) -> Any:
    """The model in evaluation mode, its own sampling settings removed. Raises `ConfigError`."""
    options = {"quantization_config": _four_bits(dtype), "device_map": {"": device}} if quantization else {}
    model = load_weights(checkpoint, dtype=dtype, **options)
    if not quantization:
        model = model.to(device)
    own = model.generation_config
    # What a call leaves open is filled in from here: nothing but the tokens that end an answer may be.
    model.generation_config = GenerationConfig(eos_token_id=own.eos_token_id, pad_token_id=own.pad_token_id)
    return model.eval()


def load_weights(checkpoint: Checkpoint, **options: Any) -> Any:
    """The model with all of its weights; `options` as the library takes them. Raises `ConfigError`."""
    disable_progress_bar()
    options |= {"use_safetensors": True, "output_loading_info": True, **SAFE}
    try:
        model, info = AutoModelForImageTextToText.from_pretrained(checkpoint.folder, **options)
    except torch.OutOfMemoryError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, SafetensorError) as error:
        raise ConfigError(f"the weights of {checkpoint.identity} cannot be loaded: {first_line(error)}") from error
    if unset := sorted({*info["missing_keys"], *map(str, info["mismatched_keys"])}):
        raise ConfigError(
            f"the weights of {checkpoint.identity} leave {len(unset)} parameters unset, {unset[0]} among them; "
            "expected a complete checkpoint of the architecture config.json names"
        )
    return model


def _four_bits(dtype: torch.dtype) -> Any:
    """NF4 with double quantization (Dettmers et al., QLoRA, 2023)."""
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def first_line(error: Exception) -> str:
    """The first 200 characters of what the library says."""
    return (str(error).strip().splitlines() or [""])[0][:200]
