"""LLaVA-Reward (Zhou et al., "Multimodal LLMs as customized reward models for text-to-image generation", ICCV 2025)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from adapters.devices import Batched, Device
from adapters.engines import checkpoints
from adapters.llava_reward.asking import Asking
from adapters.llava_reward.families import family_of_base
from adapters.llava_reward.folder import open_folder
from adapters.llava_reward.network import load
from adapters.llava_reward.probability import bradley_terry, general_preference
from harness.errors import ConfigError
from harness.records import Comparison, Image, Status, Verdict

Reward = tuple[float, ...]
Key = tuple[str, str]


class LlavaReward:
    """Prefers the image with the higher reward, or the one general preference says is preferred of the two.

    Which of the two it is stands in the checkpoint's `reward_config.yaml`. A Bradley-Terry reward is a score. General
    preference gives each image two numbers that mean something only as a pair, so its verdicts have a probability and
    no scores. Either way an image is read once for a prompt, however many pairs it stands in; there is a tie where the
    rewards leave none preferred.

    Args:
        weights: folder or hub id with `reward_config.yaml`, `pytorch_model.bin` and `lora/`, or of several of these.
        task: which of several: a sub-folder, or a word of its path that no other has.
        model: the base it was trained on, folder or hub id: Qwen2.5-VL or LLaVA-1.6 (vicuna).
        device: as in `adapters.devices.Device`.
        dtype: of the whole network; bfloat16 is the official one.
        batch: images a forward pass.

    Raises:
        ConfigError: a parameter out of range, or files that cannot be used or do not belong together.
    """

    reads_references: ClassVar[bool] = False
    reads_once: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "tokenizers", "peft", "pillow", "numpy")
    incidental: ClassVar[tuple[str, ...]] = ("weights", "task", "model", "device", "batch")

    def __init__(
        self,
        *,
        weights: str = "smz8599/LLaVA-Reward",
        task: str = "",
        model: str = "Qwen/Qwen2.5-VL-7B-Instruct",
        device: str = "auto",
        dtype: str = "bfloat16",
        batch: int = 8,
    ) -> None:
        self._device = Device(device, dtype, batch)
        self._batched = Batched(self._device)
        self._folder = open_folder(weights, task)
        self._base = checkpoints.model(model)
        family = family_of_base(self._base)
        if family is not self._folder.family:
            raise ConfigError(
                f"weights {self._folder.name} were trained on {self._folder.family.base}, and model {model} is a "
                f"{family.model_type}; give model={self._folder.family.base} or a folder of it"
            )
        self._asking = Asking(self._base, family)
        self._network = load(self._folder, self._base, self._device, self._asking.source)
        self._known: dict[Key, Reward] = {}

    def identity(self) -> Mapping[str, Any]:
        """Digests of the checkpoint and of its base, precision and kind of device."""
        return {"weights": self._folder.digest, "model": self._base.identity, **self._device.identity()}

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """Verdicts from rewards, each distinct (prompt, image) rewarded once in the life of the judge."""
        fresh = {_key(c.prompt, image): (c.prompt, image) for c in comparisons for image in (c.image_a, c.image_b)}
        fresh = {key: pair for key, pair in fresh.items() if key not in self._known}
        if fresh:
            prompts, images = zip(*fresh.values(), strict=True)
            rewards = self.rewards(prompts, images).tolist()
            self._known.update(zip(fresh, map(tuple, rewards), strict=True))
        return [self._verdict(comparison) for comparison in comparisons]

    def rewards(self, prompts: Sequence[str], images: Sequence[Image]) -> NDArray[np.float64]:
        """Rewards of shape (n, 1), or (n, 2) for general preference."""
        return self._batched(self._forward, list(zip(prompts, images, strict=True))).astype(np.float64)

    def _forward(self, pairs: Sequence[tuple[str, Image]]) -> Tensor:
        inputs = self._asking.inputs([prompt for prompt, _ in pairs], [image for _, image in pairs])
        return self._network({key: tensor.to(self._device.device) for key, tensor in inputs.items()})

    def _verdict(self, comparison: Comparison) -> Verdict:
        a, b = (self._known[_key(comparison.prompt, image)] for image in (comparison.image_a, comparison.image_b))
        tau = self._folder.settings.general_preference_tau
        if not self._folder.settings.is_general_preference:
            return Verdict.from_scores(a[0], b[0], bradley_terry(a[0], b[0], tau))
        if not np.isfinite((*a, *b)).all():
            return Verdict.failure(Status.NON_FINITE, f"rewards {a!r} and {b!r}")
        p_a = general_preference(a, b, tau)
        return Verdict("A" if p_a > 0.5 else "B" if p_a < 0.5 else "tie", p_a=p_a)


def _key(prompt: str, image: Image) -> Key:
    return prompt, image.digest
