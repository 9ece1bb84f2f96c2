"""DINO and DINOv2 in the layout of transformers: vectors are the class token after the last layer norm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PIL.Image
import torch
import transformers
from torchvision import transforms
from transformers.utils import logging

from adapters.backbones.base import Backbone
from adapters.devices import Device
from adapters.weights import Weights, check_keys, digest_of_files, read_state
from harness.errors import ConfigError

CONFIG = "config.json"
CHECKPOINTS = ("model.safetensors", "pytorch_model.bin")
PIXELS = "preprocessor_config.json"

UNUSED = ("pooler.dense.weight", "pooler.dense.bias")
"""A layer above the class token that DINO was not trained with."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The classes of transformers that a model type stands for."""

    config: Any
    model: Any
    options: Mapping[str, Any]


KINDS = {
    "dinov2": Kind(transformers.Dinov2Config, transformers.Dinov2Model, {}),
    "vit": Kind(transformers.ViTConfig, transformers.ViTModel, {"add_pooling_layer": False}),
}
"""By the `model_type` of a config."""


def find_dino(text: str) -> Weights:
    """Weights on the hub, or in a folder. Downloads the safetensors file where there is one."""
    weights = Weights.find(text, (CONFIG, PIXELS, CHECKPOINTS[0]))
    if weights.place.is_file():
        raise ConfigError(f"{weights.place}: a file; expected a folder that holds {CONFIG} and {CHECKPOINTS[0]}")
    if weights.repository and not weights.has(CHECKPOINTS[0]):
        return Weights.find(text, (CONFIG, PIXELS, CHECKPOINTS[1]))
    return weights


class Dino(Backbone):
    """A `Dinov2Model` (Oquab et al., DINOv2, TMLR 2024) or a `ViTModel` of DINO (Caron et al., ICCV 2021).

    DINOv2 sees an image as `BitImageProcessorPil` with the folder's `preprocessor_config.json` makes it: shortest edge
    256, bicubic, centre crop 224, ImageNet's mean and deviation. DINO sees the same by the transform of its own
    evaluation (facebookresearch/dino, eval_knn.py); the file on the hub says another size and, in early revisions,
    another mean.

    Args:
        weights: what `find_dino` gives.
        device: where and in which precision it runs.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether vectors are kept on disk.

    Raises:
        ConfigError: a file is missing or damaged; a key of the checkpoint is missing, left over or has another shape.
    """

    libraries = (*Backbone.libraries, "torchvision", "transformers")

    def __init__(self, weights: Weights, device: Device, *, decode: str = "exact", cache: bool = True) -> None:
        super().__init__(device, decode=decode, cache=cache)
        config, file = _config(weights.file(CONFIG)), weights.file(*CHECKPOINTS)
        second = config.model_type == "dinov2"
        self._seen = _bit_pixels(weights.file(PIXELS)) if second else _dino_pixels(config.image_size)
        self.size = self._seen.edge
        self._model = device.place(_loaded(config, file))
        self._weights = digest_of_files([file, weights.file(CONFIG)])
        self.width = int(config.hidden_size)

    def described(self) -> Mapping[str, Any]:
        """Digest of checkpoint and config, preprocessing."""
        return {"weights": self._weights, "preprocessing": self._seen.described}

    def preprocess(self, image: PIL.Image.Image) -> torch.Tensor:
        """Resized, cropped and normalised, from the Pillow image."""
        return self._seen.transform(image)

    def forward_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """The class token after the last layer norm."""
        return self._model(pixel_values=pixels).last_hidden_state[:, 0]  # type: ignore[no-any-return]


def _config(path: Path) -> Any:
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
        if kind in KINDS:
            return KINDS[kind].config.from_json_file(path)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: {error}; expected the config of a DINO model of transformers") from error
    raise ConfigError(f"{path}: model_type is {kind!r}; expected 'dinov2' or, for DINO, 'vit'")


@dataclass(frozen=True, slots=True)
class _Pixels:
    """How an image becomes what the network sees."""

    transform: Callable[[PIL.Image.Image], torch.Tensor]
    described: Mapping[str, Any]
    edge: int
    """Pixels of the shortest edge before the crop."""


def _bit_pixels(path: Path) -> _Pixels:
    try:
        process = transformers.BitImageProcessorPil.from_json_file(path)
        edge = int(process.size["shortest_edge"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{path}: {error!r}; expected the config of an image processor with a shortest edge"
        ) from error
    described = {"kind": "BitImageProcessorPil", **process.to_dict()}
    return _Pixels(lambda image: process(images=image, return_tensors="pt")["pixel_values"][0], described, edge)


def _dino_pixels(crop: int) -> _Pixels:
    # 256 to 224 pixels, and in proportion for a model that sees fewer.
    edge = round(crop * 256 / 224)
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    transform = transforms.Compose([
        transforms.Resize(edge, interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(crop),
        transforms.ToTensor(),
        transforms.Normalize(mean, deviation),
    ])  # fmt: skip
    described = {"kind": "dino", "edge": edge, "crop": crop, "mean": mean, "deviation": deviation}
    return _Pixels(transform, described, edge)


def _loaded(config: Any, file: Path) -> Any:
    """The model with every key of the checkpoint accounted for; the library knows the names of its older versions."""
    cls, options = KINDS[config.model_type].model, KINDS[config.model_type].options
    state = read_state(file)
    with _quiet():
        model, said = cls.from_pretrained(
            None, config=config, state_dict=state, output_loading_info=True, ignore_mismatched_sizes=True, **options
        )
    check_keys(file, cls.__name__, said["missing_keys"], set(said["unexpected_keys"]) - set(UNUSED))
    for key, found, expected in sorted(said["mismatched_keys"]):
        raise ConfigError(
            f"{file}: {key} has shape {tuple(found)}; expected {tuple(expected)} as the sizes in {CONFIG} say"
        )
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar and no table of keys: what is wrong with them becomes an error."""
    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()
