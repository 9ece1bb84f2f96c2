"""Official texts, prompt templates above all: taken from their source files without running them, checked, kept.

`official.toml` says where each stands and what its hash is; the texts themselves are their authors' and no part of this
package. `pigeval prompts fetch NAME` gets one.
"""

from __future__ import annotations

import ast
import hashlib
import os
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.errors import ConfigError, DataError, unknown
from harness.store import cache_folder

TABLE = Path(__file__).with_name("official.toml")
RAW = "https://raw.githubusercontent.com/{repository}/{commit}/{file}"
TIMEOUT = 15
"""Seconds before a server that does not answer counts as unreachable."""

LARGEST = 1 << 20
"""Bytes of a source file that are read."""


@dataclass(frozen=True, slots=True)
class Template:
    """Where an official prompt stands, and how the right text is recognised."""

    name: str
    repository: str
    """`owner/name` on GitHub."""
    commit: str
    file: str
    characters: int
    sha256: str
    """The first 16 hex digits, of the template in UTF-8 with its slot left in."""
    variable: str = ""
    """The variable whose value is the template, or holds it as its longest text; empty: the file is the template."""
    placeholder: str = ""
    """The slot, such as `{prompt}`; empty where there is none."""

    @property
    def place(self) -> Path:
        """Where it is kept; another text of the same name is kept elsewhere."""
        return cache_folder() / "prompts" / f"{self.name}-{self.sha256}.txt"

    @property
    def url(self) -> str:
        """The source file."""
        return RAW.format(repository=self.repository, commit=self.commit, file=self.file)

    def problem(self, text: str) -> str:
        """How the text differs from the one expected; empty when it is the one."""
        found = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
        if found == self.sha256 and len(text) == self.characters and self.placeholder in text:
            return ""
        got = f"got {len(text)} characters with {found}…"
        return f"expected {self.characters} characters with SHA-256 {self.sha256}…, {got}"


@cache
def table() -> dict[str, Template]:
    """The templates by name."""
    listed = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: Template(name=name, **values) for name, values in listed.items()}


def template(name: str) -> Template:
    """The template of a name. Raises `ConfigError` with the nearest names."""
    if name not in table():
        raise unknown("official prompt", name, table(), "`pigeval prompts list` shows all")
    return table()[name]


def official(name: str) -> str | None:
    """The official text, or None when it was not fetched yet.

    Raises `ConfigError` for an unknown name, and for a kept file that was changed.
    """
    wanted = template(name)
    if not wanted.place.is_file():
        return None
    text = wanted.place.read_text(encoding="utf-8", errors="replace")
    if problem := wanted.problem(text):
        raise ConfigError(f"{wanted.place}: {problem}; remove the file and run `pigeval prompts fetch {name}`")
    return text


def fetch(name: str, given: Path | None = None) -> Path:
    """Gets a template, checks it, keeps it; the path of the kept text.

    Args:
        name: as `official.toml` lists it.
        given: instead of the network: the source file, a checkout of its repository, or a file that is the text itself.

    Raises:
        ConfigError: an unknown name.
        DataError: it cannot be had, or is another text; nothing is kept.
    """
    wanted = template(name)
    source = _downloaded(wanted) if given is None else _read(wanted, given)
    text = _found(wanted, source, str(given or wanted.url))
    wanted.place.parent.mkdir(parents=True, exist_ok=True)
    part = wanted.place.with_name(f"{wanted.place.name}.{os.getpid()}.part")
    # As bytes: no platform's line ends are put in.
    part.write_bytes(text.encode())
    part.replace(wanted.place)
    return wanted.place


def _found(wanted: Template, source: str, where: str) -> str:
    """The text in a source. Raises `DataError` that says what came instead."""
    inside = texts_of(source, wanted.variable) if wanted.variable else [source]
    for text in (source, *inside):
        if not wanted.problem(text):
            return text
    expected = f"expected {wanted.file} of {wanted.repository} at {wanted.commit}"
    if not inside:
        raise DataError(f"{where}: no text is assigned to {wanted.variable}; {expected}")
    problem = wanted.problem(max(inside, key=len))
    what = wanted.variable or "the file"
    raise DataError(
        f"{where}: {what} is another text than the official {wanted.name}: {problem}; nothing was kept; {expected}"
    )


def texts_of(source: str, variable: str) -> list[str]:
    """The literal texts in the values assigned to a variable; empty where the source is no Python. Runs nothing.

    A field of an f-string that is a bare name stands as `{name}`; one that is anything else makes its text unknown.
    """
    try:
        tree = ast.parse(source)
        values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and _names(node, variable)]
        return [text for value in values for node in ast.walk(value) for text in _literal(node)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _names(assignment: ast.Assign, variable: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == variable for target in assignment.targets)


def _literal(node: ast.AST) -> Iterator[str]:
    """The text of a string or f-string, adjacent ones joined as Python does."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield str(ast.literal_eval(node))
    elif isinstance(node, ast.JoinedStr) and all(map(_is_plain, node.values)):
        yield "".join(
            f"{{{piece.value.id}}}" if isinstance(piece, ast.FormattedValue) else str(ast.literal_eval(piece))  # type: ignore[attr-defined]
            for piece in node.values
        )


def _is_plain(piece: ast.expr) -> bool:
    if isinstance(piece, ast.FormattedValue):
        return isinstance(piece.value, ast.Name) and piece.conversion == -1 and piece.format_spec is None
    return isinstance(piece, ast.Constant)


def _downloaded(wanted: Template) -> str:
    try:
        with urllib.request.urlopen(wanted.url, timeout=TIMEOUT) as answer:
            return bytes(answer.read(LARGEST)).decode("utf-8", "replace")
    except (OSError, urllib.error.URLError) as error:
        raise DataError(
            f"{wanted.file} of {wanted.repository} cannot be downloaded ({type(error).__name__}: {error}). Where there "
            f"is a network: git clone https://github.com/{wanted.repository} FOLDER && git -C FOLDER checkout "
            f"{wanted.commit}; then here: "
            f"pigeval prompts fetch {wanted.name} --from FOLDER"
        ) from error


def _read(wanted: Template, given: Path) -> str:
    path = given / wanted.file if given.is_dir() else given
    try:
        return path.read_bytes()[:LARGEST].decode("utf-8", "replace")
    except OSError as error:
        raise DataError(
            f"{path}: {error.strerror}; expected {wanted.file} of {wanted.repository}, or a checkout of it"
        ) from error
