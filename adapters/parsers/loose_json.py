"""Fields of JSON as models write it: fenced, cut off, with trailing commas, raw line ends, single or unescaped quotes.

One pass without recursion or backtracking, so that neither depth nor length can hurt. A field that the text ends in
is reported as unfinished; what stands behind a mistake is still read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_NEXT = r"[\"'{\[\]}\d.-]|true|false|null|//|/\*|$|[A-Za-z_]\w{0,40} ?:"
_INSIDE = rf"(?!\s{{0,200}}(?:[:}}\]]|,\s{{0,200}}(?:{_NEXT})|\"[\w ]{{1,40}}\" ?:|//|/\*|$|```))"
"""Behind a quote that stands unescaped within a string: nothing that may follow a string."""
_WORD = r"[^\s\"'{}\[\]:,]{1,400}"
_LEXEME = re.compile(
    rf"""(?P<string>"(?P<double>(?>(?:[^"\\]|\\.|"{_INSIDE})*+))"|'(?P<single>(?>(?:[^'\\]|\\.|'{_INSIDE})*+))')"""
    r"|(?P<comment>//[^\n]*|/\*(?:[^*]|\*(?!/)){0,400}\*/)"
    r"|(?P<open>[{\[])|(?P<close>[}\]])|(?P<colon>:)|(?P<comma>,)"
    rf"|(?P<literal>{_WORD}(?: {_WORD}){{0,12}}(?=[\s,:}}\]]))|(?P<other>{_WORD})|(?P<cut>[\"'])",
    re.DOTALL,
)
_HEADLESS = re.compile(r'\s{0,40}"\w{1,40}" ?:')
"""The opening brace was in the prompt."""
_ESCAPED = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Field:
    """A scalar of an object."""

    tree: int
    """Counts the outermost objects of the text from 0."""
    path: tuple[str, ...]
    """Keys from the outermost object to this one; `[]` for a step into an array."""
    object: int
    """Which object it stands in: counts all objects of the text, so that siblings are told apart."""
    value: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Document:
    """What was read of a text."""

    fields: tuple[Field, ...]
    complete: bool
    """Every object that was opened was closed."""


_DEEPEST = 64
"""Levels below this keep only their innermost keys in the path; no schema of a judge is a tenth as deep."""


def read(text: str) -> Document:
    """All scalar fields in order."""
    reader = _Reader()
    if _HEADLESS.match(text):
        text = "{" + text
    for lexeme in _LEXEME.finditer(text, max(0, text.find("{"))):
        reader.take(lexeme.lastgroup or "", lexeme)
        if lexeme.lastgroup == "cut":
            break
    return Document(tuple(reader.fields), not reader.levels)


@dataclass(slots=True)
class _Level:
    bracket: str
    object: int
    key: str | None = None
    text: str | None = None
    """A string that may turn out to be a key."""


class _Reader:
    def __init__(self) -> None:
        self.fields: list[Field] = []
        self.levels: list[_Level] = []
        self._trees = -1
        self._objects = -1

    def take(self, kind: str, lexeme: re.Match[str]) -> None:
        if kind == "open":
            self._open(lexeme[0])
        elif not self.levels:
            return
        elif kind == "close":
            self._close(lexeme[0])
        elif kind == "colon":
            level = self.levels[-1]
            # A string that began at a stray quote has swallowed the key's own opening quote.
            level.key, level.text = (level.text if level.text is not None else level.key or "").rpartition('"')[2], None
        elif kind == "comma":
            self.levels[-1].key = self.levels[-1].text = None
        elif kind in ("string", "double", "single", "literal"):
            self._scalar(lexeme)

    def _open(self, bracket: str) -> None:
        if not self.levels:
            if bracket == "[":
                return
            self._trees += 1
        if bracket == "{":
            self._objects += 1
        self.levels.append(_Level(bracket, self._objects))

    def _close(self, bracket: str) -> None:
        """Closes the innermost level of the bracket's kind; a bracket that closes nothing is passed over."""
        opened = "{" if bracket == "}" else "["
        near = self.levels[-3:]
        for back, level in enumerate(reversed(near), 1):
            if level.bracket == opened:
                del self.levels[-back:]
                break
        if self.levels:
            self.levels[-1].key = self.levels[-1].text = None

    def _scalar(self, lexeme: re.Match[str]) -> None:
        level = self.levels[-1]
        quoted = lexeme["string"] is not None
        value = (
            _unescaped(lexeme["double"] if lexeme["double"] is not None else lexeme["single"]) if quoted else lexeme[0]
        )
        if level.bracket == "{" and level.key is None:
            level.text = value
            return
        if level.bracket == "{":
            self.fields.append(Field(self._trees, self._path(), level.object, value, quoted))
            level.key = None

    def _path(self) -> tuple[str, ...]:
        return tuple("[]" if level.bracket == "[" else level.key or "" for level in self.levels[-_DEEPEST:])


def _unescaped(text: str) -> str:
    def plain(escape: re.Match[str]) -> str:
        try:
            sign: str = json.loads(f'"{escape[0]}"')
        except ValueError:
            return escape[0][1:]
        return "\ufffd" if "\ud800" <= sign <= "\udfff" else sign

    return _ESCAPED.sub(plain, text)
