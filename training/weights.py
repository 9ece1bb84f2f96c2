"""Where a model's weights are, and the engine that writes with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.engines.checkpoints import digest_of_folder
from adapters.engines.local import LocalEngine, LocalOptions
from adapters.pigreward.wording import Wording
from harness.errors import ConfigError
from training.presets import OWN_PROMPTS, Model
from training.stage import Work

MODEL = "model"
"""The folder of a stage that holds the weights it made."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A whole model, or a base with a LoRA adapter on it."""

    model: str
    adapter: str = ""

    def engine(self, model: Model, batch: int) -> LocalEngine:
        """Writes with these weights. Raises `ConfigError` when they are not there."""
        return LocalEngine(
            LocalOptions(
                model=self.model, adapter=self.adapter, device=model.device, dtype=model.dtype, batch=batch,
                max_pixels=model.max_pixels,
            )
        )  # fmt: skip


def base_of(work: Work, model: Model) -> Weights:
    """The untrained model: the preset's, or what the stage `base` made. Raises `ConfigError` when that is not done."""
    if model.base:
        return Weights(model.base)
    work.finished("base")
    return Weights(str(work.folder("base") / MODEL))


def trained(folder: Path, base: Weights) -> Weights:
    """What a stage saved in a folder: an adapter on the base, or a whole model."""
    return Weights(base.model, str(folder)) if (folder / "adapter_config.json").is_file() else Weights(str(folder))


def reads_base(model: Model) -> tuple[str, ...]:
    """The stage the untrained model comes from, where it comes from one."""
    return () if model.base else ("base",)


def saved_digest(folder: Path) -> Mapping[str, str]:
    """Digest of a saved model, as a record keeps it."""
    return {"weights": f"sha256:{digest_of_folder(folder)}"}


def wording_of(model: Model) -> Wording:
    """The templates of a preset. Raises `ConfigError` for a folder that is none."""
    if not model.prompts:
        return Wording.default()
    folder = OWN_PROMPTS / model.prompts if (OWN_PROMPTS / model.prompts).is_dir() else Path(model.prompts)
    if not folder.is_dir():
        raise ConfigError(
            f"model.prompts is {model.prompts!r}; expected a folder with reasoner.txt, context.txt, reward.txt"
        )
    return Wording.read(folder)
