"""What a model sees of an image, computed once for each distinct image and kept for all requests that show it."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import PIL.Image
import torch

from harness.records import Image

KNOWN = frozenset({"qwen2_vl", "qwen2_5_vl", "qwen3_vl"})
"""Model types whose features of an image depend on that image alone. Those of LLaVA-OneVision depend on how many images
stand in a request: a single one is cut into tiles."""

LIMIT = 2 << 30
"""Bytes of features kept: about a thousand images of 256 tokens at a width of 3584 in bfloat16."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An image as the language model gets it, in host memory."""

    grid: torch.Tensor
    """Shape (1, 3): patches in time, height and width."""
    features: torch.Tensor
    """Shape (tokens, width)."""
    deep: tuple[torch.Tensor, ...]
    """Features for deeper layers, where the architecture has them, each of shape (tokens, width)."""

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(tensor.nbytes for tensor in (self.features, *self.deep))


class Vision:
    """The vision tower of a model that takes features in the place of pixels (`mm_encoder_outputs`).

    Each image is encoded by itself, so its features do not depend on what else stands in a batch.
    """

    def __init__(
        self, model: Any, processor: Any, pixels: Callable[[Image], PIL.Image.Image], sizing: Mapping[str, Any]
    ) -> None:
        """`sizing`: what the image processor is told about sizes."""
        self._model = model
        self._processor = processor
        self._pixels = pixels
        self._sizing = sizing
        self._kept: OrderedDict[str, Seen] = OrderedDict()
        self._bytes = 0
        self._output_type: Any = None

    @staticmethod
    def known_for(model: Any) -> bool:
        """Whether features may be computed apart: for `KNOWN` types, in versions of the library that take them."""
        return model.config.model_type in KNOWN and "mm_encoder_outputs" in inspect.signature(model.forward).parameters

    def see(self, image: Image) -> Seen:
        """The features of an image, from memory where it was seen before. Raises `ImageError`."""
        seen = self._kept.pop(image.digest, None)
        if seen is None:
            seen = self._encode(self._pixels(image))
            self._bytes += seen.size
        self._kept[image.digest] = seen
        while self._bytes > LIMIT and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].size
        return seen

    def inputs(self, seen: Sequence[Seen]) -> dict[str, Any]:
        """What `generate` takes for these images, in the order of their slots."""
        if not seen:
            return {}
        device = self._model.device
        features: dict[str, Any] = {"pooler_output": [one.features.to(device) for one in seen]}
        if layers := len(seen[0].deep):
            features["deepstack_features"] = [[one.deep[layer].to(device) for one in seen] for layer in range(layers)]
        grids = torch.cat([one.grid for one in seen]).to(device)
        return {"image_grid_thw": grids, "mm_encoder_outputs": {"image": self._output_type(**features)}}

    @torch.inference_mode()
    def _encode(self, picture: PIL.Image.Image) -> Seen:
        inputs = self._processor.image_processor(images=[picture], return_tensors="pt", **self._sizing)
        output = self._model.get_image_features(
            inputs["pixel_values"].to(self._model.device),
            inputs["image_grid_thw"].to(self._model.device),
            return_dict=True,
        )
        self._output_type = type(output)
        deep = tuple(layer[0].cpu() for layer in getattr(output, "deepstack_features", None) or ())
        return Seen(inputs["image_grid_thw"], output.pooler_output[0].cpu(), deep)
