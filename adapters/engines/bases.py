"""A model in memory and the LoRA adapters on it: engines that differ only in their adapter share the weights."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

import torch

from adapters.engines.checkpoints import Checkpoint
from adapters.engines.loading import first_line, load_base
from harness.errors import ConfigError


class Base:
    """A loaded model. At most one of its adapters works at a time: `use` says which, before each use of the model."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._adapted: Any = None
        self._known: set[str] = set()
        self._working: str | None = ""
        """Name of the adapter in use, empty without one; None where that is not known."""

    def add(self, adapter: Checkpoint) -> None:
        """Loads an adapter, once. Raises `ConfigError` when it was trained on another model."""
        if (name := _name(adapter)) in self._known:
            return
        # Whatever this changes, and also where it fails halfway, the next `use` puts right.
        self._working = None
        with _expected(adapter):
            if self._adapted is None:
                self._adapted = _wrapped(self.model, adapter, name)
            loaded = self._adapted.load_adapter(
                str(adapter.folder), name, torch_device=str(self.model.device), local_files_only=True,
                key_mapping=getattr(self.model, "_checkpoint_conversion_mapping", {}),
            )  # fmt: skip
            # The base model would answer in its place.
            if loaded.missing_keys:
                raise ValueError(f"it lacks {loaded.missing_keys[0]}")
        self._known.add(name)

    def use(self, adapter: Checkpoint | None) -> None:
        """From now on the model answers with this adapter, which was added, or as it is without any."""
        name = _name(adapter) if adapter else ""
        if self._adapted is None or name == self._working:
            return
        tuner = self._adapted.base_model
        if name:
            tuner.enable_adapter_layers()
            tuner.set_adapter(name, inference_mode=True)
        else:
            tuner.disable_adapter_layers()
        self._working = name


_shared: WeakValueDictionary[tuple[str, ...], Base] = WeakValueDictionary()


def shared_base(
    checkpoint: Checkpoint, adapter: Checkpoint | None, device: torch.device, dtype: torch.dtype, quantization: str
) -> Base:
    """The model with its adapter added: the one in memory for as long as somebody holds it. Raises `ConfigError`."""
    own = adapter.identity if adapter and _changes_the_model(adapter) else ""
    key = (checkpoint.identity, str(device), str(dtype), quantization, own)
    base = _shared.get(key)
    if base is None:
        base = _shared[key] = Base(load_base(checkpoint, device, dtype, quantization))
    if adapter:
        base.add(adapter)
    return base


def _wrapped(model: Any, adapter: Checkpoint, name: str) -> Any:
    from peft import PeftConfig, PeftModel  # noqa: PLC0415

    config = PeftConfig.from_pretrained(str(adapter.folder), local_files_only=True)
    config.inference_mode = True
    return PeftModel(model, config, name)


@contextmanager
def _expected(adapter: Checkpoint) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Between peft and transformers, and nothing a user can change.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            yield
    except (ValueError, RuntimeError, KeyError, OSError) as error:
        raise ConfigError(
            f"adapter {adapter.identity} does not fit the model ({first_line(error)}); expected one trained on it"
        ) from error


def _name(adapter: Checkpoint) -> str:
    """A module is called so; its name has no dots."""
    return "".join(letter if letter.isalnum() else "_" for letter in adapter.identity)


def _changes_the_model(adapter: Checkpoint) -> bool:
    """Whether it comes with biases that replace the model's own: these cannot be switched off again."""
    config = json.loads((adapter.folder / "adapter_config.json").read_text(encoding="utf-8"))
    return bool(config.get("bias", "none") != "none")
