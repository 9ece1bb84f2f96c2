from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.prompts import official as module
from adapters.prompts.official import table
from pigeval.cli import main

TEXT = "A\x1b[2J prompt {prompt} of theirs."


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout with two templates, one of which is another text than the table says."""
    digest = hashlib.sha256(TEXT.encode()).hexdigest()[:16]
    rows = [
        f'[{name}]\nrepository = "somebody/judges"\ncommit = "abc1234def"\nfile = "{name}.py"\nvariable = "text"\n'
        f'characters = {len(TEXT)}\nsha256 = "{digest}"\nplaceholder = "{{prompt}}"\n'
        for name in ("unifiedreward-flex", "theirs")
    ]
    (tmp_path / "official.toml").write_text("\n".join(rows))
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "unifiedreward-flex.py").write_text(f"text = {TEXT!r}\n")
    monkeypatch.setattr(module, "TABLE", tmp_path / "official.toml")
    monkeypatch.setenv("PIGEVAL_CACHE", str(tmp_path / "cache"))
    table.cache_clear()
    yield checkout
    table.cache_clear()


def test_list_fetch_and_show(listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", "list"]) == 0
    shown = capsys.readouterr().out
    line = next(line for line in shown.splitlines() if line.startswith("unifiedreward-flex"))
    assert line.split() == [
        "unifiedreward-flex",
        "yes",
        "not",
        "fetched",
        "somebody/judges@abc1234",
        "unifiedreward-flex.py",
    ]
    assert "lvlm-ppd" in shown

    assert main(["prompts", "show", "unifiedreward-flex"]) == 0
    assert "unifiedreward-flex, own, SHA-256 " in capsys.readouterr().out

    for given in (listed, listed / "unifiedreward-flex.py"):
        assert main(["prompts", "fetch", "unifiedreward-flex", "--from", str(given)]) == 0
        assert "the hash is right" in capsys.readouterr().out

    assert main(["prompts", "show", "unifiedreward-flex"]) == 0
    shown = capsys.readouterr().out
    assert "somebody/judges@abc1234def" in shown
    assert "prompt {prompt} of theirs." in shown
    assert "\x1b" not in shown

    assert main(["prompts", "show", "unifiedreward-flex", "--own"]) == 0
    assert "of theirs" not in capsys.readouterr().out


def test_all_of_a_checkout(listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", "fetch", "all", "--from", str(listed)]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["unifiedreward-flex"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fetch", "theirs", "--from", "{checkout}"], "expected theirs.py of somebody/judges"),
        (["show", "theirs"], "run `pigeval prompts fetch theirs`"),
        (["show", "thiers"], "did you mean theirs"),
        (["fetch", "thiers"], "did you mean theirs"),
    ],
)
def test_errors_name_the_next_step(
    listed: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["prompts", *(text.replace("{checkout}", str(listed)) for text in arguments)]) == 1
    assert message in capsys.readouterr().err
