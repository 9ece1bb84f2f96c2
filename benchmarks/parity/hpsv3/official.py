"""The official side: `HPSv3RewardInferencer(...).reward(...)` of the package hpsv3, in float32 on a CPU."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path

# isort: off
import benchmarks.parity.plain_torchvision  # noqa: F401

# isort: on
import hpsv3
import torch
from hpsv3.dataset import data_collator_qwen
from hpsv3.model.qwen2vl_trainer import Qwen2VLRewardModelBT
from omegaconf import OmegaConf  # type: ignore[import-not-found]
from safetensors.torch import save_file
from transformers import Qwen2VLConfig

from benchmarks.parity.hpsv3.files import PUBLISHED, SMALL, write_base, write_checkpoint
from benchmarks.parity.materials import prompts
from benchmarks.parity.results import official

DISTRIBUTIONS = ("hpsv3", "torch", "transformers", "tokenizers", "pillow", "numpy")

warnings.filterwarnings("ignore", "CUDA is not available")


def make(folder: Path, small: bool) -> None:
    """Writes base model, settings and checkpoint, and the source file the official prompt stands in."""
    base = write_base(folder / "base", SMALL if small else PUBLISHED)
    model = Qwen2VLRewardModelBT(Qwen2VLConfig.from_pretrained(base), output_dim=2, rm_head_type="ranknet")
    # The official code loads the base model first and then overwrites all of it.
    plain = {key: torch.zeros_like(tensor) for key, tensor in model.state_dict().items() if "rm_head" not in key}
    save_file(plain, base / "model.safetensors", metadata={"format": "pt"})
    model.resize_token_embeddings(model.config.vocab_size + 1)
    write_checkpoint(
        folder / "HPSv3.safetensors", {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    )
    settings = OmegaConf.load(Path(hpsv3.__file__).parent / "config" / "HPSv3_7B.yaml")
    settings.update(model_name_or_path=str(base), torch_dtype="float32", bf16=False, report_to="none",
                    output_dir=str(folder / "output"))  # fmt: skip
    OmegaConf.save(settings, folder / "settings.yaml")
    shutil.copy(data_collator_qwen.__file__, folder / "prompts.py")


def score(folder: Path, images: Path) -> list[list[float]]:
    """The first of the two numbers, for each prompt and image."""
    return [[mean for mean, _ in row] for row in rewards(folder, sorted(images.iterdir()), prompts())]


def rewards(folder: Path, images: Sequence[Path], texts: Sequence[str]) -> list[list[list[float]]]:
    """Mean and log spread, one call for each text (rows) and image."""
    scorer = hpsv3.HPSv3RewardInferencer(str(folder / "settings.yaml"), str(folder / "HPSv3.safetensors"), device="cpu")
    # What `bf16: true` of the released settings does to the rotary frequencies; the arithmetic stays in float32.
    scorer.model.bfloat16().float()
    return [[scorer.reward(image_paths=[str(image)], prompts=[text])[0].tolist() for image in images] for text in texts]


if __name__ == "__main__":
    official(make, score, DISTRIBUTIONS)
