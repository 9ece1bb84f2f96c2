"""Learned perceptual distance of two images by AlexNet's features, from features kept for each image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, ClassVar

import torch
from torchvision.models import alexnet

from adapters.devices import Device
from adapters.similarity.pairwise import Pairwise
from adapters.weights import Weights, digest_of_files, fit, read_state
from harness.errors import ConfigError

BACKBONE = "alexnet-owt-7be5be79.pth"
HEADS = "functional/image/lpips_models/alex.pth"
"""In torchmetrics; the bytes of `weights/v0.1/alex.pth` in lpips 0.1.4."""

WHERE = (
    f"download {BACKBONE} from https://download.pytorch.org/models/ (torchvision's AlexNet, IMAGENET1K_V1), "
    "then give weights=FILE"
)

RELUS = (1, 4, 7, 9, 11)
"""Positions in torchvision's `features` after which activations are compared."""

UNUSED = tuple(f"classifier.{layer}.{part}" for layer in (1, 4, 6) for part in ("weight", "bias"))
"""AlexNet's layers above its features."""

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of pixels in [-1, 1] (lpips 0.1.4, lpips.py, ScalingLayer)."""


class Lpips(Pairwise):
    """Minus the LPIPS distance (Zhang et al., The unreasonable effectiveness of deep features, CVPR 2018), personal.

    distance = sum over layers of the mean over positions of w · (f_a - f_b)², for activations f of length one over
    channels, as `LPIPS(net="alex", version="0.1")` of lpips 0.1.4 has it. It depends on `size`.

    Args:
        weights: torchvision's AlexNet file, or a folder that holds it; it is on no hub. The heads w come with
            torchmetrics.
        aggregation: `mean` or `max` over the reference images.
        size: side in pixels that every image is resized to.
        device: `auto`, `cpu`, `cuda` …
        dtype: of the network, one of `adapters.devices.DTYPES`.
        batch: images or pairs at once.
        memory: GiB of activations kept for the next pairs; an image of 256 × 256 pixels takes 2.4 MiB.

    Raises:
        ConfigError: no such file, or not the checkpoint of an AlexNet.
    """

    libraries: ClassVar[tuple[str, ...]] = (*Pairwise.libraries, "torchvision", "torchmetrics")

    def __init__(
        self,
        *,
        weights: str = "",
        aggregation: str = "mean",
        size: int = 256,
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        memory: float = 2.0,
    ) -> None:
        if not weights:
            raise ConfigError(f"weights is empty; {WHERE}")
        super().__init__(Device(device, dtype, batch), aggregation=aggregation, size=size, memory=memory)
        file = Weights.find(weights, (BACKBONE,)).file(BACKBONE)
        self._layers = self.device.place(_network(file))
        with as_file(files("torchmetrics") / HEADS) as heads:
            self._heads = _heads(heads)
            self._digests = {"weights": digest_of_files([file]), "heads": digest_of_files([heads])}
        self._weight = self._weight_of_each().to(self.device.device)

    def identity(self) -> Mapping[str, Any]:
        """Network, heads and device."""
        return {**super().identity(), **self._digests}

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Activations of all layers in one row, each position's of length one over the channels of its layer."""
        shift, scale = (torch.tensor(values).view(3, 1, 1) for values in (SHIFT, SCALE))
        x = (pixels.float() / 127.5 - 1 - shift) / scale
        layers = self._activations(x.to(self.device.device, self.device.torch_dtype))
        return torch.cat([_unit(layer.float()).flatten(1) for layer in layers], dim=1)

    def similarities(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Minus the distance of each pair."""
        # A sum, not a matrix product: torch adds pairwise, which half a million terms in float32 need.
        return -((a - b).square() * self._weight).sum(dim=1)

    def _activations(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        for position, layer in enumerate(self._layers):
            x = layer(x)
            if position in RELUS:
                yield x

    def _weight_of_each(self) -> torch.Tensor:
        """The head's weight of each feature over the positions of its layer, in the order of `features`."""
        blank = torch.zeros(1, 3, self.size, self.size, device=self.device.device, dtype=self.device.torch_dtype)
        with torch.inference_mode():
            positions = [layer.shape[2] * layer.shape[3] for layer in self._activations(blank)]
        return torch.cat([w.repeat_interleave(n) / n for w, n in zip(self._heads, positions, strict=True)])


def _unit(activations: torch.Tensor) -> torch.Tensor:
    # The small number is that of lpips 0.1.4 (__init__.py, normalize_tensor).
    return activations / (activations.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)


def _network(file: Path) -> torch.nn.Sequential:
    with torch.device("meta"):
        network = alexnet(weights=None)
    network.classifier = torch.nn.Sequential()
    fit(network, read_state(file), file, unused=UNUSED)
    return network.features  # type: ignore[no-any-return]


def _heads(file: Path) -> list[torch.Tensor]:
    """A weight for each channel of each layer."""
    state = read_state(file)
    return [state[f"lin{layer}.model.1.weight"].flatten() for layer in range(len(RELUS))]
