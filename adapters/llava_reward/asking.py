"""Turns prompts and images into what a base model of LLaVA-Reward takes, as the authors' evaluation does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import PIL.Image
import transformers
from torch import Tensor

from adapters.backbones.base import THREADS
from adapters.engines.chat import Chat
from adapters.engines.checkpoints import Checkpoint
from adapters.engines.loading import load_processor
from adapters.llava_reward.families import QWEN, Family
from harness.errors import ConfigError, ImageError
from harness.records import Image

SIDE = 28
"""Pixels a side of an image token of Qwen2.5-VL stands for."""

LEAST, MOST = 4 * SIDE**2, 16384 * SIDE**2
"""Pixels of an image after the first of two resizes; see `first_size`."""

LONGEST = 200
"""Longer side over shorter side that Qwen2.5-VL's preprocessing takes."""

SOURCE = "<|endoftext|>"
"""What SkipCA attends to on Qwen2.5-VL; see `network.RewardNetwork`."""


class Asking:
    """Texts and inputs for one base. Raises `ConfigError` for a processor that writes turns otherwise."""

    def __init__(self, base: Checkpoint, family: Family) -> None:
        self._family = family
        self._processor = load_processor(base)
        self._processor.image_processor = _image_processor(base, family)
        self._plain = Chat(self._processor).plain
        self.source: int = self._processor.tokenizer.convert_tokens_to_ids(SOURCE) if family.skips else -1
        self.text("")

    def text(self, prompt: str) -> str:
        """The user's turn alone, an image and the prompt, without what a template puts before and after it.

        Control tokens in a prompt are made harmless. Raises `ConfigError`.
        """
        parts: list[dict[str, str]] = [{"type": "image"}, {"type": "text", "text": self._plain(prompt)}]
        turn = {"role": "user", "content": parts}
        text = str(self._processor.apply_chat_template([turn], tokenize=False, add_generation_prompt=True))
        before, after = self._family.before, self._family.after
        if not (text.startswith(before) and text.endswith(after)):
            raise ConfigError(f"the chat template writes {text!r}; expected {before!r} at the start and {after!r} at "
                              f"the end, as that of {self._family.base}")  # fmt: skip
        end = self._processor.tokenizer.eos_token if self._family.ends else ""
        return text.removeprefix(before).removesuffix(after) + end

    def inputs(self, prompts: Sequence[str], images: Sequence[Image]) -> dict[str, Tensor]:
        """What the model takes, padded on the right. Raises `ImageError`.

        On Qwen2.5-VL an image is resized twice, by `first_size` and then within the limits of the base's own
        processor, 4 to 16384 tokens as published, which leave it as it is. The authors' code asks the processor for 256
        to 1280; transformers 4.50 takes that down and does not use it.
        """
        with ThreadPoolExecutor(THREADS, thread_name_prefix="pigeval-preprocess") as pool:
            pictures = list(pool.map(self._pixels, images))
        inputs = self._processor(
            text=[self.text(prompt) for prompt in prompts], images=pictures,
            padding=True, padding_side="right", return_tensors="pt",
        )  # fmt: skip
        return {key: inputs[key] for key in self._family.inputs}

    def _pixels(self, image: Image) -> PIL.Image.Image:
        pixels = image.decode()
        if self._family is not QWEN:
            return pixels
        _check(pixels.size, image)
        size = first_size(*pixels.size)
        # A side rounded down can make the image thinner still.
        _check(size, image)
        return pixels.resize(size, PIL.Image.Resampling.BICUBIC)


def first_size(width: int, height: int) -> tuple[int, int]:
    """Width and height as multiples of 28 pixels, near the given ones and with `LEAST` to `MOST` pixels.

    As qwen_vl_utils has it: a side shorter than 28 pixels becomes 28. The image processor alone would enlarge such an
    image instead (QwenLM/Qwen2-VL, qwen-vl-utils 0.0.8, `smart_resize` in vision_process.py).
    """
    sides = [max(SIDE, round(side / SIDE) * SIDE) for side in (width, height)]
    if math.prod(sides) > MOST:
        # Divided here and multiplied below: one factor for both would round some sizes otherwise.
        shrink = math.sqrt(width * height / MOST)
        sides = [math.floor(side / shrink / SIDE) * SIDE for side in (width, height)]
    elif math.prod(sides) < LEAST:
        grow = math.sqrt(LEAST / (width * height))
        sides = [math.ceil(side * grow / SIDE) * SIDE for side in (width, height)]
    return sides[0], sides[1]


def _check(size: tuple[int, int], image: Image) -> None:
    if max(size) > LONGEST * min(size):
        sides = f"{size[0]} × {size[1]} pixels"
        raise ImageError(f"{image!r}: {sides}; one side may be {LONGEST} times the other, not more")


def _image_processor(base: Checkpoint, family: Family) -> Any:
    try:
        return getattr(transformers, family.image_processor).from_pretrained(base.folder, local_files_only=True)
    except Exception as error:
        raise ConfigError(
            f"the image processor of {base.identity} cannot be loaded ({type(error).__name__}: {error}); "
            f"expected preprocessor_config.json of {family.base}"
        ) from error
