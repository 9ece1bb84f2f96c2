"""What the tests of LLaVA-Reward share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from adapters.llava_reward.judge import LlavaReward
from benchmarks.parity.llava_reward import files
from tests.adapters.llava_reward.small import (
    SHAPES,
    made,
)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bases `qwen` and `llava`, and folders `bt`, `gpm`, `skip` (on Qwen2.5-VL) and `vicuna`."""
    return files.write_all(tmp_path_factory.mktemp("llava-reward"), SHAPES)


@pytest.fixture(scope="module")
def bt(work: Path) -> LlavaReward:
    return made(work / "bt", work / "qwen")


@pytest.fixture(scope="module")
def skip(work: Path) -> LlavaReward:
    return made(work / "skip", work / "qwen")


@pytest.fixture(scope="module")
def vicuna(work: Path) -> LlavaReward:
    return made(work / "vicuna", work / "llava")
