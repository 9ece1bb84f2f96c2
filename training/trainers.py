"""What every fit shares: loading, arguments without the libraries' surprises, checkpoints, progress."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, PrinterCallback, TrainerCallback
from transformers.utils.logging import disable_progress_bar

from adapters.engines import checkpoints
from adapters.engines.loading import SAFE, load_processor, placed
from harness.errors import ConfigError, RunError
from harness.parameters import one_of
from harness.progress import Progress
from training.presets import Fit, Model
from training.weights import Weights

CHECKPOINTS = "checkpoints"
LAST_WRITTEN = "trainer_state.json"
"""The file the library writes last: a checkpoint without it was cut off."""


def load(weights: Weights, fit: Fit, settings: Model) -> tuple[Any, Any]:
    """(model, processor) from files: what is trained, and what the reference of DPO is loaded from again.

    All weights are trained in float32, whatever is computed in; under LoRA the frozen ones are of the preset's type.
    """
    disable_progress_bar()
    checkpoint = checkpoints.model(weights.model)
    processor = load_processor(checkpoint)
    _bound(processor.image_processor, settings.max_pixels)
    device, dtype = placed(settings.device, settings.dtype)
    model = AutoModelForImageTextToText.from_pretrained(
        checkpoint.folder, dtype=dtype if fit.lora else torch.float32, attn_implementation=settings.attention, **SAFE
    )
    return model.to(device), processor


def _bound(image_processor: Any, max_pixels: int) -> None:
    """Images are resized as the judge's engine resizes them."""
    size = image_processor.size
    if hasattr(image_processor, "merge_size") and "longest_edge" in size:
        image_processor.size = {"shortest_edge": min(size["shortest_edge"], max_pixels), "longest_edge": max_pixels}


def arguments(folder: Path, fit: Fit, settings: Model, seed: int) -> dict[str, Any]:
    """Arguments both trainers take.

    `max_length` None: the default would cut image tokens. `bf16` only on a GPU. Columns are kept, since the collators
    read them.
    """
    device, dtype = placed(settings.device, settings.dtype)
    return {
        "output_dir": str(folder / CHECKPOINTS),
        "per_device_train_batch_size": fit.batch,
        "gradient_accumulation_steps": fit.accumulation,
        "learning_rate": fit.lr,
        "lr_scheduler_type": fit.schedule,
        "warmup_steps": fit.warmup,
        "num_train_epochs": fit.epochs,
        "max_steps": fit.steps or -1,
        "weight_decay": fit.weight_decay,
        "adam_beta2": fit.beta2,
        "max_grad_norm": fit.clip,
        "save_strategy": "steps",
        "save_steps": fit.save_every,
        "save_total_limit": 2,
        "logging_steps": fit.log_every,
        "logging_first_step": True,
        "activation_checkpointing": fit.checkpointing,
        "dataloader_num_workers": fit.workers,
        "seed": seed,
        "data_seed": seed,
        "report_to": "none",
        "bf16": device.type == "cuda" and dtype == torch.bfloat16,
        "use_cpu": device.type == "cpu",
        "max_length": None,
        "train_sampling_strategy": "group_by_length",
        "length_column_name": "length",
        "remove_unused_columns": False,
        "disable_tqdm": True,
    }


def writers(report_to: str, folder: Path) -> list[TrainerCallback]:
    """Who writes training curves: nobody, or TensorBoard into the stage's folder. Raises `ConfigError`."""
    one_of("report_to", report_to, ("none", "tensorboard"))
    if report_to == "none":
        return []
    if importlib.util.find_spec("tensorboard") is None:
        raise ConfigError("report_to=tensorboard needs tensorboard; pip install tensorboard, or take report_to=none")
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415
    from transformers.integrations import TensorBoardCallback  # noqa: PLC0415

    return [TensorBoardCallback(SummaryWriter(log_dir=str(folder / "tensorboard")))]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Leaves out what the libraries tell each other and no user can change."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        yield


def adapter(fit: Fit) -> Any:
    """The LoRA configuration of a fit; None where all weights are trained."""
    if not fit.lora:
        return None
    from peft import LoraConfig  # noqa: PLC0415

    return LoraConfig(
        r=fit.lora, lora_alpha=fit.lora_alpha, lora_dropout=fit.lora_dropout, target_modules=fit.lora_targets,
        task_type="CAUSAL_LM",
    )  # fmt: skip


def train(trainer: Any, folder: Path, title: str, progress: Progress) -> Mapping[str, Any]:
    """Goes on from the last whole checkpoint, to the end. The value: steps, and the figures logged last."""
    checkpoint = last_whole(folder / CHECKPOINTS)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(_Shown(title, progress))
    try:
        with quiet():
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError as error:
        raise RunError(
            f"{folder}: out of memory; take a smaller batch with more accumulation, checkpointing=true, or lora. What "
            "was trained up to the last checkpoint is kept"
        ) from error
    logged = [_figures(entry) for entry in trainer.state.log_history if "loss" in entry]
    return {
        "steps": trainer.state.global_step,
        "first": logged[0] if logged else {},
        "last": logged[-1] if logged else {},
    }


def _figures(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: round(value, 5) if isinstance(value, float) else value for key, value in entry.items()}


def save(trainer: Any, processor: Any, folder: Path) -> None:
    """Writes weights and processor, as the next stage loads them."""
    part = folder.with_name(f"{folder.name}.part")
    trainer.save_model(str(part))
    if trainer.is_world_process_zero():
        processor.save_pretrained(part)
        (part / "training_args.bin").unlink(missing_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    trainer.accelerator.wait_for_everyone()


def forget(folder: Path) -> None:
    """Removes the checkpoints of a finished fit, and what torch holds."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def last_whole(folder: Path) -> Path | None:
    """The latest complete checkpoint; those cut off while they were written are removed."""
    found = {int(path.name.rpartition("-")[2]): path for path in folder.glob("checkpoint-*")}
    for path in found.values():
        if not (path / LAST_WRITTEN).is_file():
            shutil.rmtree(path)
    whole = {step: path for step, path in found.items() if path.exists()}
    return whole[max(whole)] if whole else None


class Resuming:
    """Goes before a trainer class of the library, and loads a checkpoint's weights as any model's are loaded.

    Weights are saved under the names the published checkpoints have, which for Qwen2-VL are not those in memory. The
    library's own way compares names as they stand, finds none, warns, and goes on with the weights training began with.
    """

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Called by the library when training is resumed."""
        trainer: Any = self
        live = trainer.model if model is None else model
        if hasattr(live, "peft_config") or trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
            return
        saved = AutoModelForImageTextToText.from_pretrained(resume_from_checkpoint, dtype=live.dtype, **SAFE)
        live.load_state_dict(saved.state_dict())


class _Shown(TrainerCallback):  # type: ignore[misc]
    """Steps as a task with an ETA."""

    def __init__(self, title: str, progress: Progress) -> None:
        self._title = title
        self._progress = progress

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Begins the task where the checkpoint left it."""
        self._task = self._progress.task(self._title, state.max_steps, state.global_step)
        self._advance = self._task.__enter__()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """One step more."""
        self._advance(1)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Ends the task."""
        self._task.__exit__(None, None, None)
