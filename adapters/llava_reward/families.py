"""The base models of LLaVA-Reward: what their tensors were called, and how a question to them is written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from adapters.engines.checkpoints import Checkpoint
from harness.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of base model. Sources are files of sjz5202/LLaVA-Reward."""

    model_type: str
    """As config.json says it."""
    base: str
    """The base the authors train on (`scripts/`)."""
    homes: tuple[tuple[str, str], ...]
    """Where modules of an adapter are in transformers 5, by the first prefix that fits. Released files have the layout
    of transformers 4.50; later versions save another one."""
    projector: str
    """The module of the base that is trained too (`save_model_lora` in llava_reward/utils/deepspeed.py)."""
    image_processor: str
    """The Pillow one: what transformers 4.50 takes where nothing is said."""
    inputs: tuple[str, ...]
    """What the model takes."""
    before: str
    """What the chat template writes before the user's turn. The authors cut it off, by counting characters
    (llava_reward/datasets/reward_dataset.py)."""
    after: str
    """The same for what follows the user's turn: the header of an answer."""
    ends: bool
    """Whether the end-of-text token is put after the turn."""
    skips: bool
    """Whether it can have SkipCA. The released class cannot be made with it on LLaVA-1.6."""

    @property
    def anchor(self) -> str:
        """The last part of the projector's name, by which its tensors are known."""
        return self.projector.rpartition(".")[2]


QWEN = Family(
    model_type="qwen2_5_vl",
    base="Qwen/Qwen2.5-VL-7B-Instruct",
    homes=(("model.language_model.", "language_model."), ("model.", "language_model.")),
    projector="visual.merger",
    image_processor="Qwen2VLImageProcessorPil",
    inputs=("input_ids", "attention_mask", "pixel_values", "image_grid_thw", "mm_token_type_ids"),
    before="<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n",
    after="\n<|im_start|>assistant\n",
    ends=False,
    skips=True,
)
LLAVA = Family(
    model_type="llava_next",
    base="llava-hf/llava-v1.6-vicuna-13b-hf",
    homes=(("model.language_model.", "language_model."), ("language_model.model.", "language_model.")),
    projector="multi_modal_projector",
    image_processor="LlavaNextImageProcessorPil",
    inputs=("input_ids", "attention_mask", "pixel_values", "image_sizes"),
    before="",
    after=" ASSISTANT:",
    ends=True,
    skips=False,
)
FAMILIES = (QWEN, LLAVA)

PHI_ANCHOR = "img_projection"
"""Part of the names of the projector's tensors in Phi-3.5-vision."""

NO_PHI = (
    "Phi-3.5-vision is no architecture of transformers 5: its code comes with its checkpoint, and code from a "
    "checkpoint is never run here (trust_remote_code). Take a folder of LLaVA-Reward on Qwen2.5-VL or LLaVA-1.6, or "
    "another judge of general preference, such as hps-v3"
)


def family_of_base(base: Checkpoint) -> Family:
    """The family of a base model. Raises `ConfigError` for any other, Phi-3.5-vision among them."""
    model_type = json.loads((base.folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    if model_type == "phi3_v":
        raise ConfigError(f"model {base.identity}: {NO_PHI}")
    for family in FAMILIES:
        if family.model_type == model_type:
            return family
    raise ConfigError(f"model {base.identity}: config.json says model_type {model_type!r}; expected one of {known()}")


def family_of_head(keys: Iterable[str], where: str) -> Family:
    """The family whose projector is among the tensors of a head. Raises `ConfigError`."""
    parts = {part for key in keys for part in key.split(".")}
    if PHI_ANCHOR in parts:
        raise ConfigError(f"{where} was trained on Phi-3.5-vision. {NO_PHI}")
    for family in FAMILIES:
        if family.anchor in parts:
            return family
    raise ConfigError(f"{where}: no tensor of a projector; expected those of one of {known()}")


def known() -> str:
    """For messages."""
    return ", ".join(f"{family.model_type} ({family.base}: {family.anchor}.*)" for family in FAMILIES)
