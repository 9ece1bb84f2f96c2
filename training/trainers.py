"""What every fit shares: loading, arguments without the libraries' surprises, checkpoints, progress."""

from __future__ import annotations

import contextlib
import gc
import json
import math
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForImageTextToText, PrinterCallback, TrainerCallback

from adapters.engines import checkpoints
from adapters.engines.loading import SAFE, first_line, load_processor, load_weights, placed
from harness.errors import ConfigError, RunError
from harness.progress import Progress
from training.launched import main_process, processes
from training.presets import Fit, Model
from training.sampling import ByLength
from training.weights import Weights

CHECKPOINTS = "checkpoints"
LAST_WRITTEN = "trainer_state.json"
"""The file the library writes last: a checkpoint without it was cut off."""


def load(weights: Weights, fit: Fit, settings: Model) -> tuple[Any, Any]:
    """(model, processor) from files: what is trained, and what the reference of DPO is loaded from again.

    All weights are trained in float32, whatever is computed in; under LoRA the frozen ones are of the preset's type.
    """
    check_devices(settings)
    checkpoint = checkpoints.model(weights.model)
    processor = load_processor(checkpoint)
    _bound(processor.image_processor, settings.max_pixels)
    dtype = placed(settings.device, settings.dtype)[1] if fit.lora else torch.float32
    # The trainer puts it on a device, each process on its own, or shares it out.
    return load_weights(checkpoint, dtype=dtype, attn_implementation=settings.attention), processor


def check_devices(settings: Model) -> None:
    """Raises `ConfigError` for one process that sees several GPUs: the library would copy the model to all of them."""
    gpus = torch.cuda.device_count() if placed(settings.device, settings.dtype)[0].type == "cuda" else 0
    if gpus > 1 and processes() == 1:
        raise ConfigError(
            f"{gpus} GPUs for one process; launch base, reasoner and reward on all of them with accelerate launch "
            f"--num_processes {gpus} -m pigeval train STAGE, or give them one with CUDA_VISIBLE_DEVICES=0"
        )


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
        "remove_unused_columns": False,
        "disable_tqdm": True,
    }


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Leaves out what the libraries tell each other and no user can change."""
    with warnings.catch_warnings():
        for name in ("is_gradient_checkpointing", "gradient_checkpointing_enable", "gradient_checkpointing_disable"):
            warnings.filterwarnings("ignore", f"`{name}`", FutureWarning)
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
    with quiet(), explained(folder):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    logged = [_figures(entry) for entry in trainer.state.log_history if "loss" in entry]
    return {
        "steps": trainer.state.global_step,
        "first": logged[0] if logged else {},
        "last": logged[-1] if logged else {},
    }


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Raises `RunError` where memory or disk ran out, which the libraries say in errors of several types."""
    try:
        yield
    except (RuntimeError, SafetensorError) as error:
        if isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error):
            said = "out of memory; take a smaller batch with more accumulation, checkpointing=true, or lora"
        elif isinstance(error, SafetensorError) or "inline_container" in str(error):
            said = f"it cannot be written to ({first_line(error)}); make room, then give the same command"
        else:
            raise
        raise RunError(f"{folder}: {said}. What was trained up to the last checkpoint is kept") from error


def _figures(entry: Mapping[str, Any]) -> dict[str, Any]:
    # Digits, not places: a learning rate is small. The library counts tokens from the last start only.
    kept = {key: value for key, value in entry.items() if key != "num_tokens"}
    return {key: float(f"{value:.5g}") if isinstance(value, float) else value for key, value in kept.items()}


def save(trainer: Any, processor: Any, folder: Path) -> None:
    """Writes weights and processor, as the next stage loads them. Raises `RunError` when no weights came.

    Of a model that is shared out the library saves nothing, in silence, unless a whole state is asked for.
    """
    part = folder.with_name(f"{folder.name}.part")
    if trainer.is_world_process_zero():
        shutil.rmtree(part, ignore_errors=True)
    # How the last batch was padded would be saved as well.
    if backend := getattr(processor.tokenizer, "backend_tokenizer", None):
        backend.no_padding()
    with explained(folder.parent):
        trainer.save_model(str(part))
    if trainer.is_world_process_zero():
        if not any(part.glob("*.safetensors")):
            raise RunError(
                f"{part}: the trainer saved no weights; under FSDP launch with --fsdp_state_dict_type FULL_STATE_DICT. "
                "The same command goes on from the last checkpoint"
            )
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
    whole = {step: path for step, path in found.items() if _is_json(path / LAST_WRITTEN)}
    for step in found.keys() - whole.keys():
        if main_process():
            shutil.rmtree(found[step])
    return whole[max(whole)] if whole else None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


class Resuming:
    """Goes before a trainer class of the library, so that a fit goes on after a kill as if there had been none.

    Weights are saved under the names the published checkpoints have, which for Qwen2-VL are not those in memory. The
    library's own way compares names as they stand, finds none, warns, and goes on with the weights training began with.
    Here they are loaded as any model's are. For the order of the samples see `ByLength`.
    """

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        """Called by the library when training begins."""
        trainer: Any = self
        data, args = trainer.train_dataset if train_dataset is None else train_dataset, trainer.args
        batches = math.ceil(len(data) / (args.train_batch_size * args.world_size))
        steps = math.ceil(batches / args.gradient_accumulation_steps)
        together = args.train_batch_size * args.gradient_accumulation_steps
        return ByLength(data["length"], together, args.seed, lambda: trainer.state.global_step // steps)

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
        """One step more. The last one is logged wherever it falls."""
        self._advance(1)
        control.should_log = control.should_log or state.global_step >= state.max_steps

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Ends the task."""
        self._task.__exit__(None, None, None)
