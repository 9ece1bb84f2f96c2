"""MPS (Zhang et al., "Learning multi-dimensional human preference for text-to-image generation", CVPR 2024)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPTokenizer

from adapters.backbones.base import THREADS
from adapters.backbones.hf_clip import CONFIG, PIXELS, PROCESSOR, TOKENIZERS, TOKENS
from adapters.devices import Batched, Device
from adapters.mps.conditions import CONDITIONS
from adapters.mps.network import Network, kept_tokens, load
from adapters.weights import Weights, digest_of_files
from harness.errors import ConfigError
from harness.judge import Scorer
from harness.parameters import number, one_of
from harness.records import Comparison, Image, Verdict

Made = TypeVar("Made")
Source = TypeVar("Source")

CHECKPOINTS = ("model.safetensors", "MPS_overall_checkpoint.safetensors")
"""Names in a folder: the re-upload's and the converter's suggestion."""

KEPT = 256
"""Images (1 MB each at the official size) and texts (0.3 MB) whose tokens are kept for questions to come."""


class MPS(Scorer):
    """Prefers the image with the higher MPS, "overall" unless a condition is named.

    score = exp(logit_scale) × cosine of the caption and the image's first token after it looked at those tokens of the
    caption that have to do with the condition. p_a is the softmax of the two scores (both: Kwai-Kolors/MPS,
    eval_overall_mps_on_hpdv2.py). Captions are cut to 77 tokens; an empty one is scored as the empty text.

    Args:
        weights: safetensors or a state dict in the official key layout; a file, a folder or a hub id.
        processor: folder or hub id of the CLIP the checkpoint was trained from: sizes, tokenizer, preprocessing.
        threshold: share of the largest relevance a token must exceed, in [0, 1); 0.3 in the evaluation scripts behind
            the published tables, 0.01 in the model's own `forward` that the README shows.
        condition: a name in `adapters.mps.conditions.CONDITIONS`; all but `overall` are third-party use.
        device: as in `adapters.devices.Device`.
        dtype: float32, or float16 as the official scripts run.
        batch: pairs a forward pass.

    Raises:
        ConfigError: a parameter out of range, or weights or processor that cannot be used.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "tokenizers", "pillow", "numpy")
    incidental: ClassVar[tuple[str, ...]] = ("weights", "processor", "device", "batch")

    def __init__(
        self,
        *,
        weights: str = "RE-N-Y/mpsv1",
        processor: str = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K@1c2b8495b28150b8a4922ee1c8edee224c284c0c",
        threshold: float = 0.3,
        condition: str = "overall",
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
    ) -> None:
        self._threshold = number("threshold", threshold, 0.0, 0.999)
        self._condition = CONDITIONS[one_of("condition", condition, CONDITIONS)]
        self._device = Device(device, dtype, batch)
        self._batched = Batched(self._device)
        self._path = Weights.find(weights, CHECKPOINTS).file(*CHECKPOINTS)
        self._processing = Processing(Weights.find(processor, (CONFIG, *PROCESSOR)))
        self._network: Network = self._device.place(load(self._path, self._processing.config))
        self._images: Recent[Tensor] = Recent(KEPT)
        self._texts: Recent[tuple[Tensor, ...]] = Recent(KEPT)
        with torch.inference_mode():
            self._condition_tokens = self._network.text_tokens(self._ids([self._condition]))[0][0]

    def identity(self) -> Mapping[str, Any]:
        """Digests of weights and processor, the condition's text, precision and kind of device."""
        return {
            "weights": digest_of_files([self._path]),
            "processor": self._processing.digest,
            "condition": self._condition,
            **self._device.identity(),
        }

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """Verdicts from scores, with p_a = sigmoid(score_a - score_b)."""
        return [_with_probability(verdict) for verdict in super().compare(comparisons)]

    def score(self, prompts: Sequence[str], images: Sequence[Image]) -> NDArray[np.float64]:
        """Scores of shape (n,), on the scale of CLIP's logits (about 0 to 50)."""
        return self._batched(self._forward, list(zip(prompts, images, strict=True))).astype(np.float64)

    def _forward(self, pairs: Sequence[tuple[str, Image]]) -> Tensor:
        images = self._images.through({image.digest: image for _, image in pairs}, self._encode_images)
        texts = self._texts.through({prompt: prompt for prompt, _ in pairs}, self._encode_texts)
        tokens = torch.stack([images[image.digest] for _, image in pairs])
        text, pooled, kept = (torch.stack(part) for part in zip(*(texts[prompt] for prompt, _ in pairs), strict=True))
        return self._network.scores(tokens, text, pooled, kept)

    def _encode_images(self, images: Sequence[Image]) -> Tensor:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="pigeval-preprocess") as pool:
            pixels = torch.stack(list(pool.map(self._processing.pixels, images)))
        return self._network.image_tokens(pixels.to(self._device.device, self._device.torch_dtype))

    def _encode_texts(self, texts: Sequence[str]) -> Iterable[tuple[Tensor, ...]]:
        tokens, pooled = self._network.text_tokens(self._ids(texts))
        return zip(tokens, pooled, kept_tokens(tokens, self._condition_tokens, self._threshold), strict=True)

    def _ids(self, texts: Sequence[str]) -> Tensor:
        return self._processing.ids(texts).to(self._device.device)


