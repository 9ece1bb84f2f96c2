"""A CLIP from either library, by the layout its weights come in."""

from __future__ import annotations

from typing import Any

from adapters.backbones.hf_clip import HfClip, find_hf_clip
from adapters.backbones.openclip import OpenClip, find_openclip
from adapters.devices import Device
from harness.parameters import one_of

LIBRARIES = ("transformers", "open_clip")
"""`transformers`: a folder with config.json and model.safetensors; `open_clip`: one with open_clip_config.json and
open_clip_model.safetensors, or a bare state dict such as a saved ViT-L-14.pt."""


def load_clip(weights: str, library: str, device: Device, **options: Any) -> HfClip | OpenClip:
    """The backbone of `weights` (hub id, folder, file). Raises `ConfigError` when these are not such weights."""
    if one_of("library", library, LIBRARIES) == "transformers":
        return HfClip(find_hf_clip(weights), device, **options)
    return OpenClip.open(find_openclip(weights), device, **options)
