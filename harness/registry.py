"""Judges and data sets by name: catalogues, entry points and plugin files. Listing imports none of them.

Three sources, all alike for ours and a stranger's: an installed package's entry point in the group `pigeval.judges` or
`pigeval.datasets` (naming a class, or a package that holds a `catalogue.toml`), a catalogue file, a Python file.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from harness.errors import ConfigError, PigevalError, unknown
from harness.records import digest_of
from harness.specs import Spec, parse_spec

Kind = Literal["judge", "data set"]

GROUPS: dict[Kind, str] = {"judge": "pigeval.judges", "data set": "pigeval.datasets"}
DEFINING_METHOD: dict[Kind, str] = {"judge": "compare", "data set": "choices"}
CATALOGUE = "catalogue.toml"
"""The file of a package that lists its judges or data sets."""

SOURCE = "__plugin_source__"
"""Where a plugin's module keeps the bytes it was made from; the file may be edited while a run goes on."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One judge or data set: what is known of it without importing it. The keys of a catalogue table."""

    name: str
    target: str
    """`module:Class`."""
    origin: str
    """Where the entry comes from: a distribution, a catalogue file or a plugin file."""
    title: str = ""
    summary: str = ""
    kind: str = ""
    """Judges: `judge` or `control`."""
    references: bool | None = None
    """Judges: whether references are read; None: not known before the class is imported."""
    licence: str = ""
    source: str = ""
    """Judges: paper or repository the method is from."""
    homepage: str = ""
    size: str = ""
    users: str = ""
    ties: str = ""
    problems: str = ""
    """Data sets: what is known to be wrong with it."""
    extras: tuple[str, ...] = ()
    """Extras of this package that must be installed, as in `pip install pigeval[scorers]`."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """Repository and revision."""
    repository: str = ""
    """Data sets on the Hugging Face hub: `owner/name`; `pigeval fetch` downloads it."""
    revision: str = ""
    """Commit, or `main` where none is pinned."""
    files: tuple[str, ...] = ()
    """Shell patterns of the files that are needed."""
    bytes: int | None = None
    """About how many bytes these are."""
    steps: tuple[str, ...] = ()
    """What is left to do by hand, a step a line; `{to}` stands for the folder."""
    parameters: Mapping[str, Any] | None = None
    """Parameters with their defaults; None: whatever the class takes."""
    preset: Mapping[str, Any] = field(default_factory=dict)
    """Parameters set otherwise than by the class; all that the class takes may still be given."""

    def create(self, parameters: Mapping[str, Any]) -> Any:
        """An instance. Raises `ConfigError` for an unknown parameter or a target that cannot be imported."""
        self.check(parameters)
        cls = self.load()
        _check_names(self.name, parameters, _parameters_of(cls))
        _check_texts(self.name, parameters, cls)
        whole = self.resolved(parameters)
        _check_complete(self.name, whole, cls)
        try:
            return cls(**whole)
        except PigevalError:
            raise
        except Exception as error:
            problem = f"{self.name} cannot be made ({type(error).__name__}: {error})"
            raise ConfigError(f"{problem}; it takes {inspect.signature(cls)}") from error

    def resolved(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters given, and those the table sets."""
        return {**(self.parameters or {}), **self.preset, **given}

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Checks names; imports the class only where no catalogue lists them. Raises `ConfigError`."""
        known = _parameters_of(self.load()) if parameters and self.parameters is None else self.parameters
        _check_names(self.name, parameters, known)

    def load(self) -> Any:
        """The class. Raises `ConfigError` that says which extra is missing or what failed to import."""
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except Exception as error:
            needs = f"; install it with: pip install 'pigeval[{','.join(self.extras)}]'" if self.extras else ""
            raise ConfigError(
                f"{self.name}: cannot load {self.target} ({type(error).__name__}: {error}){needs}"
            ) from error


def _check_names(name: str, given: Mapping[str, Any], known: Mapping[str, Any] | None) -> None:
    for key in given:
        if known is not None and key not in known:
            raise unknown("parameter", key, known, f"{name} takes: {', '.join(known) or 'no parameters'}")


def _check_complete(name: str, given: Mapping[str, Any], cls: Any) -> None:
    required = [key for key, default in (_parameters_of(cls) or {}).items() if default is inspect.Parameter.empty]
    if missing := [key for key in required if key not in given]:
        example = ",".join(f"{key}=…" for key in missing)
        known = ", ".join(_parameters_of(cls) or {})
        raise ConfigError(f"{name} needs {' and '.join(missing)}: write {name}:{example}; it takes: {known}")


def _check_texts(name: str, given: Mapping[str, Any], cls: Any) -> None:
    """A spec's value such as 2024 is read as a number; where the class wants text that would only fail later."""
    for key, parameter in inspect.signature(cls).parameters.items():
        if key in given and parameter.annotation in {str, "str"} and not isinstance(given[key], str):
            raise ConfigError(f"{name}: {key} is {given[key]!r}; expected text: put it in double quotes")


