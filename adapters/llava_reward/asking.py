"""Turns prompts and images into what a base model of LLaVA-Reward takes, as the authors' evaluation does."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import PIL.Image
import transformers
from torch import Tensor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from adapters.backbones.base import THREADS
from adapters.engines.chat import Chat
from adapters.engines.checkpoints import Checkpoint
from adapters.engines.loading import load_processor
from adapters.llava_reward.families import QWEN, Family
from harness.errors import ConfigError, ImageError
from harness.records import Image

TOKEN = 28 * 28
"""Pixels an image token of Qwen2.5-VL stands for."""

FIRST = {"min_pixels": 4 * TOKEN, "max_pixels": 16384 * TOKEN}
"""To what size an image is first brought, by qwen_vl_utils' own limits, which the authors leave as they are."""

SECOND = {"shortest_edge": 256 * TOKEN, "longest_edge": 1280 * TOKEN}
"""To what size it is brought then (`get_tokenizer_qwen` in llava_reward/utils/utils.py)."""

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
        """What the model takes, padded on the right. Raises `ImageError`."""
        with ThreadPoolExecutor(THREADS, thread_name_prefix="pigeval-preprocess") as pool:
            pictures = list(pool.map(self._pixels, images))
        sizing = {"size": SECOND} if self._family is QWEN else {}
        inputs = self._processor(
            text=[self.text(prompt) for prompt in prompts], images=pictures,
            padding=True, padding_side="right", return_tensors="pt", **sizing,
        )  # fmt: skip
        return {key: inputs[key] for key in self._family.inputs}

    def _pixels(self, image: Image) -> PIL.Image.Image:
        pixels = image.decode()
        return resized(pixels, image) if self._family is QWEN else pixels


def resized(pixels: PIL.Image.Image, image: Image) -> PIL.Image.Image:
    """The first of two resizes on Qwen2.5-VL, to multiples of 28 pixels. Raises `ImageError` for one too thin."""
    _check(pixels.size, image)
    height, width = smart_resize(pixels.height, pixels.width, factor=28, **FIRST)
    # Rounding a narrow side can make the image thinner still.
    _check((width, height), image)
    return pixels.resize((width, height), PIL.Image.Resampling.BICUBIC)


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
