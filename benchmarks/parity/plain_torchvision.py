"""Importing this makes `import torchvision` work beside a CPU-only torch. Needs torch only.

The wheels of torchvision on the package index are compiled for CUDA; without torch's CUDA libraries their operators
(regions of interest, non-maximum suppression) do not load and the import fails. None of them is needed to resize an
image, so declaring the names that the import refers to is enough.
"""

from __future__ import annotations

import sys

import torch

NAMES = ("nms", "qnms")

LIBRARY = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
"""Declarations last as long as this object."""

try:
    import torchvision  # noqa: F401
except RuntimeError:
    for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[module]
    for operator in NAMES:
        LIBRARY.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")  # type: ignore[no-untyped-call]
