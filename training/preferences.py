"""Direct preference optimisation of the reasoner (equation 4 of PIGReward), with trl's `DPOTrainer`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from harness.errors import RunError
from training.curves import writers
from training.launched import sharing
from training.presets import Model, Reasoner
from training.trainers import Resuming, adapter, arguments, quiet


def trainer(
    model: Any, processor: Any, data: Any, folder: Path, fit: Reasoner, settings: Model, seed: int,
    report_to: str = "none",
) -> Any:  # fmt: skip
    """On a data set with `prompt`, `images`, `chosen` and `rejected`; the reference is the model as it was loaded.

    The library loads the reference from the folder the model came from, whatever was done to the model since. Raises
    `RunError` when the two differ: the loss would be measured against a model that nobody started from.
    """
    from transformers import set_seed  # noqa: PLC0415
    from trl import DPOConfig, DPOTrainer  # noqa: PLC0415

    class Trainer(Resuming, DPOTrainer):  # type: ignore[misc]
        """trl's, with checkpoints that are really loaded."""

    losses = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, fit.sft]} if fit.sft else {}
    config = DPOConfig(beta=fit.beta, **losses, **arguments(folder, fit, settings, seed))
    # Before an adapter draws its first weights.
    set_seed(seed)
    with quiet():
        made = Trainer(
            model=model, args=config, train_dataset=data, processing_class=processor, peft_config=adapter(fit),
            callbacks=writers(report_to, folder),
        )  # fmt: skip
    check_reference(made)
    return made


def check_reference(trainer_: Any) -> None:
    """Raises `RunError` unless the reference has the weights training starts from; an adapter's is its base.

    Not told where processes share out a model: none of them has it whole.
    """
    if trainer_.ref_model is None or sharing() != (1, 1):
        return
    reference = dict(trainer_.accelerator.unwrap_model(trainer_.ref_model).named_parameters())
    for name, weights in trainer_.accelerator.unwrap_model(trainer_.model).named_parameters():
        other = reference.get(name)
        if other is None or not torch.equal(weights.detach().cpu().float(), other.detach().cpu().float()):
            raise RunError(
                f"the reference model of DPO differs from the starting model in {name}; a model is to be saved and "
                "loaded again between two stages"
            )
