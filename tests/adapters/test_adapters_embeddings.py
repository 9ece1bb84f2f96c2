"""Vectors on disk: shared by processes and backbones, and no result depends on them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adapters.backbones.clip import load_clip
from adapters.devices import Device
from adapters.embeddings import EmbeddingCache
from tests.adapters import tiny
from tests.adapters.asking import noise

CPU = Device("cpu", batch=4)
IMAGES = [noise(seed) for seed in range(9)]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def hf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_hf(tmp_path_factory.mktemp("hf") / "clip")


def digests(start: int, n: int = 40) -> list[str]:
    return [f"{number:064x}" for number in range(start, start + n)]


def vector(digest: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.full(8, int(digest, 16), dtype=np.float32)


def write_for_ever(path: str, start: int) -> None:
    cache = EmbeddingCache(Path(path))
    for first in range(start, start + 1_000_000, 40):
        cache.add({digest: vector(digest) for digest in digests(first)})


def write_some(path: str, start: int) -> None:
    cache = EmbeddingCache(Path(path))
    for first in range(start, start + 400, 40):
        cache.add({digest: vector(digest) for digest in digests(first)})


@pytest.fixture
def cache(tmp_path: Path) -> EmbeddingCache:
    return EmbeddingCache(tmp_path / "deep" / "vectors.sqlite")


SPAWN = multiprocessing.get_context("fork")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_two_processes_may_write_at_once(cache: EmbeddingCache) -> None:
    # The second half of one is the first half of the other.
    writers = [SPAWN.Process(target=write_some, args=(str(cache.path), start)) for start in (0, 200)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    found = cache.lookup(digests(0, 700))
    assert found.keys() == set(digests(0, 600))
    assert all(np.array_equal(found[digest], vector(digest)) for digest in found)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_killed_writer_leaves_whole_batches(cache: EmbeddingCache) -> None:
    writer = SPAWN.Process(target=write_for_ever, args=(str(cache.path), 0))
    writer.start()
    while len(cache.known(digests(0, 400))) < 400:
        time.sleep(0.01)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join(60)
    found = cache.lookup(digests(0, 100_000))
    assert len(found) >= 400
    assert len(found) % 40 == 0
    assert all(np.array_equal(found[digest], vector(digest)) for digest in found)
    cache.add({"ff" * 32: vector("1")})
    assert cache.known(["ff" * 32]) == {"ff" * 32}


def test_a_damaged_file_costs_time_and_no_result(hf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIGEVAL_CACHE", str(tmp_path))
    first = load_clip(str(hf), "transformers", CPU)
    expected = first.images(IMAGES)
    for content in (b"no database at all " * 300, first.cache.path.read_bytes()[:5000]):
        for path in first.cache.path.parent.iterdir():
            path.unlink()
        first.cache.path.write_bytes(content)
        again = load_clip(str(hf), "transformers", CPU)
        np.testing.assert_array_equal(again.images(IMAGES), expected)
        assert again.encoded == len(IMAGES)


def test_a_cache_folder_that_is_a_file_costs_time_and_no_result(
    hf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PIGEVAL_CACHE", str(tmp_path / "file"))
    assert load_clip(str(hf), "transformers", CPU).images(IMAGES).shape == (len(IMAGES), 48)


def test_a_second_backbone_finds_the_vectors_on_disk(hf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIGEVAL_CACHE", str(tmp_path))
    first, second = (load_clip(str(hf), "transformers", CPU, text=text) for text in (True, False))
    np.testing.assert_array_equal(first.images(IMAGES[:5]), second.images(IMAGES[:5]))
    second.images(IMAGES)
    assert (first.encoded, second.encoded) == (5, len(IMAGES) - 5)
    assert second.known([image.digest for image in IMAGES]) == {image.digest for image in IMAGES}
    assert load_clip(str(hf), "transformers", CPU, cache=False).known([IMAGES[0].digest]) == set()
