"""The folder of a stage: what it was made from, whether it is finished, and that one process at a time works on it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, RunError
from training.launched import main_process

BEGUN, DONE, LOCK = "begun.json", "stage.json", ".lock"
STAGES = ("split", "base", "rationales", "reasoner", "contexts", "cot", "reward", "export")
"""In the order they are run."""
INCIDENTAL = frozenset(
    [f"{stage}.{name}" for stage in ("base", "reasoner", "reward") for name in ("workers", "log_every", "save_every")]
    + [f"cot.{name}" for name in ("base_url", "key_env", "concurrency", "budget_usd", "price_in", "price_out")]
    + ["rationales.batch", "contexts.batch"]
)
"""Settings that may differ when a stage is gone on with: they change no result by more than rounding."""


@dataclass(slots=True)
class Stage:
    """A stage at work. `finish` makes it done; until then the same command goes on where it stopped."""

    name: str
    folder: Path
    made_from: Mapping[str, Any]
    """Settings and the digests of the stages it reads: equal exactly when the result is to be the same."""
    done: Mapping[str, Any] | None = None
    """The record of the finished stage."""
    began: float = field(default_factory=time.time)

    def finish(self, digest: str, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Writes down what came out: a digest of the output, and what is to be known of it."""
        record = {
            "stage": self.name,
            "digest": digest,
            "made_from": self.made_from,
            "facts": facts,
            "seconds": round(time.time() - self.began, 1),
            "versions": versions(),
        }
        if main_process():
            write_json(self.folder / DONE, record)
        self.done = record
        return record


@dataclass(frozen=True, slots=True)
class Work:
    """A work folder: one folder for each stage."""

    root: Path

    def finished(self, name: str) -> Mapping[str, Any]:
        """The record of a stage another one reads. Raises `ConfigError` when it is not done."""
        record = read_json(self.root / name / DONE)
        if record is None:
            raise ConfigError(f"{self.root / name} is not finished; first: pigeval train {name} --work {self.root}")
        return record

    def folder(self, name: str) -> Path:
        """Where a stage writes."""
        return self.root / name

    @contextlib.contextmanager
    def stage(
        self,
        name: str,
        settings: Mapping[str, Any],
        reads: tuple[str, ...] = (),
        fresh: bool = False,
        together: Callable[[], None] = lambda: None,
    ) -> Iterator[Stage]:
        """The stage, new or as it was left. `together`: waits until all processes of a launch have come so far.

        Raises:
            ConfigError: a stage it reads is not finished.
            RunError: the folder was begun with other settings or inputs, or another process is at work in it.
        """
        inputs = {other: self.finished(other)["digest"] for other in reads}
        folder = self.folder(name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot write to {folder} ({error.strerror}); name another folder with --work") from error
        made_from = json.loads(json.dumps({"settings": settings, "inputs": inputs}))
        if not main_process():
            together()
            yield Stage(name, folder, made_from, read_json(folder / DONE))
            return
        with _locked(folder):
            if fresh or _empty(folder):
                _clear(folder)
            _same(folder, read_json(folder / BEGUN), made_from)
            write_json(folder / BEGUN, made_from)
            together()
            yield Stage(name, folder, made_from, read_json(folder / DONE))


def versions() -> dict[str, str]:
    """Of the libraries a result depends on."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    found = {}
    for name in ("pigeval", "torch", "transformers", "trl", "peft", "accelerate", "datasets"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def digest_of_files(*paths: Path) -> str:
    """SHA-256 over names and contents, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None without the file. Raises `RunError` for a damaged one."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{path} is damaged ({error}); run the stage with --fresh") from error


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Replaces a file as a whole."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(part, path)


def _same(folder: Path, before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> None:
    changed = sorted({*_differing(before or now, now)} - INCIDENTAL)
    if not changed:
        return
    raise RunError(
        f"{folder} was begun with another {', '.join(changed[:5])}; name another --work folder, or begin it anew with "
        "--fresh"
    )


def _differing(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key in {*before, *now}:
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differing(old, new, f"{prefix}{key}.")
        elif old != new:
            yield f"{prefix}{key}".removeprefix("settings.")


def _empty(folder: Path) -> bool:
    """Whether nothing was made in it yet: then it may be begun with other settings."""
    return not any(path.is_dir() or path.stat().st_size for path in folder.iterdir() if path.name not in (BEGUN, LOCK))


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name == LOCK:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunError(f"another process is at work in {folder}; wait for it or name another --work") from error
        yield
