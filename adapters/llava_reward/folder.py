"""A folder of LLaVA-Reward as its training writes it: `reward_config.yaml`, `pytorch_model.bin` and `lora/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from adapters.llava_reward.families import Family, family_of_head
from adapters.weights import Weights, digest_of_files, read_state
from harness.errors import ConfigError

SETTINGS = "reward_config.yaml"
HEAD = "pytorch_model.bin"
LORA_CONFIG = "lora/adapter_config.json"
LORA = ("lora/adapter_model.safetensors", "lora/adapter_model.bin")

PAIR = 2
"""Outputs of the head for general preference."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The four keys of `reward_config.yaml` (`fit` in llava_reward/trainer/rm_trainer_general_preference.py)."""

    is_general_preference: bool
    """Two numbers an image, compared as a pair; else one, a Bradley-Terry reward or the logit of a label."""
    add_cross_attention: bool
    """Whether there is SkipCA."""
    value_head_dim: int
    """Outputs of the head for general preference, else ignored."""
    general_preference_tau: float
    """What a margin is divided by, for either kind of reward."""

    @property
    def outputs(self) -> int:
        """Numbers the head gives for an image."""
        return self.value_head_dim if self.is_general_preference else 1


@dataclass(frozen=True, slots=True)
class Folder:
    """A checkpoint, read but for its adapter."""

    name: str
    settings: Settings
    family: Family
    head: Mapping[str, Tensor]
    """Of the head file, by the names of `network.Head`."""
    files: tuple[Path, ...]
    """Settings, head, configuration and weights of the adapter."""

    @property
    def digest(self) -> str:
        """SHA-256 over the four files."""
        return digest_of_files(self.files)


def open_folder(weights: str, task: str) -> Folder:
    """Opens the one checkpoint that is meant.

    Args:
        weights: a folder or hub id, of one checkpoint or of several in sub-folders.
        task: which: a sub-folder, or a word of its path that no other has; empty where there is only one.

    Raises:
        ConfigError: no or several checkpoints, files missing, other settings or tensors, or one on Phi-3.5-vision.
    """
    place = Weights.find(weights, (f"*{SETTINGS}",))
    if place.place.is_file():
        raise ConfigError(f"weights {place.name}: expected a folder with {SETTINGS}, {HEAD} and lora/")
    inside = _chosen(place, task)
    if place.repository:
        wanted = (f"{inside}/{name}".removeprefix("./") for name in (SETTINGS, HEAD, "lora/*"))
        place = Weights.find(f"{place.repository}@{place.commit}", tuple(wanted))
    folder = Weights(place.place / inside)
    files = tuple(folder.file(*names) for names in ((SETTINGS,), (HEAD,), (LORA_CONFIG,), LORA))
    state = read_state(files[1])
    family = family_of_head(state, str(files[1]))
    settings = read_settings(files[0])
    if settings.add_cross_attention and not family.skips:
        raise ConfigError(f"{files[0]}: add_cross_attention is true; the authors' code has SkipCA for Qwen2.5-VL and "
                          f"Phi-3.5-vision, none for {family.base}")  # fmt: skip
    return Folder(folder.name, settings, family, head_state(state, family, files[1]), files)


def _chosen(place: Weights, task: str) -> str:
    found = sorted(path.parent.relative_to(place.place).as_posix() for path in place.place.rglob(SETTINGS))
    chosen = [folder for folder in found if task in ("", folder, *folder.split("/"))]
    if len(chosen) == 1:
        return chosen[0]
    asked = f"task={task} fits {len(chosen)}" if task else "no task is given"
    there = ", ".join(chosen or found) or f"nothing with {SETTINGS}"
    raise ConfigError(f"weights {place.name}: {asked}; expected task=FOLDER for one of: {there}")


def read_settings(path: Path) -> Settings:
    """The settings; keys that are not known are not read, as officially. Raises `ConfigError`."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: no YAML ({type(error).__name__}); fetch the file again") from error
    given = content if isinstance(content, dict) else {}
    for name in (field.name for field in fields(Settings)):
        if name not in given:
            raise ConfigError(f"{path}: no key {name}; expected {', '.join(f.name for f in fields(Settings))}")
    settings = Settings(
        _of(bool, given, "is_general_preference", path),
        _of(bool, given, "add_cross_attention", path),
        _of(int, given, "value_head_dim", path),
        float(_of((int, float), given, "general_preference_tau", path)),
    )
    if not 0 < settings.general_preference_tau < float("inf"):
        raise ConfigError(f"{path}: general_preference_tau is {given['general_preference_tau']}; expected more than 0")
    if settings.is_general_preference and settings.value_head_dim != PAIR:
        # More dimensions are trained with a loss the released inference code has no formula for.
        raise ConfigError(f"{path}: value_head_dim is {settings.value_head_dim}; expected 2 for general preference")
    return settings


def _of(kind: type | tuple[type, ...], given: Mapping[str, Any], name: str, path: Path) -> Any:
    value = given[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{path}: {name} is {value!r}; expected {'true or false' if kind is bool else 'a number'}")
    return value


def head_state(state: Mapping[str, Tensor], family: Family, path: Path) -> dict[str, Tensor]:
    """Tensors of the head file by the names of `network.Head`: `visual.merger.ln_q.weight` is `merger.ln_q.weight`.

    Whatever stands before the part that is known is left out, as officially. Raises `ConfigError` for a stray tensor.
    """
    anchors = ("value_head", "W_q", "W_k", "W_v", "ca_layernorm", family.anchor)
    found = {}
    for key, tensor in state.items():
        parts = key.split(".")
        place = next((parts.index(anchor) for anchor in anchors if anchor in parts), None)
        if place is None:
            raise ConfigError(f"{path}: {key} is no part of LLaVA-Reward's head; expected {', '.join(anchors)}")
        found[".".join(parts[place:])] = tensor
    return found
