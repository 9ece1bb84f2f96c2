"""Which files a model is: a local folder or a commit on the Hugging Face hub, checked before they are loaded."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import ConfigError

FILES = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model")
"""The files of a checkpoint that a reply depends on: weights, configurations, chat template, tokenizer."""

HUB_ID = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>\w[\w./-]*))?")
"""`owner/name` or `owner/name@revision`."""

HUB_TIMEOUT = 10
"""Seconds before an unreachable hub counts as such."""

Check = Callable[[Path, str], None]
"""Raises `ConfigError` unless the folder is complete; the text is what messages call it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Files that stay the same."""

    folder: Path
    identity: str
    """`owner/name@commit` for a repository, `sha256:…` for a local folder: no path."""


def model(name: str) -> Checkpoint:
    """The checkpoint of a model: `owner/name`, `owner/name@revision` or a folder. Raises `ConfigError`."""
    return _resolve("model", name, whole_model)


def adapter(name: str) -> Checkpoint:
    """The checkpoint of a LoRA adapter, named like a model. Raises `ConfigError`."""
    return _resolve("adapter", name, lora_adapter)


def whole_model(folder: Path, name: str) -> None:
    """Raises `ConfigError` unless the folder has config.json and complete safetensors weights."""
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            base = _json(folder / "adapter_config.json", name).get("base_model_name_or_path")
            raise ConfigError(f"{name} is a LoRA adapter; name it as adapter and its base ({base}) as model")
        raise ConfigError(f"{name} has no config.json; expected a checkpoint as save_pretrained writes it{_more(name)}")
    if not isinstance(_json(folder / "config.json", name).get("model_type"), str):
        raise ConfigError(f"{name}: config.json says no model_type; expected a Hugging Face checkpoint")
    _safetensors(folder, name)


def lora_adapter(folder: Path, name: str) -> None:
    """Raises `ConfigError` unless the folder is a LoRA adapter with safetensors weights."""
    if not (folder / "adapter_config.json").is_file():
        raise ConfigError(f"{name} has no adapter_config.json; expected a LoRA adapter as peft writes it{_more(name)}")
    kind = _json(folder / "adapter_config.json", name).get("peft_type")
    if kind != "LORA":
        raise ConfigError(f"{name}: adapter_config.json says peft_type {kind!r}; only LORA is supported")
    if not (folder / "adapter_model.safetensors").is_file():
        raise ConfigError(f"{name} has no adapter_model.safetensors; pickled weights are not loaded, save it anew")


def _safetensors(folder: Path, name: str) -> None:
    index = folder / "model.safetensors.index.json"
    shards = set(_json(index, name).get("weight_map", {}).values()) if index.is_file() else {"model.safetensors"}
    missing = sorted(shard for shard in shards if not (folder / shard).is_file())
    if not missing:
        return
    if pickled := sorted(path.name for path in folder.glob("*.bin")):
        raise ConfigError(
            f"{name} has its weights as {pickled[0]} only; a pickle can run any code, so only safetensors are loaded. "
            "Take a revision that has model.safetensors, or load and save_pretrained it where you trust it"
        )
    raise ConfigError(f"{name} lacks {missing[0]} ({len(missing)} of {len(shards)} weight files){_more(name)}")


def _resolve(parameter: str, name: str, check: Check) -> Checkpoint:
    folder = Path(name).expanduser()
    if folder.is_dir():
        check(folder, f"{parameter} folder {folder.name!r}")
        return Checkpoint(folder, f"sha256:{digest_of_folder(folder)}")
    match = HUB_ID.fullmatch(name)
    if match is None:
        raise ConfigError(f"{parameter} {name!r} is no folder; expected one, or a hub id as owner/name@revision")
    repository, revision = match["repository"], match["revision"] or "main"
    folder = _hub_folder(parameter, repository, revision, check)
    return Checkpoint(folder, f"{repository}@{folder.name}")


def _hub_folder(parameter: str, repository: str, revision: str, check: Check) -> Path:
    """The snapshot folder, named after its commit. What the cache holds of a branch is used without asking anew."""
    from huggingface_hub import HfApi, snapshot_download  # noqa: PLC0415

    name = f"{parameter} {repository}@{revision}"
    try:
        folder = Path(snapshot_download(repository, revision=revision, local_files_only=True))
        check(folder, name)
        return folder
    # Not in the cache, or not all of it.
    except (OSError, ValueError, ConfigError):
        pass
    try:
        # One request without retries: a download that cannot reach the hub tries again for half a minute.
        HfApi().model_info(repository, revision=revision, timeout=HUB_TIMEOUT)
        folder = Path(snapshot_download(repository, revision=revision, allow_patterns=list(FILES)))
    except Exception as error:
        raise ConfigError(
            f"{name} is neither a folder nor in the local cache, and the hub does not give it "
            f"({type(error).__name__}); check the name and the network, or on a machine that has one: "
            f"hf download {repository} --revision {revision} --local-dir FOLDER, then {parameter}=FOLDER"
        ) from error
    check(folder, name)
    return folder


def digest_of_folder(folder: Path) -> str:
    """SHA-256 (64 hex digits) over name and SHA-256 of each of the folder's `FILES`, sorted by name."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in FILES for path in folder.glob(pattern)}):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name}\0{content}\n".encode())
    return digest.hexdigest()


def _json(path: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name}: {path.name} is no JSON ({type(error).__name__}); fetch the file again") from error
    return content if isinstance(content, dict) else {}


def _more(name: str) -> str:
    """The next step, for what is missing of a repository or folder."""
    repository = name.rpartition(" ")[2].partition("@")[0] if "@" in name else "OWNER/NAME"
    return f"; to get all files: hf download {repository} --local-dir FOLDER"
