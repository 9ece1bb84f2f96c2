"""LAION's aesthetic predictors: a linear map on CLIP's image vector; the prompt is not read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from adapters.backbones.clip import load_clip
from adapters.backbones.hf_clip import HfClip
from adapters.backbones.openclip import OpenClip
from adapters.devices import Device
from adapters.embeddings import unit
from adapters.encoding import BackboneJudge
from adapters.weights import Weights, digest_of_files, read_state
from harness.errors import ConfigError
from harness.judge import Embed
from harness.parameters import one_of
from harness.records import Comparison, Image, Verdict

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Head:
    """A version of the predictor: where its file comes from and which affine layers it holds."""

    file: str
    repository: str
    layers: tuple[str, ...]
    """What stands before `weight` and `bias` in the file's keys."""
    widths: tuple[int, ...]
    """How many numbers each layer gives."""

    @property
    def where(self) -> str:
        """The next step for somebody without the file."""
        return f"download {self.file} from github.com/{self.repository}, then give weights=FILE"


HEADS = {
    "v2": Head(
        "sac+logos+ava1-l14-linearMSE.pth",
        "christophschuhmann/improved-aesthetic-predictor",
        ("layers.0.", "layers.2.", "layers.4.", "layers.6.", "layers.7."),
        (1024, 128, 64, 16, 1),
    ),
    "v1": Head("sa_0_4_vit_l_14_linear.pth", "LAION-AI/aesthetic-predictor", ("",), (1,)),
}
"""Between the layers of version 2 lie dropouts, which do nothing after training (simple_inference.py)."""


class Aesthetics(BackboneJudge):
    """Prefers the image that LAION's predictor finds more beautiful, about 1 to 10 (Schuhmann et al., LAION-5B, 2022).

    score = w · v / |v| + b for CLIP's projected image vector v. Version 1 is one affine map; version 2 is five without
    activations between them (768 → 1024 → 128 → 64 → 16 → 1), multiplied out here in float64 into one.

    Args:
        weights: the file of the head, or a folder that holds it; it is on no hub of its authors.
        version: one of `HEADS`.
        backbone: the CLIP that the head was trained on: hub id, folder or file.
        library: layout of the backbone, one of `adapters.backbones.clip.LIBRARIES`.
        device: `auto`, `cpu`, `cuda` …
        dtype: one of `adapters.devices.DTYPES`.
        batch: images a forward pass.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether image vectors are kept on disk.

    Raises:
        ConfigError: not such a head, a head with activations, or one for vectors of another width.
    """

    incidental: ClassVar[tuple[str, ...]] = (*BackboneJudge.incidental, "backbone")

    backbone: HfClip | OpenClip

    def __init__(  # noqa: PLR0913  (keywords only: a head and a backbone)
        self,
        *,
        weights: str = "",
        version: str = "v2",
        backbone: str = "openai/clip-vit-large-patch14@32bd64288804d66eefd0ccbe215aa642df71cc41",
        library: str = "transformers",
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        head = HEADS[one_of("version", version, HEADS)]
        if not weights:
            raise ConfigError(f"weights is empty; {head.where}")
        file = Weights.find(weights, (head.file,)).file(head.file)
        self._weight, self._bias = read_head(file, head)
        self._head = digest_of_files([file])
        clip = load_clip(backbone, library, Device(device, dtype, batch), text=False, decode=decode, cache=cache)
        if clip.width != len(self._weight):
            raise ConfigError(
                f"{file}: for vectors of width {len(self._weight)}; backbone {backbone} gives {clip.width}"
            )
        super().__init__(clip)

    def identity(self) -> Mapping[str, Any]:
        """What backbone and head are."""
        return {**super().identity(), "head": self._head}

    def encode(self, images: Sequence[Image]) -> Vector:
        """Scores of shape (n, 1): all that is needed of an image."""
        return np.asarray(unit(super().encode(images)) @ self._weight + self._bias)[:, None]

    def shown(self, comparison: Comparison) -> Iterable[Image]:
        """The two candidates."""
        return (comparison.image_a, comparison.image_b)

    def decide(self, comparison: Comparison, embed: Embed) -> Verdict:
        """Compares the two images' scores."""
        return Verdict.from_scores(float(embed(comparison.image_a)[0]), float(embed(comparison.image_b)[0]))


def read_head(path: Path, head: Head = HEADS["v2"]) -> tuple[Vector, float]:
    """Weight of shape (d,) and bias of the one affine map that a head is. Raises `ConfigError` when it is none."""
    if "relu" in path.name.lower():
        raise ConfigError(f"{path}: trained with activations between its layers, so it is no linear map; {head.where}")
    state = {key: tensor.double() for key, tensor in read_state(path, inside=("state_dict",)).items()}
    _check(state, path, head)
    weight, bias = state[f"{head.layers[-1]}weight"], state[f"{head.layers[-1]}bias"]
    for layer in reversed(head.layers[:-1]):
        weight, bias = weight @ state[f"{layer}weight"], weight @ state[f"{layer}bias"] + bias
    return weight[0].numpy(), float(bias)


def _check(state: Mapping[str, torch.Tensor], path: Path, head: Head) -> None:
    expected = [f"{layer}{part}" for layer in head.layers for part in ("weight", "bias")]
    if state.keys() != set(expected):
        raise ConfigError(
            f"{path}: holds {', '.join(sorted(state)[:6])}; expected {', '.join(expected)} and nothing between these "
            f"layers; {head.where}"
        )
    into = state[expected[0]].shape[-1]
    for layer, width in zip(head.layers, head.widths, strict=True):
        for key, shape in ((f"{layer}weight", (width, into)), (f"{layer}bias", (width,))):
            if state[key].shape != shape:
                raise ConfigError(f"{path}: {key} has shape {tuple(state[key].shape)}; expected {shape}")
        into = width
