"""`python -m adapters.mps.convert IN.pth OUT.safetensors`: the tensors of the official whole-module pickle, once.

The official `MPS_overall_checkpoint.pth` is the pickle of a live module: opened the usual way it runs whatever it asks
for. Here it is read without: each name it asks for becomes an inert stand-in that keeps its state and does nothing,
except for those of numbers, tensors and containers, which are made here. The stand-ins are then searched for tensors.
"""

from __future__ import annotations

import argparse
import io
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from adapters.weights import digest_of_files
from harness.errors import ConfigError, PigevalError

RISK = (
    "No code of the file is run. What remains: a hostile file can exhaust memory and disk, can hold other numbers than "
    "the official ones, and passes through Python's readers of zip and pickle. Convert a file you have a reason to "
    "trust, once; runs read the result only."
)

NUMBERS = {
    "HalfStorage": torch.float16, "BFloat16Storage": torch.bfloat16, "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64, "LongStorage": torch.int64, "IntStorage": torch.int32, "BoolStorage": torch.bool,
}  # fmt: skip
"""Kinds of numbers by the name torch.save gives them."""

EXPECTED = ("torch", "transformers", "trainer")
"""Packages whose names an official file asks for, besides those that are made here."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a file."""

    tensors: dict[str, Tensor]
    """By the names `Module.state_dict` gives them."""
    foreign: list[str]
    """Names the file asked for that no such model needs; none was called."""


def read(path: Path) -> Content:
    """The tensors of a pickled module or state dict; nothing of the file is run.

    Raises:
        ConfigError: not written by torch.save (1.6 or later), damaged, or without tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            reader = _Reader(archive)
            tensors = dict(_tensors(reader.load()))
    # A broken or hostile program fails in any way; nothing of it is kept.
    except Exception as error:
        problem = f"{path}: cannot be read ({type(error).__name__}: {error})"
        raise ConfigError(f"{problem}; expected a checkpoint written by torch.save of torch 1.6 or later") from error
    if not tensors:
        raise ConfigError(f"{path}: holds no tensors; expected a module or a state dict")
    return Content(tensors, sorted(name for name in reader.refused if name.partition(".")[0] not in EXPECTED))


def convert(source: Path, target: Path) -> Content:
    """Writes the tensors as safetensors, the digest of the source as metadata. Raises `ConfigError`."""
    if target.suffix != ".safetensors" or target.exists():
        raise ConfigError(f"{target}: expected the name of a new file that ends in .safetensors")
    content = read(source)
    # Tensors that share memory cannot be written as they are.
    plain = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in content.tensors.items()}
    save_file(plain, target, metadata={"source": source.name, "source_digest": digest_of_files([source])})
    return content


class _Inert:
    """Stands for an object or a function of the file."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.state: Any = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def append(self, value: Any) -> None:
        """Drops it."""


class _Reader(pickle.Unpickler):
    """Unpickles the program in an archive of torch.save."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        (program,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        super().__init__(io.BytesIO(archive.read(program)))
        self.refused: set[str] = set()
        self._archive = archive
        self._folder = program.removesuffix(".pkl")
        self._numbers: dict[str, Tensor] = {}
        self._makers = _makers()

    def find_class(self, module: str, name: str) -> Any:
        """What a name of the file stands for here."""
        wanted = f"{module}.{name}"
        if wanted not in self._makers:
            self.refused.add(wanted)
            # A new class each time: the program may set attributes of what it is given.
            return type("Inert", (_Inert,), {})
        return self._makers[wanted]

    def persistent_load(self, pid: Any) -> Tensor:
        """The numbers behind a tensor, one dimension."""
        _, dtype, key, *_ = pid
        if key not in self._numbers:
            data = bytearray(self._archive.read(f"{self._folder}/{key}"))
            self._numbers[key] = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        return self._numbers[key]


def _makers() -> dict[str, Any]:
    """What the harmless names stand for; functions made anew for each file, for the same reason."""

    def tensor(numbers: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
        return numbers.as_strided(size, stride, offset)

    def parameter(data: Any, *_: Any) -> Any:
        return data

    class Mapping(dict[Any, Any]):
        """Ordered, as every dict is; the attribute a state dict carries is dropped."""

        def __setstate__(self, state: Any) -> None:
            pass

    made: dict[str, Callable[..., Any]] = {
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_parameter": parameter,
        "collections.OrderedDict": lambda *_: Mapping(),
        "builtins.set": set,
        "__builtin__.set": set,
    }
    return {**made, **{f"torch.{name}": dtype for name, dtype in NUMBERS.items()}}


def _tensors(content: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Parameters and persistent buffers of a stand-in for a module, or the tensors of a state dict."""
    if isinstance(content, dict):
        content = content.get("state_dict", content)
        yield from ((str(name), tensor) for name, tensor in content.items() if isinstance(tensor, Tensor))
    elif isinstance(content, _Inert):
        for kind in ("_parameters", "_buffers"):
            for name, tensor in content.state.get(kind, {}).items():
                if isinstance(tensor, Tensor) and name not in content.state.get("_non_persistent_buffers_set", ()):
                    yield f"{prefix}{name}", tensor
        for name, child in content.state.get("_modules", {}).items():
            yield from _tensors(child, f"{prefix}{name}.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Converts, then says what was written and what was odd."""
    parser = argparse.ArgumentParser(
        prog="python -m adapters.mps.convert", description=f"The official MPS pickle as safetensors. {RISK}"
    )
    parser.add_argument("source", type=Path, metavar="IN.pth")
    parser.add_argument("target", type=Path, metavar="OUT.safetensors")
    given = parser.parse_args(arguments)
    try:
        content = convert(given.source, given.target)
    except PigevalError as error:
        print(f"error: {str(error)!a}", file=sys.stderr)
        return 1
    if content.foreign:
        print(f"asked for, not called: {', '.join(content.foreign)!a}. Is this the official file?", file=sys.stderr)
    print(f"{len(content.tensors)} tensors; use it with: --judge 'mps:weights={given.target}'")
    return 0


if __name__ == "__main__":
    sys.exit(main())
