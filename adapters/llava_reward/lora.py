"""LLaVA-Reward's adapter on a base model of today: the same LoRA, under the names modules have now."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftConfig, inject_adapter_in_model, set_peft_model_state_dict
from torch import Tensor, nn

from adapters.engines.loading import first_line
from adapters.llava_reward.families import Family
from adapters.weights import check_keys, read_state
from harness.errors import ConfigError

WRAPPER = "base_model.model."
"""Before each name where peft saved the adapter; not where the authors' own code did."""

PARTS = ("lora_A.weight", "lora_B.weight")


def add_lora(base: nn.Module, family: Family, config: Path, weights: Path) -> None:
    """Puts the adapter into the base, unmerged, as officially: merged into bfloat16 it would be rounded away in part.

    Args:
        base: the model without its language head; it is changed.
        family: its kind.
        config: `adapter_config.json`.
        weights: `adapter_model.bin` or `.safetensors`.

    Raises:
        ConfigError: no LoRA, an incomplete one, or one of another base.
    """
    settings = read_config(config)
    saved = {key.removeprefix(WRAPPER): tensor for key, tensor in read_state(weights).items()}
    _check_complete(settings, saved, weights)
    state = renamed(saved, family, weights)
    settings.target_modules = {key.rpartition(".lora_")[0] for key in state}
    known = {name for name, _ in base.named_modules()}
    if strange := sorted(settings.target_modules - known):
        raise ConfigError(
            f"{weights}: the model has no {strange[0]} ({len(strange)} of {len(settings.target_modules)} modules are "
            f"missing): the adapter is of another base; expected one of {family.base}, and model= that base"
        )
    try:
        with warnings.catch_warnings():
            # About settings of the adapter that have no bearing on using it.
            warnings.simplefilter("ignore")
            inject_adapter_in_model(settings, base)
            set_peft_model_state_dict(base, state)
    except (ValueError, RuntimeError, KeyError) as error:
        raise ConfigError(
            f"{weights} does not fit the model ({first_line(error)}): the adapter is of another base; "
            f"expected one of {family.base}, and model= that base"
        ) from error


def read_config(path: Path) -> Any:
    """A LoRA's configuration. Raises `ConfigError` for any other adapter, and for one that changes biases."""
    try:
        config = PeftConfig.from_pretrained(str(path.parent), local_files_only=True)
    except Exception as error:
        raise ConfigError(f"{path}: no configuration of an adapter ({first_line(error)})") from error
    if not isinstance(config, LoraConfig) or config.bias != "none":
        raise ConfigError(f"{path}: {config.peft_type} with bias {getattr(config, 'bias', None)!r}; expected a LoRA "
                          "without biases")  # fmt: skip
    config.inference_mode = True
    return config


def renamed(state: Mapping[str, Tensor], family: Family, path: Path) -> dict[str, Tensor]:
    """The tensors by the names modules have here. Raises `ConfigError` for a stray one, or half a module."""
    found = {}
    for key, tensor in state.items():
        home = next(((old, new) for old, new in family.homes if key.startswith(old)), None)
        if home is None or not key.endswith(PARTS):
            expected = " or ".join(f"{old}*.{part}" for old, _ in family.homes for part in PARTS)
            raise ConfigError(f"{path}: {key} is no part of an adapter on {family.base}; expected {expected}")
        found[home[1] + key.removeprefix(home[0])] = tensor
    whole = {f"{key.rpartition('.lora_')[0]}.{part}" for key in found for part in PARTS}
    check_keys(path, "a LoRA", whole - found.keys(), ())
    return found


def _check_complete(settings: Any, state: Mapping[str, Tensor], path: Path) -> None:
    """Every module the configuration lists has to be there: the base would answer in its place."""
    modules = {key.rpartition(".lora_")[0] for key in state}
    listed = settings.target_modules if isinstance(settings.target_modules, set | list) else ()
    for name in sorted(listed):
        if not any(f".{module}".endswith(f".{name}") for module in modules):
            raise ConfigError(f"{path}: no tensor for {name}, which adapter_config.json lists; fetch the file again")
