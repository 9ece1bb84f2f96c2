"""The converter of the official pickle: tensors come out, no code of the file runs."""

from __future__ import annotations

import os
import pickle
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from adapters.mps.convert import convert, main, read
from harness.errors import ConfigError

HOME = "trainer.models.clip_model"


class Inner(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(4)
        self.fn = torch.nn.Linear(4, 3, bias=False).half()
        self.register_buffer("inv_freq", torch.arange(2.0))
        self.register_buffer("pos_emb", torch.ones(5), persistent=False)
        self.act = torch.nn.functional.gelu


class Whole(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.config = {"dtype": torch.float16, "sizes": torch.Size([1]), "device": torch.device("cpu")}
        first = Inner()
        self.model = torch.nn.ModuleList([first, Inner()])
        self.logit_scale = torch.nn.Parameter(torch.tensor(2.5))
        self.shared = torch.nn.Parameter(first.norm.weight.detach()[1:3])


@pytest.fixture
def pickled(tmp_path: Path) -> tuple[Path, dict[str, torch.Tensor]]:
    """A module of classes of the official package, which is gone when the file is read."""
    torch.manual_seed(0)
    whole = Whole()
    with pytest.MonkeyPatch.context() as patch:
        for package in ("trainer", "trainer.models"):
            patch.setitem(sys.modules, package, types.ModuleType(package))
        home = types.ModuleType(HOME)
        for cls in (Inner, Whole):
            patch.setattr(cls, "__module__", HOME)
            setattr(home, cls.__name__, cls)
        patch.setitem(sys.modules, HOME, home)
        torch.save(whole, tmp_path / "official.pth")
    return tmp_path / "official.pth", whole.state_dict()


def test_the_tensors_of_a_whole_module_come_out(pickled: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path) -> None:
    path, expected = pickled
    content = convert(path, tmp_path / "out.safetensors")
    assert content.foreign == []
    got = load_file(tmp_path / "out.safetensors")
    assert got.keys() == expected.keys()
    assert "model.0.pos_emb" not in got
    for name, tensor in expected.items():
        assert got[name].dtype == tensor.dtype
        assert torch.equal(got[name], tensor)
    with safe_open(tmp_path / "out.safetensors", "pt") as file:
        assert len(file.metadata()["source_digest"]) == 64


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"state_dict": state, "epoch": 3}])
def test_a_plain_state_dict_is_read_too(tmp_path: Path, wrap: Callable[[Any], Any]) -> None:
    state = torch.nn.Linear(2, 2).state_dict()
    state.update(a=torch.arange(6.0).reshape(2, 3).T, b=torch.zeros(0), c=torch.tensor(1))
    torch.save(wrap(state), tmp_path / "state.pt")
    tensors = read(tmp_path / "state.pt").tensors
    assert tensors.keys() == state.keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in state.items())


class Calls:
    """Asks for a function to be called when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


FROM_TORCH = 5
"""The one of `hostile` whose function is in a package an official file uses too."""


def hostile(mark: str) -> list[Calls]:
    code = f"open({mark!r}, 'w').close()"
    return [
        Calls(os.system, f"touch {mark}"),
        Calls(eval, code),
        Calls(exec, code),
        Calls(os.mkdir, mark),
        Calls(Path.touch, Path(mark)),
        Calls(torch.save, torch.zeros(1), mark),
        Calls(setattr, torch.nn.Linear, "forward", None),
        Calls(map, exec, [code]),
    ]


@pytest.mark.parametrize("which", range(8))
def test_nothing_a_hostile_file_asks_for_is_called(
    tmp_path: Path, which: int, capsys: pytest.CaptureFixture[str]
) -> None:
    mark, forward = tmp_path / "mark", torch.nn.Linear.forward
    torch.save({"weight": torch.ones(2), "evil": hostile(str(mark))[which]}, tmp_path / "evil.pth")
    assert main([str(tmp_path / "evil.pth"), str(tmp_path / "out.safetensors")]) == 0
    assert not mark.exists()
    assert torch.nn.Linear.forward is forward
    told = capsys.readouterr()
    assert "1 tensors" in told.out
    assert ("asked for, not called" in told.err) == (which != FROM_TORCH)


def test_the_hostile_files_would_do_harm_if_opened_the_usual_way(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    pickle.loads(pickle.dumps(hostile(str(mark))[0]))
    assert mark.exists()


def test_what_a_file_sets_on_a_stand_in_does_not_outlive_it(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "fine.pth")
    # BUILD with a state for slots sets attributes: here the defaults of the function that makes tensors.
    name, state = b"ctorch._utils\n_rebuild_tensor_v2\n", b"(N}X\x0c\x00\x00\x00__defaults__(K\x07tst"
    _with_program(tmp_path / "fine.pth", tmp_path / "odd.pth", b"\x80\x02" + name + state + b"b.")
    with pytest.raises(ConfigError, match="holds no tensors"):
        read(tmp_path / "odd.pth")
    assert read(tmp_path / "fine.pth").tensors == {"a": torch.ones(1)}


def _with_program(source: Path, target: Path, program: bytes) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, program if name.endswith("data.pkl") else old.read(name))


def test_a_tensor_beyond_its_numbers_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(4)}, tmp_path / "fine.pth")
    with zipfile.ZipFile(tmp_path / "fine.pth") as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        program = archive.read(name)
    assert b"K\x04\x85" in program
    _with_program(tmp_path / "fine.pth", tmp_path / "long.pth", program.replace(b"K\x04\x85", b"K\x44\x85"))
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "long.pth")


@pytest.mark.parametrize("content", [b"", b"no archive", pickle.dumps({"a": 1})])
def test_another_file_is_named(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.pth"
    path.write_bytes(content)
    assert main([str(path), str(tmp_path / "out.safetensors")]) == 1
    assert "expected a checkpoint written by torch.save" in capsys.readouterr().err
    assert not (tmp_path / "out.safetensors").exists()


def test_no_tensors_and_wrong_targets(tmp_path: Path) -> None:
    torch.save({"a": 1}, tmp_path / "none.pth")
    with pytest.raises(ConfigError, match="holds no tensors"):
        read(tmp_path / "none.pth")
    (tmp_path / "there.safetensors").touch()
    for target in ("there.safetensors", "out.pth"):
        with pytest.raises(ConfigError, match=r"a new file that ends in \.safetensors"):
            convert(tmp_path / "none.pth", tmp_path / target)


def test_the_help_says_what_remains(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "No code of the file is run. What remains" in " ".join(capsys.readouterr().out.split())
