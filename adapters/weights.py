"""Checkpoints: a hub repository at a revision, or a local copy in the official file layout. Read safely."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from harness.errors import ConfigError
from harness.pictures import file_stamp
from harness.store import Manifest, cache_folder

CHUNK = 1 << 22
"""Bytes hashed at a time."""

TIMEOUT = 10
"""Seconds before an unreachable hub counts as such."""

SHOWN = 4
"""Keys a message names."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A folder that holds a checkpoint, or a single file."""

    place: Path
    repository: str = ""
    """`owner/name` where it came from the hub."""
    commit: str = ""

    @classmethod
    def find(cls, text: str, patterns: Sequence[str]) -> Weights:
        """Opens `text`: an existing folder or file, or a hub id `owner/name` or `owner/name@revision`.

        Args:
            text: what the parameter `weights` says.
            patterns: the files that are needed, as shell patterns; only these are downloaded.

        Raises:
            ConfigError: nothing there, no such repository or revision, no network, or the hub client is missing.
        """
        if not text:
            raise ConfigError(f"weights is empty; expected a hub id, or a file or folder with {', '.join(patterns)}")
        place = Path(text).expanduser()
        if place.exists():
            return cls(place)
        repository, _, revision = text.partition("@")
        if text.startswith((".", "/", "~")) or repository.count("/") != 1:
            raise ConfigError(
                f"weights {text!r}: no such file or folder; expected one that holds {', '.join(patterns)}, "
                "or a hub id such as owner/name@revision"
            )
        return _download(repository, revision or "main", patterns)

    @property
    def name(self) -> str:
        """How messages and logs call it; never a path of this machine."""
        return f"{self.repository}@{self.commit[:12]}" if self.repository else self.place.name

    def file(self, *names: str) -> Path:
        """The first of the files that is there (for weights given as one file: that file). Raises `ConfigError`."""
        if self.place.is_file():
            return self.place
        for name in names:
            if (path := self.place / name).is_file():
                return path
        there = sorted(path.name for path in self.place.iterdir())
        raise ConfigError(
            f"{self.place}: expected {' or '.join(names)}; "
            f"found {', '.join(there[:8]) or 'nothing'}{' …' if len(there) > 8 else ''}"
        )

    def has(self, name: str) -> bool:
        """Whether the folder holds a file."""
        return (self.place / name).is_file()


def _download(repository: str, revision: str, patterns: Sequence[str]) -> Weights:
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(f"pip install 'pigeval[hub]' to load {repository}, or give weights=FOLDER") from error
    try:
        folder = snapshot_download(repository, revision=revision, allow_patterns=list(patterns), etag_timeout=TIMEOUT)
    except Exception as error:
        raise ConfigError(
            f"weights {repository} at {revision} cannot be had from the hub ({type(error).__name__}); where there is a "
            f"network: hf download {repository} --revision {revision} --local-dir FOLDER, then give weights=FOLDER"
        ) from error
    return Weights(Path(folder), repository, Path(folder).name)


def digest_of_files(paths: Sequence[Path]) -> str:
    """SHA-256 over the (name, SHA-256) of files, 64 hex digits; a file met before is not read again."""
    whole = hashlib.sha256()
    manifest = Manifest(cache_folder() / "weights.sqlite")
    for path in sorted(paths, key=lambda path: path.name):
        # A hub snapshot holds links: the blob behind one is what has a size and a time.
        stamp = file_stamp(path.resolve())
        digest = manifest.lookup([stamp]).get(stamp)
        if digest is None:
            digest = _digest(path)
            manifest.add({stamp: digest})
        whole.update(path.name.encode() + b"\0" + digest)
    return whole.hexdigest()


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
    return digest.digest()


def read_state(path: Path, *, inside: Sequence[str] = ()) -> dict[str, torch.Tensor]:
    """Tensors by name from safetensors or a plain `torch.save` file, on the CPU.

    Args:
        path: the file.
        inside: keys under which the state dict may lie in the file, such as `state_dict`; tried in order.

    Raises:
        ConfigError: unreadable, damaged, or a pickle that holds more than tensors (it is not executed).
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise ConfigError(
            f"{path}: not a checkpoint of plain tensors ({type(error).__name__}: {reason[:120]}); "
            "expected safetensors or a state dict saved with torch.save"
        ) from error
    for key in inside:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise ConfigError(f"{path}: holds {type(content).__name__}, not tensors by name; expected a state dict")
    return dict(content)


def fit(
    module: torch.nn.Module, state: Mapping[str, torch.Tensor], path: Path, *, unused: Collection[str] = ()
) -> None:
    """Loads a state dict into a module, every key accounted for.

    Args:
        module: takes the tensors.
        state: tensors by name.
        path: names the file in messages.
        unused: keys the file may hold that the module has no place for (buffers of older library versions).

    Raises:
        ConfigError: a key is missing, left over, or has another shape.
    """
    expected = module.state_dict()
    extra = state.keys() - expected.keys() - set(unused)
    check_keys(path, type(module).__name__, expected.keys() - state.keys(), extra)
    for key, tensor in expected.items():
        if state[key].shape != tensor.shape:
            raise ConfigError(
                f"{path}: {key} has shape {tuple(state[key].shape)}; expected {tuple(tensor.shape)} "
                f"for {type(module).__name__}"
            )
    module.load_state_dict({key: state[key] for key in expected}, strict=True, assign=True)


def check_keys(path: Path, model: str, missing: Collection[str], extra: Collection[str]) -> None:
    """Raises `ConfigError` naming the file, the model and the first keys when any is missing or left over."""
    if missing or extra:
        problems = filter(None, (_named("missing", sorted(missing)), _named("left over", sorted(extra))))
        raise ConfigError(f"{path}: not the expected checkpoint for {model}: {'; '.join(problems)}")


def _named(problem: str, keys: Sequence[str]) -> str:
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return f"{len(keys)} keys {problem} ({', '.join(keys[:SHOWN])}{more})" if keys else ""
