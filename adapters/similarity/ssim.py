"""Structural similarity of two images, as torchmetrics computes it."""

from __future__ import annotations

from typing import ClassVar

import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from adapters.devices import Device
from adapters.similarity.pairwise import Pairwise


class Ssim(Pairwise):
    """SSIM (Wang et al., Image quality assessment, IEEE Trans. Image Processing 13, 2004), made personal.

    Gaussian window of deviation 1.5, k1 0.01, k2 0.03, reflected borders, mean over positions and RGB channels; the
    data range is 1 for pixels in [0, 1], never that of the images (torchmetrics, functional/image/ssim.py). From -1 to
    1.

    Args:
        aggregation: `mean` or `max` over the reference images.
        size: side in pixels that every image is resized to.
        device: `auto`, `cpu`, `cuda` …
        batch: pairs measured at once.
        memory: GiB of images kept for the next pairs.
    """

    libraries: ClassVar[tuple[str, ...]] = (*Pairwise.libraries, "torchmetrics")

    def __init__(
        self,
        *,
        aggregation: str = "mean",
        size: int = 256,
        device: str = "auto",
        batch: int = 32,
        memory: float = 1.0,
    ) -> None:
        super().__init__(Device(device, batch=batch), aggregation=aggregation, size=size, memory=memory)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels in [0, 1]."""
        return pixels.float() / 255

    def similarities(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """SSIM of each pair."""
        values = structural_similarity_index_measure(
            a, b, gaussian_kernel=True, sigma=1.5, data_range=1.0, k1=0.01, k2=0.03, reduction="none"
        )
        return torch.as_tensor(values)
