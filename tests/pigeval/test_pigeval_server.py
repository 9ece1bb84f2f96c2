"""A judge behind a real `transformers serve` says what it says in this process, letter by letter."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.log import find_runs
from pigeval.cli import main
from tests.adapters.engines.tiny import LETTERS, tiny_qwen2_vl
from tests.harness.making import pixels, write_ratings

STARTED, STOPPED = 180.0, 30.0
"""Seconds a server may take at most."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not all(map(importlib.util.find_spec, ("fastapi", "uvicorn"))), reason="transformers[serving]"),
]


@dataclass(frozen=True)
class Served:
    url: str
    model: Path


@contextmanager
def serving(model: Path, home: Path) -> Iterator[str]:
    """`transformers serve` with one model, ended whatever happens; `home` has no hub cache, as on a new machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("transformers")
    command = [str(program), "serve", str(model), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu",
               "--dtype", "float32"]  # fmt: skip
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "OMP_NUM_THREADS": "1"}
    with (home / "log.txt").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(server, f"http://127.0.0.1:{port}/health", home / "log.txt")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        _end(server)


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + STARTED
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """The server is the first of a group of its own: what it may have started ends with it."""
    server.terminate()
    try:
        server.wait(STOPPED)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(STOPPED)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    import torch

    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("served")
    model = tiny_qwen2_vl(root / "model", seed=2, hidden=64, letters=[*LETTERS, "<|im_end|>"])
    with serving(model, root) as url:
        yield Served(url, model)


@pytest.fixture(scope="module")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of many shapes, up to the limit of the checkpoint's processor: nothing is made smaller on the way."""
    folder = write_ratings(tmp_path_factory.mktemp("ratings") / "small", users=2, prompts=3)
    for number, path in enumerate(sorted((folder / "images").glob("*.png"))):
        pixels(path.name, (40 + 13 * number, 120 - 9 * number)).save(path)
    return folder


def answers(judge: str, ratings: Path, out: Path) -> list[dict[str, Any]]:
    """Every verdict of a run that went through."""
    dataset = f"ratings:path={ratings}"
    assert main(["run", "--judge", judge, "--dataset", dataset, "--out", str(out), "--no-lines", "--k", "2"]) == 0
    (run,) = find_runs(out)
    assert run.complete
    rows: list[dict[str, Any]] = run.table.to_pylist()
    return rows


@pytest.mark.parametrize("given", ["protocol=ppd", "protocol=plain,reasoning=true"])
def test_the_same_text_over_http_and_in_process(served: Served, ratings: Path, tmp_path: Path, given: str) -> None:
    asking = f"model={served.model},max_tokens=24,image_format=png,{given}"
    there = answers(f"lvlm:base_url={served.url},server=transformers,concurrency=1,{asking}", ratings, tmp_path / "a")
    here = answers(f"lvlm:dtype=float32,device=cpu,batch=1,{asking}", ratings, tmp_path / "b")
    said = ("id", "status", "winner", "raw", "tokens")
    assert [[row[name] for name in said] for row in there] == [[row[name] for name in said] for row in here]
    # Not one answer to everything, or the comparison would show nothing.
    assert len({row["raw"] for row in here}) >= 4
