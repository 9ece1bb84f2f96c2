"""Supervised fine-tuning on completions only (equation 5 of PIGReward): prompt and image tokens carry no loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.curves import writers
from training.presets import Fit, Model
from training.trainers import Resuming, adapter, arguments, quiet


def trainer(
    model: Any, processor: Any, data: Any, folder: Path, fit: Fit, settings: Model, seed: int, report_to: str = "none"
) -> Any:
    """trl's `SFTTrainer` on a data set with `prompt`, `completion` and `images`."""
    from transformers import set_seed  # noqa: PLC0415
    from trl import SFTConfig, SFTTrainer  # noqa: PLC0415

    class Trainer(Resuming, SFTTrainer):  # type: ignore[misc]
        """trl's, with checkpoints that are really loaded."""

    config = SFTConfig(completion_only_loss=True, **arguments(folder, fit, settings, seed))
    # Before an adapter draws its first weights.
    set_seed(seed)
    with quiet():
        return Trainer(
            model=model, args=config, train_dataset=data, processing_class=processor, peft_config=adapter(fit),
            callbacks=writers(report_to, folder),
        )  # fmt: skip
