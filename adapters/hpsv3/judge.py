"""HPSv3 (Ma et al., "HPSv3: Towards wide-spectrum human preference score", ICCV 2025)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoProcessor, Qwen2VLConfig, Qwen2VLImageProcessorPil

from adapters.backbones.base import THREADS
from adapters.devices import Batched, Device
from adapters.engines.chat import Chat
from adapters.hpsv3.network import load
from adapters.hpsv3.probability import preferred
from adapters.prompts.wording import wording
from adapters.weights import Weights, digest_of_files
from harness.errors import ConfigError, ImageError
from harness.judge import Scorer
from harness.records import Comparison, Image, Verdict

CHECKPOINT = "HPSv3.safetensors"
REWARD = "<|Reward|>"
"""The token whose place is read."""

PIXELS = 256 * 28 * 28
"""Least and most pixels at once, so an image is about 256 tokens (MizzenAI/HPSv3, hpsv3/inference.py)."""

LONGEST = 200
"""Longer side over shorter side that can be resized to this."""

CONFIGS = ("config.json", "preprocessor_config.json", "tokenizer_config.json")
"""What the folder of the processor holds in any case."""

OTHERS = ("tokenizer.json", "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json",
          "chat_template.json", "chat_template.jinja", "video_preprocessor_config.json")  # fmt: skip

Key = tuple[str, str]


class HPSv3(Scorer):
    """Prefers the image with the higher mean score mu, about -2 to 12 with the official wording.

    p_a = E[sigmoid(X)] with X normal, mean mu_a - mu_b and variance sigma_a² + sigma_b²: see
    `adapters.hpsv3.probability`. The official evaluation compares mu alone, and so does the winner. Control tokens in
    a caption are made harmless; an empty caption is asked like any other.

    Args:
        weights: the official checkpoint: file, folder or hub id.
        processor: folder or hub id of Qwen2-VL-7B-Instruct: sizes, tokenizer, chat template.
        prompt: `official`, which `pigeval prompts fetch` gets; `own` wording of the same structure, whose scores are
            not the official ones; or `auto`: official where it was fetched.
        device: as in `adapters.devices.Device`.
        dtype: of all but the head; bfloat16 is the official one and needs 17 GB.
        batch: images a forward pass.

    Raises:
        ConfigError: a parameter out of range, or weights, processor or prompt that cannot be used.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "tokenizers", "pillow", "numpy")
    incidental: ClassVar[tuple[str, ...]] = ("weights", "processor", "device", "batch", "prompt")

    def __init__(
        self,
        *,
        weights: str = "MizzenAI/HPSv3@4f81e3e09edd82fe3c5f636444c721b592a735ca",
        processor: str = "Qwen/Qwen2-VL-7B-Instruct@eed13092ef92e448dd6875b2a00151bd3f7db0ac",
        prompt: str = "official",
        device: str = "auto",
        dtype: str = "bfloat16",
        batch: int = 8,
    ) -> None:
        self._device = Device(device, dtype, batch)
        self._batched = Batched(self._device)
        self._wording = [wording(name, prompt) for name in ("hps-v3", "hps-v3-closing")]
        self._path = Weights.find(weights, (CHECKPOINT,)).file(CHECKPOINT)
        self._asking = Asking(Weights.find(processor, (*CONFIGS, *OTHERS)))
        self._network = load(self._path, self._asking.config, self._asking.token, self._device)
        self._spreads: dict[Key, float] = {}

    def identity(self) -> Mapping[str, Any]:
        """Digests of weights and processor, whose wording and its hash, precision and kind of device."""
        return {
            "weights": digest_of_files([self._path]),
            "processor": self._asking.digest,
            "prompt": {part.name: {"origin": part.origin, "sha256": part.sha256} for part in self._wording},
            **self._device.identity(),
        }

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """Verdicts from the means, with the probability both spreads give."""
        verdicts = zip(comparisons, super().compare(comparisons), strict=True)
        return [self._with_probability(comparison, verdict) for comparison, verdict in verdicts]

    def score(self, prompts: Sequence[str], images: Sequence[Image]) -> NDArray[np.float64]:
        """Mean scores of shape (n,)."""
        outputs = self._batched(self._forward, list(zip(prompts, images, strict=True))).astype(np.float64)
        # An overflow would warn; so large a spread says no more than a smaller one.
        spreads = np.exp(np.minimum(outputs[:, 1], 100))
        self._spreads.update(zip(map(self._key, prompts, images), spreads.tolist(), strict=True))
        # A score without a spread is none.
        return np.where(np.isnan(spreads), np.nan, outputs[:, 0])

    def _forward(self, pairs: Sequence[tuple[str, Image]]) -> Tensor:
        texts = [self._text(prompt) for prompt, _ in pairs]
        inputs = self._asking.inputs(texts, [image for _, image in pairs])
        inputs = {key: tensor.to(self._device.device) for key, tensor in inputs.items()}
        outputs: Tensor = self._network(inputs, self._asking.token)
        return outputs

    def _text(self, prompt: str) -> str:
        instruction, closing = (part.text for part in self._wording)
        return instruction.format(text_prompt=self._asking.plain(prompt)) + closing

    def _with_probability(self, comparison: Comparison, verdict: Verdict) -> Verdict:
        if verdict.score_a is None or verdict.score_b is None:
            return verdict
        a, b = (self._spreads[self._key(comparison.prompt, i)] for i in (comparison.image_a, comparison.image_b))
        return replace(verdict, p_a=preferred(verdict.score_a - verdict.score_b, float(np.hypot(a, b))))


