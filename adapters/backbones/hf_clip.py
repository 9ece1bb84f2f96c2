"""CLIP in the layout of transformers: a folder with config, checkpoint, tokenizer and image processor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import PIL.Image
import torch
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

from adapters.backbones.base import DualBackbone
from adapters.devices import Device
from adapters.weights import Weights, digest_of_files, fit, read_state
from harness.errors import ConfigError

CONFIG = "config.json"
CHECKPOINTS = ("model.safetensors", "pytorch_model.bin")
PIXELS = "preprocessor_config.json"
TOKENIZERS = ("tokenizer.json", "vocab.json")
TOKENS = (*TOKENIZERS, "merges.txt", "tokenizer_config.json", "special_tokens_map.json")
PROCESSOR = (PIXELS, *TOKENS)

STEPS = ("size", "resample", "crop_size", "rescale_factor", "image_mean", "image_std",
         "do_resize", "do_center_crop", "do_rescale", "do_normalize")  # fmt: skip
"""What of an image processor's config changes a pixel."""

UNUSED = ("text_model.embeddings.position_ids", "vision_model.embeddings.position_ids")
"""Buffers that older versions of the library saved."""


def find_hf_clip(text: str) -> Weights:
    """Weights on the hub, or in a folder. Downloads the safetensors file where there is one."""
    weights = Weights.find(text, (CONFIG, *PROCESSOR, CHECKPOINTS[0]))
    if weights.place.is_file():
        raise ConfigError(f"{weights.place}: a file; expected a folder that holds {CONFIG}, {CHECKPOINTS[0]}, {PIXELS}")
    if weights.repository and not weights.has(CHECKPOINTS[0]):
        return Weights.find(text, (CONFIG, *PROCESSOR, CHECKPOINTS[1]))
    if not weights.repository:
        # Said of the folder before a processor is looked for elsewhere.
        weights.file(*CHECKPOINTS)
    return weights


class HfClip(DualBackbone):
    """A `CLIPModel` of transformers with its tokenizer and the image processor that works on Pillow images.

    Args:
        weights: what `find_hf_clip` gives.
        device: where and in which precision it runs.
        processor: holds the tokenizer and the image processor; None: `weights` does.
        text: False leaves out the text tower, for judges that read no prompt.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether vectors are kept on disk.

    Raises:
        ConfigError: a file is missing or damaged; a key of the checkpoint is missing, left over or has another shape.
    """

    libraries = (*DualBackbone.libraries, "torchvision", "transformers", "tokenizers")

    def __init__(
        self,
        weights: Weights,
        device: Device,
        *,
        processor: Weights | None = None,
        text: bool = True,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        super().__init__(device, decode=decode, cache=cache)
        processor = processor or weights
        file, config = weights.file(*CHECKPOINTS), _config(weights.file(CONFIG))
        state = read_state(file)
        model = _loaded(config, state, file)
        self._image_tower, self._projection = device.place(model.vision_model), device.place(model.visual_projection)
        self._text_tower = device.place(model) if text else None
        self._process = _pixels(processor.file(PIXELS), config.vision_config.image_size)
        self._tokenize = _tokenizer(processor) if text else None
        self._length = config.text_config.max_position_embeddings
        self._weights = digest_of_files([file, weights.file(CONFIG)])
        self._token_files = [processor.place / name for name in TOKENS if processor.has(name)]
        self.size = config.vision_config.image_size
        self.scale = float(state["logit_scale"].double().exp())
        self.width = config.projection_dim

    def described(self) -> dict[str, Any]:
        """Digest of checkpoint and config, preprocessing."""
        steps = {step: getattr(self._process, step) for step in STEPS}
        return {"weights": self._weights, "preprocessing": {"kind": "CLIPImageProcessorPil", **steps}}

    def described_texts(self) -> dict[str, Any]:
        """Digest of the tokenizer's files."""
        return {"tokenizer": digest_of_files(self._token_files), "length": self._length}

    def preprocess(self, image: PIL.Image.Image) -> torch.Tensor:
        """Resize of the shortest edge and centre crop on the Pillow image, as OpenAI's code does."""
        return self._process(images=image, return_tensors="pt")["pixel_values"][0]  # type: ignore[no-any-return]

    def forward_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """Projected image vectors."""
        return self._projection(self._image_tower(pixel_values=pixels).pooler_output)  # type: ignore[no-any-return]

    def forward_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Projected text vectors. The tokenizer cuts a text of more than 77 tokens and keeps the end of text."""
        assert self._text_tower is not None, "made without its text tower"
        assert self._tokenize is not None
        tokens = self._tokenize(
            list(texts), padding=True, truncation=True, max_length=self._length, return_tensors="pt"
        ).to(self.device.device)
        return self._text_tower.get_text_features(**tokens).pooler_output  # type: ignore[no-any-return]


def _config(path: Path) -> CLIPConfig:
    try:
        config = CLIPConfig.from_json_file(path)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: {error}; expected the config of a CLIP model of transformers") from error
    if config.model_type != "clip":
        raise ConfigError(f"{path}: model_type is {config.model_type!r}; expected 'clip'")
    return config


def _loaded(config: CLIPConfig, state: dict[str, torch.Tensor], file: Path) -> CLIPModel:
    """The model, made without memory and then given the checkpoint's tensors."""
    with torch.device("meta"):
        model = CLIPModel(config)
    fit(model, state, file, unused=UNUSED)
    # The running numbers of the positions are in no checkpoint.
    for embeddings in (model.text_model.embeddings, model.vision_model.embeddings):
        embeddings.position_ids = torch.arange(embeddings.position_ids.shape[-1]).expand((1, -1))
    return model


def _pixels(path: Path, side: int) -> CLIPImageProcessorPil:
    try:
        processor = CLIPImageProcessorPil.from_json_file(path)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: {error}; expected the config of CLIP's image processor") from error
    crop = processor.crop_size
    if (crop["height"], crop["width"]) != (side, side):
        raise ConfigError(f"{path}: crops to {crop['width']} × {crop['height']} pixels; expected {side} × {side}")
    return processor


def _tokenizer(folder: Weights) -> CLIPTokenizer:
    folder.file(*TOKENIZERS)
    try:
        return CLIPTokenizer.from_pretrained(folder.place, local_files_only=True)
    except Exception as error:
        raise ConfigError(f"{folder.place}: no CLIP tokenizer ({type(error).__name__}: {error})") from error