class Processing:
    """Sizes, tokenizer and preprocessing of the CLIP that MPS was trained from. Raises `ConfigError`."""

    def __init__(self, weights: Weights) -> None:
        pixels, config = weights.file(PIXELS), weights.file(CONFIG)
        weights.file(*TOKENIZERS)
        self.digest = digest_of_files([pixels, config, *(weights.place / name for name in TOKENS if weights.has(name))])
        try:
            self.config = CLIPConfig.from_json_file(config)
            self._pixels: Any = CLIPImageProcessorPil.from_json_file(pixels)
            self._tokenizer: Any = CLIPTokenizer.from_pretrained(weights.place, local_files_only=True)
        except Exception as error:
            raise ConfigError(
                f"processor {weights.name}: {type(error).__name__}: {error}; expected configuration, tokenizer and "
                "preprocessor files of a CLIP model as on the hub"
            ) from error

    def ids(self, texts: Sequence[str]) -> Tensor:
        """Token ids of shape (n, 77), filled up and cut so that the end-of-text token stays."""
        length = self.config.text_config.max_position_embeddings
        encoded = self._tokenizer(
            list(texts), max_length=length, padding="max_length", truncation=True, return_tensors="pt"
        )
        return encoded.input_ids  # type: ignore[no-any-return]

    def pixels(self, image: Image) -> Tensor:
        """Pixels of shape (3, 224, 224), bit-identical to OpenAI's preprocessing."""
        return self._pixels(image.decode(), return_tensors="pt").pixel_values[0]  # type: ignore[no-any-return]


class Recent(Generic[Made]):
    """The values made last, by key."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[str, Made] = OrderedDict()

    def through(
        self, wanted: Mapping[str, Source], make: Callable[[Sequence[Source]], Iterable[Made]]
    ) -> dict[str, Made]:
        """The value of each key; `make` makes those not kept, at once, from what the keys stand for."""
        fresh = [key for key in wanted if key not in self._values]
        if fresh:
            self._values.update(zip(fresh, make([wanted[key] for key in fresh]), strict=True))
        found = {key: self._values[key] for key in wanted}
        for key in wanted:
            self._values.move_to_end(key)
        while len(self._values) > self._size:
            self._values.popitem(last=False)
        return found


def _with_probability(verdict: Verdict) -> Verdict:
    if verdict.score_a is None or verdict.score_b is None:
        return verdict
    return replace(verdict, p_a=float(expit(verdict.score_a - verdict.score_b)))
