"""Frozen encoders by name. Nothing of a network is imported before one is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.encoding import ImageVectors
from adapters.features import features
from harness.errors import ConfigError
from harness.parameters import one_of
from harness.records import Image


class Features:
    """The weight-free features of `adapters.features` in the place of a network."""

    libraries: tuple[str, ...] = ("numpy", "pillow")
    decode = "exact"
    drift = None

    def images(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Feature vectors, shape (n, d); the zero of each feature is an ordinary picture."""
        return np.stack([features(image.decode()) for image in images])

    def known(self, digests: Sequence[str]) -> set[str]:  # noqa: ARG002
        """None: they are quick to compute."""
        return set()

    def identity(self) -> Mapping[str, Any]:
        """Nothing beside the source."""
        return {}


@dataclass(frozen=True, slots=True)
class Known:
    """An encoder that is the backbone of another judge, loaded as that judge loads it."""

    target: str
    """`module:Class` of the judge."""
    fixed: Mapping[str, Any] = field(default_factory=dict)


ENCODERS: Mapping[str, Known | None] = {
    "features": None,
    "clip": Known("adapters.clipscore:ClipScore"),
    "dinov2": Known("adapters.similarity.cosine:DinoScore"),
    "pickscore": Known("adapters.pickscore:PickScore"),
    "hps-v2": Known("adapters.hps:HpsV2", {"version": "v2.0"}),
    "hps-v2.1": Known("adapters.hps:HpsV2", {"version": "v2.1"}),
}


def make_encoder(name: str, weights: str, **options: Any) -> ImageVectors:
    """The encoder of a name.

    Args:
        name: one of `ENCODERS`.
        weights: as that judge takes them; empty: its default.
        options: device, dtype, batch, decode and cache.

    Raises:
        ConfigError: no such encoder; a library that it needs is missing; what the judge's own loading raises.
    """
    known = ENCODERS[one_of("encoder", name, ENCODERS)]
    if known is None:
        if weights or options.get("decode", "exact") != "exact":
            raise ConfigError(f"encoder={name} reads no weights and decodes exactly; leave weights and decode out")
        return Features()
    module, _, attribute = known.target.partition(":")
    try:
        judge = getattr(import_module(module), attribute)
    except ImportError as error:
        raise ConfigError(f"encoder={name}: {error}; install it with: pip install 'pigeval[scorers]'") from error
    chosen = {"weights": weights} if weights else {}
    encoder: ImageVectors = judge(**chosen, **known.fixed, **options).backbone
    return encoder
