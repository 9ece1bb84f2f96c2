"""Training curves, for TensorBoard."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from harness.errors import ConfigError

KINDS = ("none", "tensorboard")


def check(report_to: str) -> None:
    """Raises `ConfigError` when curves are wanted that nobody here can write."""
    if report_to == "tensorboard" and importlib.util.find_spec("tensorboard") is None:
        raise ConfigError("report_to=tensorboard needs tensorboard; pip install tensorboard, or --set report_to=none")


def writers(report_to: str, folder: Path) -> list[Any]:
    """Callbacks of a trainer that write curves: none, or one into the folder. Raises `ConfigError`."""
    check(report_to)
    if report_to == "none":
        return []
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415
    from transformers.integrations import TensorBoardCallback  # noqa: PLC0415

    return [TensorBoardCallback(SummaryWriter(log_dir=str(folder / "tensorboard")))]
