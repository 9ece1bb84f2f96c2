"""CLIP in open_clip's layout: a folder with its config, or a bare state dict whose sizes follow from its tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import PIL.Image
import torch
from open_clip import CLIP, SimpleTokenizer
from open_clip.transform import PreprocessCfg, image_transform_v2

from adapters.backbones.base import DualBackbone
from adapters.backbones.letterbox import DESCRIPTION, letterbox
from adapters.devices import Device
from adapters.weights import Weights, digest_of_files, fit, read_state
from harness.errors import ConfigError

CONFIG = "open_clip_config.json"
CHECKPOINTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")

UNUSED = ("input_resolution", "context_length", "vocab_size")
"""Numbers that OpenAI's files keep among the tensors."""

LAION_HEAD_WIDTHS = {1280: 80, 1408: 88, 1664: 104}
"""Width of an attention head by the width of the image tower, for towers wider than any of OpenAI's: LAION's ViT-H, g
and bigG (open_clip, model_configs)."""

TEXT_HEAD_WIDTH = 64

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """What tensors do not tell: how a bare state dict is meant."""

    quick_gelu: bool
    """x · sigmoid(1.702 x), as OpenAI's own models were trained, in place of GELU."""
    head_width: int
    """Width of an attention head of the image tower."""


OPENAI = Layout(quick_gelu=True, head_width=64)


def find_openclip(text: str) -> Weights:
    """Weights with a config on the hub, in a folder, or one file. Downloads the safetensors file where there is one."""
    weights = Weights.find(text, (CONFIG, CHECKPOINTS[0]))
    if weights.repository and not weights.has(CHECKPOINTS[0]):
        return Weights.find(text, (CONFIG, CHECKPOINTS[1]))
    return weights


