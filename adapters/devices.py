"""Where a model runs and in which precision; batches that shrink when memory runs out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from harness.errors import ConfigError
from harness.parameters import one_of, whole

T = TypeVar("T")

DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class Device:
    """A device, a precision, and how many images are worked on at once."""

    device: str = "auto"
    """`auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:1`, `mps` …"""
    dtype: str = "float32"
    """Of weights and activations; scores are always float32 or wider."""
    batch: int = 32
    """Images a forward pass; halved when memory runs out."""

    def __post_init__(self) -> None:
        one_of("dtype", self.dtype, DTYPES)
        whole("batch", self.batch, 1, 65536)
        object.__setattr__(self, "device", _resolved(self.device))

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype as torch has it."""
        return getattr(torch, self.dtype)  # type: ignore[no-any-return]

    def place(self, module: T) -> T:
        """The module there, for inference. float32 means float32: TF32, torch's default for convolutions, is off."""
        if self.dtype == "float32":
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cuda.matmul.allow_tf32 = False
        return module.to(device=self.device, dtype=self.torch_dtype).eval().requires_grad_(False)  # type: ignore[attr-defined,no-any-return]

    def identity(self) -> dict[str, str]:
        """What of it can change a score."""
        return {"device": self.device.partition(":")[0], "dtype": self.dtype}


def _resolved(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise ConfigError(f"device {name!r} cannot be used ({reason[:100]}); expected auto, cpu, cuda …") from error
    return name


class Batched:
    """Calls a model on batches; one that does not fit in memory is halved, which is said once and kept."""

    def __init__(self, device: Device) -> None:
        self.size = device.batch

    def __call__(self, forward: Callable[[Sequence[T]], torch.Tensor], items: Sequence[T]) -> NDArray[np.float32]:
        """`forward` of all items, rows in order, as float32 on the CPU. Raises `OutOfMemoryError` for a lone one."""
        rows: list[Any] = []
        done = 0
        while done < len(items):
            some = items[done : done + self.size]
            try:
                with torch.inference_mode():
                    rows.append(forward(some).float().cpu().numpy())
            except torch.OutOfMemoryError:
                if len(some) == 1:
                    raise
                self._halve(len(some))
            else:
                done += len(some)
        return np.concatenate(rows)

    def _halve(self, tried: int) -> None:
        self.size = tried // 2
        torch.cuda.empty_cache()
        print(f"pigeval: out of memory with {tried} images at once; going on with {self.size}", file=sys.stderr)
