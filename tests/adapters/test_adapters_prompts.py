from __future__ import annotations

import hashlib
import io
import os
import re
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.prompts import official as module
from adapters.prompts.official import fetch, official, table, template, texts_of
from adapters.prompts.wording import OWN, own_names, wording
from harness.errors import ConfigError, DataError
from harness.store import cache_folder

TEXT = 'Compare for "{prompt}".\nAnswer {\n  "winner": 1\n}'
SOURCE = """
import os
os.environ["RAN"] = "yes"
prompt = ""
messages = [{"role": "user", "content": [
    {"type": "image"},
    {"type": "text", "text": (
        "Compare for \\"" f"{prompt}\\".\\n"
        f"Answer {{\\n  \\"winner\\": 1\\n}}")},
]}]
"""


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """One template in the table, and an empty cache."""
    digest = hashlib.sha256(TEXT.encode()).hexdigest()[:16]
    path = tmp_path / "official.toml"
    path.write_text(
        '[unifiedreward-pair]\nrepository = "somebody/judges"\ncommit = "abc1234"\nfile = "inference/pair.py"\n'
        f'variable = "messages"\ncharacters = {len(TEXT)}\nsha256 = "{digest}"\nplaceholder = "{{prompt}}"\n'
    )
    monkeypatch.setattr(module, "TABLE", path)
    monkeypatch.setenv("PIGEVAL_CACHE", str(tmp_path / "cache"))
    table.cache_clear()
    yield tmp_path
    table.cache_clear()


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "cache").rglob("*") if path.is_file())


def serve(monkeypatch: pytest.MonkeyPatch, answer: bytes | Exception) -> list[str]:
    asked: list[str] = []

    def opened(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer)

    monkeypatch.setattr("urllib.request.urlopen", opened)
    return asked


def test_a_template_is_fetched_checked_and_kept(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAN", raising=False)
    asked = serve(monkeypatch, SOURCE.encode())
    assert official("unifiedreward-pair") is None
    place = fetch("unifiedreward-pair")
    assert asked == ["https://raw.githubusercontent.com/somebody/judges/abc1234/inference/pair.py"]
    assert place.parent == cache_folder() / "prompts"
    assert official("unifiedreward-pair") == TEXT
    assert "RAN" not in os.environ


@pytest.mark.parametrize("form", ["file", "checkout", "text"])
def test_a_template_is_taken_from_disk(listed: Path, form: str) -> None:
    given = listed / "repository"
    (given / "inference").mkdir(parents=True)
    (given / "inference" / "pair.py").write_text(SOURCE)
    (given / "plain.txt").write_text(TEXT)
    fetch(
        "unifiedreward-pair",
        {"file": given / "inference/pair.py", "checkout": given, "text": given / "plain.txt"}[form],
    )
    assert official("unifiedreward-pair") == TEXT


def test_without_a_network_the_error_names_the_way(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, urllib.error.URLError("no route"))
    with pytest.raises(DataError, match=r"inference/pair\.py of somebody/judges cannot be downloaded.*--from FOLDER"):
        fetch("unifiedreward-pair")
    assert kept(listed) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (SOURCE.replace("Compare", "Look"), r"another text.*expected 48 characters with SHA-256 \w{16}….*got 45"),
        ("prompts = 'x'", "no text is assigned to messages"),
        ("def (", "no text is assigned to messages"),
        ("<html>rate limited</html>", "no text is assigned to messages"),
        ("messages = " + "(" * 5000, "no text is assigned to messages"),
    ],
)
def test_another_text_is_refused_and_not_kept(
    listed: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    serve(monkeypatch, source.encode())
    with pytest.raises(DataError, match=message):
        fetch("unifiedreward-pair")
    assert kept(listed) == []


def test_a_file_may_be_the_text_itself(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = listed / "official.toml"
    kept_lines = [line for line in path.read_text().splitlines() if not line.startswith(("variable", "placeholder"))]
    path.write_text("\n".join(kept_lines))
    table.cache_clear()
    serve(monkeypatch, b"messages = 1")
    with pytest.raises(DataError, match=r"the file is another text.*expected 48 characters.*got 12"):
        fetch("unifiedreward-pair")
    serve(monkeypatch, TEXT.encode())
    fetch("unifiedreward-pair")
    assert official("unifiedreward-pair") == TEXT


def test_a_kept_text_that_was_changed_is_refused(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, SOURCE.encode())
    place = fetch("unifiedreward-pair")
    place.write_text(TEXT + " Prefer the first.")
    with pytest.raises(ConfigError, match="expected 48 characters"):
        official("unifiedreward-pair")


def test_a_missing_file_and_an_unknown_name(listed: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.py.*expected inference/pair\.py of somebody/judges"):
        fetch("unifiedreward-pair", listed / "gone.py")
    with pytest.raises(ConfigError, match=r"no official prompt 'unifiedreward-pear'; did you mean unifiedreward-pair"):
        template("unifiedreward-pear")


def test_only_literal_texts_are_found() -> None:
    lines = ['x = "a" "b"', 'x = f"{p} and {{}}"', 'x = f"{p.q} or"', 'x = f"{p!r} nor"', 'y = "another"']
    assert set(texts_of("\n".join(lines), "x")) == {"ab", "{p} and {}", " and {}", " or", " nor"}


def test_which_wording_a_judge_gets(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, SOURCE.encode())
    assert wording("unifiedreward-pair", "auto").origin == "own"
    with pytest.raises(ConfigError, match="run `pigeval prompts fetch unifiedreward-pair`"):
        wording("unifiedreward-pair", "official")
    with pytest.raises(ConfigError, match="no official prompt is known for lvlm-plain"):
        wording("lvlm-plain", "official")
    with pytest.raises(ConfigError, match="expected one of auto, own, official"):
        wording("lvlm-plain", "mine")
    monkeypatch.setitem(table(), "official-only", table()["unifiedreward-pair"])
    with pytest.raises(ConfigError, match="no wording of our own for official-only"):
        wording("official-only", "own")
    fetch("unifiedreward-pair")
    assert wording("unifiedreward-pair", "own").origin == "own"
    found = wording("unifiedreward-pair", "auto")
    assert (found.origin, found.text) == ("somebody/judges@abc1234", TEXT)
    assert found.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()


def test_the_table_is_whole() -> None:
    table.cache_clear()
    listed: dict[str, Any] = table()
    assert {"unifiedreward-pair", "unifiedreward-flex", "hps-v3"} <= set(listed)
    for name, entry in listed.items():
        assert re.fullmatch(r"[0-9a-f]{40}", entry.commit), name
        assert re.fullmatch(r"[0-9a-f]{16}", entry.sha256), name
        assert entry.file.endswith(".py") == bool(entry.variable), name
        assert entry.name == name


@pytest.mark.parametrize("name", own_names())
def test_our_wordings_are_tidy(name: str) -> None:
    text = (OWN / f"{name}.txt").read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert "\t" not in text
    slots = set(re.findall(r"\{([a-z_]+)\}", text))
    assert slots <= {
        "prompt",
        "number",
        "caption",
        "images",
        "preferred",
        "liked",
        "disliked",
        "profile",
        "text_prompt",
    }
