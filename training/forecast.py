"""What a fit will take, before it begins: memory, and time at best."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

import torch

from adapters.engines import checkpoints
from adapters.engines.loading import SAFE, placed
from harness.errors import ConfigError
from training.launched import processes, sharing
from training.presets import Fit, Model

TRAINED, WEIGHT = 16, 4
"""Bytes of a trained weight: itself, its gradient and AdamW's two moments, in float32; of these itself."""
ACTIVATIONS = 34
"""Bytes of activations for each token, layer and unit of width, in 16 bits and without attention maps (Korthikanti et
al., "Reducing activation recomputation in large transformer models", 2022, section 4.1)."""
RECOMPUTED = 2
"""The same where activations are computed again: only each layer's input is kept."""
FLOPS, FLOPS_REFERENCE = 6, 2
"""Operations for each weight and token: forward and backward, forward only (Kaplan et al., 2020, section 2.1)."""
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of one fit on one device."""

    parameters: int
    trained: int
    samples: int
    tokens: int
    """Of a sample, on average."""
    needed: int
    """Bytes, for each process of a launch; likewise `free`."""
    free: int
    seconds: float
    """At the speed of a large matrix product on this machine: a real model is slower."""

    def __str__(self) -> str:
        return (
            f"{self.parameters / 1e6:,.1f} M parameters, {self.trained / 1e6:,.1f} M of them trained; {self.samples:,} "
            f"samples of about {self.tokens:,} tokens; about {self.needed / GIB:.1f} GiB of memory, "
            f"{self.free / GIB:.1f} GiB free; at the very least {self.seconds / 60:.0f} min"
        )

    def check(self) -> None:
        """Raises `ConfigError` when memory is short."""
        if self.needed > self.free:
            raise ConfigError(
                f"too little memory: about {self.needed / GIB:.1f} GiB are needed and {self.free / GIB:.1f} GiB free; "
                "take a smaller batch with more accumulation, checkpointing = true, a LoRA adapter (lora = 16), or a "
                "larger machine; --unchecked tries nevertheless"
            )


def forecast(name: str, fit: Fit, settings: Model, data: Any, processor: Any, *, preference: bool) -> Forecast:
    """For a fit of the model `name` on a rendered data set; `preference`: two texts a sample and a reference model.

    Reads the model's configuration, not its weights.
    """
    config, shapes = _shapes(name)
    trained = _trained(shapes, fit)
    parameters = sum(size for size, _ in shapes.values())
    device, dtype = placed(settings.device, settings.dtype)
    width = 2 if dtype != torch.float32 else 4
    tokens = _tokens(data, processor, ("chosen", "rejected") if preference else ("completion",))
    frozen = parameters * width if fit.lora else 0
    reference = 4 * parameters if preference and not fit.lora else 0
    by, beside = sharing()
    kept = (frozen + reference + WEIGHT * trained) / by + (TRAINED - WEIGHT) * trained / beside
    text = config.get_text_config()
    each = (RECOMPUTED if fit.checkpointing else ACTIVATIONS) * width / 2 * text.hidden_size * text.num_hidden_layers
    logits = 8 * text.vocab_size
    needed = kept + fit.batch * tokens * (each + logits)
    # Of each process.
    rounds = fit.steps * fit.batch * fit.accumulation if fit.steps else fit.epochs * len(data) / processes()
    flops = (FLOPS + (FLOPS_REFERENCE if preference else 0)) * parameters * tokens * rounds
    return Forecast(
        parameters, trained, len(data), round(tokens), round(needed), _free(device), flops / _speed(device, dtype)
    )


def _shapes(name: str) -> tuple[Any, dict[str, tuple[int, tuple[int, ...]]]]:
    """Configuration, and size and shape of every weight; none of them takes memory."""
    from transformers import AutoConfig, AutoModelForImageTextToText  # noqa: PLC0415

    config = AutoConfig.from_pretrained(checkpoints.model(name).folder, **SAFE)
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config)
    return config, {key: (weights.numel(), tuple(weights.shape)) for key, weights in model.named_parameters()}


def _trained(shapes: dict[str, tuple[int, tuple[int, ...]]], fit: Fit) -> int:
    if not fit.lora:
        return sum(size for size, _ in shapes.values())
    adapted = [
        shape for name, (_, shape) in shapes.items() if re.fullmatch(fit.lora_targets, name.removesuffix(".weight"))
    ]
    if not adapted:
        raise ConfigError(
            f"lora_targets {fit.lora_targets!r} names no module; the model has {', '.join(list(shapes)[:3])} …"
        )
    return sum(fit.lora * sum(shape) for shape in adapted)


def _tokens(data: Any, processor: Any, completions: tuple[str, ...]) -> float:
    """Tokens of a sample, over the first eight."""
    some = data.select(range(min(8, len(data))))
    prompts = processor(text=list(some["prompt"]), images=_opened(some["images"]), padding=True, return_tensors="pt")
    prompt = float(prompts["attention_mask"].sum()) / len(some)
    texts = [text for name in completions for text in some[name]]
    written = sum(len(ids) for ids in processor.tokenizer(texts)["input_ids"]) / len(some)
    return prompt * len(completions) + written


def _opened(images: Any) -> Any:
    return list(images) if any(images) else None


def _free(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil  # type: ignore[import-untyped]  # noqa: PLC0415

    return int(psutil.virtual_memory().available)


def _speed(device: torch.device, dtype: torch.dtype, side: int = 1024) -> float:
    """Operations a second in a matrix product."""
    matrix = torch.ones(side, side, device=device, dtype=dtype)
    (matrix @ matrix).sum().item()
    began = time.perf_counter()
    (matrix @ matrix @ matrix).sum().item()
    return 2 * 2 * side**3 / (time.perf_counter() - began)