class OpenClip(DualBackbone):
    """A CLIP of open_clip, image and text tower, with open_clip's own transform and tokenizer.

    Args:
        file: the checkpoint; its state dict may lie under the key `state_dict`.
        device: where and in which precision it runs.
        config: what `open_clip_config.json` holds; None for a bare state dict.
        layout: how a bare state dict is meant; None: as one of LAION's where its width says so, else of OpenAI's.
        boxed: letterbox as HPSv2 does instead of cropping the centre.
        text: False leaves out the text tower, for judges that read no prompt.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether vectors are kept on disk.

    Raises:
        ConfigError: not the checkpoint of such a model: a key is missing, left over or has another shape.
    """

    libraries = (*DualBackbone.libraries, "torchvision", "open_clip_torch", "ftfy", "regex")

    def __init__(
        self,
        file: Path,
        device: Device,
        *,
        config: Config | None = None,
        layout: Layout | None = None,
        boxed: bool = False,
        text: bool = True,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        super().__init__(device, decode=decode, cache=cache)
        state = _stripped(read_state(file, inside=("state_dict",)))
        model_config = dict(config["model_cfg"]) if config else sizes(state, file, layout)
        self._pixels_config = PreprocessCfg(**((config or {}).get("preprocess_cfg") or {}))
        self._pixels_config.size = self.size = _side(model_config)
        self._boxed = boxed
        self._transform = image_transform_v2(self._pixels_config, is_train=False)
        model = _loaded(model_config, state, file)
        self._image_tower = device.place(model.visual)
        self._text_tower = device.place(model) if text else None
        self._tokenize = SimpleTokenizer(context_length=model_config["text_cfg"].get("context_length", 77))
        self._described = {"weights": digest_of_files([file]), "model": model_config}
        self.scale = float(state["logit_scale"].double().exp())
        self.width = int(model_config["embed_dim"])

    @classmethod
    def open(cls, weights: Weights, device: Device, **options: Any) -> OpenClip:
        """From a folder with `open_clip_config.json`, or a bare state dict.

        A bare file cannot say which activation it was trained with: one of LAION's models of the width of OpenAI's
        needs its folder.
        """
        file = weights.file(*CHECKPOINTS)
        config = None if weights.place.is_file() else read_config(weights.file(CONFIG))
        return cls(file, device, config=config, **options)

    def described(self) -> dict[str, Any]:
        """Digest of the checkpoint, sizes, preprocessing."""
        kind = DESCRIPTION if self._boxed else "open_clip"
        return {**self._described, "preprocessing": {"kind": kind, **asdict(self._pixels_config)}}

    def preprocess(self, image: PIL.Image.Image) -> torch.Tensor:
        """Centre crop by open_clip's transform (equal to OpenAI's), or the letterbox."""
        if self._boxed:
            return letterbox(image, self.size, self._pixels_config.mean, self._pixels_config.std)
        return self._transform(image)  # type: ignore[no-any-return]

    def forward_images(self, pixels: torch.Tensor) -> torch.Tensor:
        """Projected image vectors."""
        return self._image_tower(pixels)  # type: ignore[no-any-return]

    def forward_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Projected text vectors. A text of more than 77 tokens is cut, its last token replaced by the end of text."""
        assert self._text_tower is not None, "made without its text tower"
        tokens = self._tokenize(list(texts)).to(self.device.device)
        return self._text_tower.encode_text(tokens)  # type: ignore[no-any-return]


def sizes(state: Mapping[str, torch.Tensor], file: Path, layout: Layout | None = None) -> dict[str, Any]:
    """The model config that a state dict's shapes imply. Raises `ConfigError` when one they follow from is missing."""
    try:
        patches, text = state["visual.conv1.weight"].shape, state["ln_final.weight"].shape[0]
        layout = layout or _layout(patches[0])
        grid = round((state["visual.positional_embedding"].shape[0] - 1) ** 0.5)
        return {
            "embed_dim": state["text_projection"].shape[1],
            "quick_gelu": layout.quick_gelu,
            "vision_cfg": {
                "image_size": grid * patches[-1],
                "layers": _blocks(state, "visual.transformer."),
                "width": patches[0],
                "head_width": layout.head_width,
                "patch_size": patches[-1],
                "mlp_ratio": state["visual.transformer.resblocks.0.mlp.c_fc.bias"].shape[0] / patches[0],
            },
            "text_cfg": {
                "context_length": state["positional_embedding"].shape[0],
                "vocab_size": state["token_embedding.weight"].shape[0],
                "width": text,
                "heads": max(1, text // TEXT_HEAD_WIDTH),
                "layers": _blocks(state, "transformer."),
                "mlp_ratio": state["transformer.resblocks.0.mlp.c_fc.bias"].shape[0] / text,
            },
        }
    except (KeyError, IndexError) as error:
        raise ConfigError(
            f"{file}: not a CLIP in open_clip's layout: {error.args[0]} is missing or has an unexpected shape; "
            f"found {', '.join(sorted(state)[:4])} …"
        ) from error


def _layout(width: int) -> Layout:
    return Layout(False, LAION_HEAD_WIDTHS[width]) if width in LAION_HEAD_WIDTHS else OPENAI


def _blocks(state: Mapping[str, torch.Tensor], tower: str) -> int:
    prefix = f"{tower}resblocks."
    return len({key.removeprefix(prefix).partition(".")[0] for key in state if key.startswith(prefix)})


def _stripped(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Without the prefix that data-parallel training leaves on every key."""
    if all(key.startswith("module.") for key in state):
        return {key.removeprefix("module."): tensor for key, tensor in state.items()}
    return state


def _loaded(config: Config, state: dict[str, torch.Tensor], file: Path) -> CLIP:
    """The model, made without memory and then given the checkpoint's tensors."""
    try:
        with torch.device("meta"):
            model = CLIP(**{key: value for key, value in config.items() if key != "custom_text"})
    except (TypeError, RuntimeError, AssertionError, ZeroDivisionError) as error:
        raise ConfigError(f"{file}: open_clip cannot make a model of these sizes ({error}): {dict(config)}") from error
    fit(model, state, file, unused=UNUSED)
    # The causal mask is the one tensor that is in no checkpoint.
    model.attn_mask = torch.full((model.context_length, model.context_length), float("-inf")).triu(1)
    return model


def read_config(path: Path) -> dict[str, Any]:
    """The content of `open_clip_config.json`. Raises `ConfigError` when it is damaged or names foreign towers."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        text, vision = config["model_cfg"]["text_cfg"], config["model_cfg"]["vision_cfg"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: {error!r}; expected JSON with model_cfg, vision_cfg and text_cfg") from error
    foreign = [key for key in ("hf_model_name", "hf_tokenizer_name", "timm_model_name") if {**text, **vision}.get(key)]
    if foreign:
        raise ConfigError(f"{path}: {foreign[0]} is set; expected a CLIP with open_clip's own towers and tokenizer")
    return dict(config)


def _side(config: Config) -> int:
    size = config["vision_cfg"]["image_size"]
    return int(size if isinstance(size, int) else size[0])
