"""What a run is: the hash of everything that can change a verdict, and the provenance beside it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from harness.errors import ConfigError, PigevalError
from harness.judge import Hints, Judge
from harness.plan import Plan
from harness.registry import SOURCE

PACKAGES = ("pigeval", "numpy", "pillow", "pyarrow", "scipy")
"""Versions every run records."""


def identity_of(judge: Judge, parameters: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """The parts of a run's identity; `identity_hash` of them names the run. Raises `ConfigError` as `_told` does."""
    hints = Hints.of(judge)
    return {
        "judge": type(judge).__qualname__,
        "source": source_digest(type(judge)),
        "parameters": {key: value for key, value in parameters.items() if key not in hints.incidental},
        "libraries": versions(hints.libraries),
        "told": _told(judge),
        "comparisons": plan.comparison_digest,
        # Ids hash source keys: an edited prompt or rating keeps its id and yet can change a verdict.
        "choices": plan.choices.content_digest,
    }


def _told(judge: Judge) -> dict[str, Any]:
    """What the judge says of itself. Raises `ConfigError` when it cannot: two runs might then pass for one."""
    told = getattr(judge, "identity", None)
    try:
        return dict(told()) if callable(told) else {}
    except PigevalError:
        # Such as a key that is not accepted: said by the judge itself.
        raise
    except Exception as error:
        name = type(judge).__qualname__
        raise ConfigError(f"{name}.identity() failed ({type(error).__name__}: {error}); expected a mapping") from error


def identity_hash(parts: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of the parts."""
    return hashlib.sha256(canonical(parts)).hexdigest()


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces; what JSON has no form for is written as text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str).encode()


def source_digest(cls: type) -> str:
    """SHA-256 over the module file of a class and the files of its own package that it uses, directly or not."""
    digest = hashlib.sha256()
    for module in sorted(_modules_of(sys.modules[cls.__module__]), key=lambda module: module.__name__):
        path = Path(getattr(module, "__file__", None) or "")
        plugin = vars(module).get(SOURCE)
        digest.update(f"{module.__name__ if plugin is None else path.name}\n".encode())
        # A prompt calls its file `<stdin>`, a notebook has none.
        digest.update(plugin or (path.read_bytes() if path.is_file() else _typed_in(cls).encode()))
    return digest.hexdigest()


def _typed_in(cls: type) -> str:
    """What a class made at a prompt or in a notebook does, where there is no file to hash: its own and its bases'."""
    said = []
    for base in cls.__mro__:
        if base.__module__ == cls.__module__:
            for name, member in vars(base).items():
                code = getattr(getattr(member, "__func__", getattr(member, "fget", member)), "__code__", None)
                said.append(f"{name} {_instructions(code)}" if code else f"{name} {type(member).__name__}")
                said.append(repr(member) if isinstance(member, bool | int | float | str | tuple) else "")
    return "\n".join(said)


def _instructions(code: CodeType) -> str:
    constants = [_instructions(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return repr((code.co_code, code.co_names, constants))


def _modules_of(module: ModuleType) -> set[ModuleType]:
    """The module and those of the same top-level package whose names it uses."""
    package = module.__name__.partition(".")[0]
    found, todo = set(), [module]
    while todo:
        if (current := todo.pop()) in found:
            continue
        found.add(current)
        for value in vars(current).values():
            name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if isinstance(name, str) and name.partition(".")[0] == package and name in sys.modules:
                todo.append(sys.modules[name])
    return found


def versions(distributions: Iterable[str]) -> dict[str, str]:
    """Installed versions; `absent` for what is not installed."""
    found = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def provenance(judge: Judge) -> dict[str, Any]:
    """Where a run was made: code, packages, hardware. Nothing of it changes a verdict that identity does not name."""
    origin = installed_packages().get(type(judge).__module__.partition(".")[0], [])
    return {
        "git": git_state(),
        "packages": versions(dict.fromkeys([*PACKAGES, *Hints.of(judge).libraries, *origin])),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "hardware": {"cpus": os.cpu_count(), "memory_gib": round(_memory_bytes() / 2**30, 1), "device": "cpu"},
    }


installed_packages = cache(packages_distributions)
"""Distributions by top-level package; takes a fifth of a second, so it is asked for once."""


@cache
def git_state() -> dict[str, Any]:
    """Commit of the checkout this code runs from and whether its code was changed since; empty outside one."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return {}
    code = ("harness", "adapters", "leaderboard", "pigeval", "training")
    commit = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", *code)
    return {"commit": commit, "dirty": bool(changed)} if commit else {}


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
