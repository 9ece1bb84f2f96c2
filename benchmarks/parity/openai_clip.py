"""OpenAI's `clip`, as the package clip-anytorch ships it, importable beside a current setuptools."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import packaging.version

from benchmarks.parity import plain_torchvision  # noqa: F401

# clip takes a version parser from pkg_resources, which setuptools no longer has.
sys.modules.setdefault("pkg_resources", SimpleNamespace(packaging=packaging))  # type: ignore[arg-type]

import clip  # noqa: E402
import torch  # noqa: E402

from benchmarks.parity.clip_files import L14, SMALL_L, drawn  # noqa: E402


def make_state(small: bool) -> dict[str, torch.Tensor]:
    """Drawn weights under the names of OpenAI's model, exact in half precision as those of OpenAI's files are.

    `clip.load` holds them in half precision on their way, on a CPU too.
    """
    config: dict[str, Any] = SMALL_L if small else L14
    vision, text = config["vision_cfg"], config["text_cfg"]
    model = clip.model.CLIP(
        config["embed_dim"], vision["image_size"], vision["layers"], vision["width"], vision["patch_size"],
        text["context_length"], text["vocab_size"], text["width"], text["heads"], text["layers"],
    )  # fmt: skip
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    return {name: torch.from_numpy(values).half().float() for name, values in drawn(shapes).items()}