class Asking:
    """Turns texts and images into what the network takes. Raises `ConfigError` for a processor of another model."""

    def __init__(self, weights: Weights) -> None:
        files = [weights.file(name) for name in CONFIGS]
        self.digest = digest_of_files([*files, *(weights.place / name for name in OTHERS if weights.has(name))])
        try:
            self.config = Qwen2VLConfig.from_pretrained(weights.place)
            self._processor: Any = AutoProcessor.from_pretrained(weights.place, local_files_only=True)
            self._processor.image_processor = Qwen2VLImageProcessorPil.from_pretrained(weights.place)
        except Exception as error:
            problem = f"processor {weights.name}: {type(error).__name__}: {error}"
            raise ConfigError(f"{problem}; expected the files of Qwen2-VL-7B-Instruct, but for its weights") from error
        self._processor.tokenizer.add_tokens([REWARD], special_tokens=True)
        self.token: int = self._processor.tokenizer.convert_tokens_to_ids(REWARD)
        self.plain = Chat(self._processor).plain

    def inputs(self, texts: Sequence[str], images: Sequence[Image]) -> dict[str, Tensor]:
        """Ids, masks and pixels of one turn each, image before text, padded on the right. Raises `ImageError`."""
        with ThreadPoolExecutor(THREADS, thread_name_prefix="pigeval-preprocess") as pool:
            pictures = list(pool.map(_decoded, images))
        inputs = self._processor(
            text=[self._turn(text) for text in texts], images=pictures,
            size={"shortest_edge": PIXELS, "longest_edge": PIXELS},
            padding=True, padding_side="right", return_tensors="pt",
        )  # fmt: skip
        return {key: inputs[key] for key in ("input_ids", "attention_mask", "pixel_values", "image_grid_thw")}

    def _turn(self, text: str) -> str:
        turn = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}
        return str(self._processor.apply_chat_template([turn], tokenize=False, add_generation_prompt=True))


def _decoded(image: Image) -> PIL.Image.Image:
    pixels = image.decode()
    if max(pixels.size) > LONGEST * min(pixels.size):
        width, height = pixels.size
        raise ImageError(f"{image!r}: {width} × {height} pixels; one side may be {LONGEST} times the other, not more")
    return pixels