def _parameters_of(cls: Any) -> dict[str, Any] | None:
    """Names the constructor takes; None when it takes any."""
    parameters = inspect.signature(cls).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return {p.name: p.default for p in parameters if p.kind in {p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD}}


class Registry:
    """Entries of one kind by name."""

    def __init__(self, kind: Kind, plugins: Iterable[Path] = (), catalogues: Iterable[Path] = ()) -> None:
        self.kind = kind
        self.entries: dict[str, Entry] = {}
        for point in sorted(entry_points(group=GROUPS[kind]), key=lambda point: (point.name, point.value)):
            self._add_all(_from_entry_point(point))
        for path in catalogues:
            self._add_all(read_catalogue(path, str(path)))
        for path in plugins:
            self._add_all(_from_plugin(kind, path))

    def _add_all(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            known = self.entries.get(entry.name)
            if known is not None:
                raise ConfigError(
                    f"{self.kind} {entry.name!r} is defined twice: by {known.origin} and by {entry.origin}; rename one"
                )
            self.entries[entry.name] = entry

    def __getitem__(self, name: str) -> Entry:
        """The entry of a name. Raises `ConfigError` with the nearest names."""
        if name not in self.entries:
            listing = f"`pigeval {'judges' if self.kind == 'judge' else 'datasets'}` lists all {len(self.entries)}"
            raise unknown(self.kind, name, self.entries, listing)
        return self.entries[name]

    def create(self, spec: str | Spec) -> tuple[Entry, Spec, Any]:
        """Entry, parsed spec and instance of a spec such as `taste:scale=2`."""
        parsed = parse_spec(spec) if isinstance(spec, str) else spec
        entry = self[parsed.name]
        return entry, parsed, entry.create(parsed.parameters)


def read_catalogue(path: Path, origin: str) -> list[Entry]:
    """The entries of a catalogue file. Raises `ConfigError` for bad TOML, an unknown key or a missing target."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"catalogue {path}: {error}; expected one TOML table for each name") from error
    return [_entry(name, table, origin, path) for name, table in tables.items()]


def _entry(name: str, table: Any, origin: str, path: Path) -> Entry:
    known = {f.name for f in fields(Entry)} - {"name", "origin"}
    if not isinstance(table, dict) or ":" not in str(table.get("target", "")):
        raise ConfigError(f'catalogue {path}: [{name}] needs target = "module:Class"')
    for key in table:
        if key not in known:
            raise unknown("key", key, known, f"[{name}] in {path} may have: {', '.join(sorted(known))}")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Entry(name=name, origin=origin, **values)


def _from_entry_point(point: EntryPoint) -> list[Entry]:
    origin = f"{point.dist.name} {point.dist.version}" if point.dist else "installed package"
    if ":" in point.value:
        return [Entry(name=point.name, target=point.value, origin=origin)]
    try:
        spec = importlib.util.find_spec(point.value)
    except ImportError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"{origin}: entry point {point.name} = {point.value!r} is neither a package nor module:Class")
    return read_catalogue(Path(spec.submodule_search_locations[0]) / CATALOGUE, origin)


def _from_plugin(kind: Kind, path: Path) -> list[Entry]:
    """The classes a Python file defines that have the defining method, under their kebab-cased names."""
    module = _import_file(path)
    found = [
        cls
        for cls in dict.fromkeys(filter(inspect.isclass, vars(module).values()))
        if cls.__module__ == module.__name__ and not inspect.isabstract(cls)
        if callable(getattr(cls, DEFINING_METHOD[kind], None)) and not cls.__name__.startswith("_")
    ]
    return [
        Entry(
            name=kebab(cls.__name__),
            target=f"{module.__name__}:{cls.__name__}",
            origin=str(path),
            summary=(inspect.getdoc(cls) or "").partition("\n")[0],
            references=bool(getattr(cls, "reads_references", False)) if kind == "judge" else None,
        )
        for cls in found
    ]


def _import_file(path: Path) -> ModuleType:
    """Runs a file once for each content, as a module of its own name, so that its classes can be found by that name.

    An edited file is another module: what runs is always what the file said when it was read, and its digest says so.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        problem = f"plugin {path}: {error.strerror}"
        raise ConfigError(f"{problem}; expected a Python file that defines a judge or a data set") from error
    name = f"pigeval_plugin_{digest_of(str(path.resolve()).encode(), source).hex()}"
    if name in sys.modules:
        return sys.modules[name]
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = str(path)
    vars(module)[SOURCE] = source
    try:
        exec(compile(source, path, "exec", dont_inherit=True), vars(module))
    except Exception as error:
        del sys.modules[name]
        if isinstance(error, PigevalError):
            raise
        raise ConfigError(f"plugin {path}: {type(error).__name__}: {error}; correct the file") from error
    return module


def kebab(name: str) -> str:
    """`CamelCase` to `camel-case`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def registries(plugins: Sequence[Path] = (), catalogues: Sequence[Path] = ()) -> tuple[Registry, Registry]:
    """The judges and the data sets."""
    return Registry("judge", plugins, catalogues), Registry("data set", plugins)
