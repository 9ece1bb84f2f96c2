"""Images of a run: digests taken once, pixels decoded once while anybody needs them, memory bounded."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from harness.choices import Dataset
from harness.errors import ImageError
from harness.records import Image, Picture

if TYPE_CHECKING:
    import PIL.Image

Kind = Literal["pixels", "bytes"]

CHUNK = 500
"""Stamps looked up in one query; SQLite allows at least 999 variables."""


WAVE, PIECE = 8192, 16
"""Images whose digests are remembered together, so that an interrupted pass goes on near there; images a task reads."""


def cache_folder() -> Path:
    """Where digests (and later weights and prompts) are kept: `PIGEVAL_CACHE`, else the user's cache folder."""
    named = os.environ.get("PIGEVAL_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pigeval"


class Manifest:
    """Digests known from earlier runs, by stamp (path, size and modification time). Safe to share and to lose."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lookup(self, stamps: Sequence[str]) -> dict[str, bytes]:
        """Digests of the stamps that are known; none where the file is damaged, locked or not made yet."""
        known: dict[str, bytes] = {}
        if not self.path.exists():
            return known
        try:
            with closing(sqlite3.connect(self.path, timeout=30)) as database:
                for start in range(0, len(stamps), CHUNK):
                    some = stamps[start : start + CHUNK]
                    marks = ",".join("?" * len(some))
                    known.update(database.execute(f"SELECT stamp, digest FROM image WHERE stamp IN ({marks})", some))
        except sqlite3.Error:
            return {}
        return known

    def add(self, digests: dict[str, bytes]) -> None:
        """Remembers digests. A cache folder that cannot be written costs time later, so it is no error."""
        if not digests:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=30)) as database, database:
                database.execute("CREATE TABLE IF NOT EXISTS image (stamp TEXT PRIMARY KEY, digest BLOB) WITHOUT ROWID")
                database.executemany("INSERT OR REPLACE INTO image VALUES (?, ?)", digests.items())
        except (OSError, sqlite3.Error):
            pass


class _Held:
    """Content in memory; counted as long as anybody holds it."""

    __slots__ = ("__weakref__", "content", "size")

    def __init__(self, content: PIL.Image.Image | bytes, size: int) -> None:
        self.content = content
        self.size = size


class ImageStore:
    """Opens the images of one data set by code (index into `keys`).

    Content stays shared while a batch holds it and for as long as it is among the recently used within `budget` bytes.
    """

    def __init__(
        self, dataset: Dataset, keys: Sequence[str], budget: int = 512 << 20, workers: int | None = None
    ) -> None:
        self.keys = keys
        self.budget = budget
        self.workers = workers or min(8, (os.cpu_count() or 1) + 1)
        self.digests: NDArray[np.uint8] = np.zeros((len(keys), 32), dtype=np.uint8)
        """(images, 32) SHA-256 of each image's content; zero where not taken or not readable."""
        self.unreadable: dict[int, str] = {}
        """Why an image could not be read, by code."""
        self.decoded = 0
        """How many times an image was decoded."""
        self._taken = np.zeros(len(keys), dtype=np.bool_)
        self._first: dict[bytes, int] = {}
        self._picture = dataset.picture
        self._alive: weakref.WeakValueDictionary[tuple[Kind, int], _Held] = weakref.WeakValueDictionary()
        self._recent: OrderedDict[tuple[Kind, int], _Held] = OrderedDict()
        self._recent_bytes = 0
        self._alive_bytes = 0
        self._pending: dict[tuple[Kind, int], Future[_Held]] = {}
        self._lock = threading.RLock()

    def image(self, code: int) -> Image:
        """The image as a judge sees it."""
        digest = self.digests[code].tobytes().hex() if self._taken[code] else ""
        return Image(_Stored(self, code), digest)

    def picture(self, code: int) -> Picture:
        """The picture behind a code."""
        return self._picture(self.keys[code])

    def take_digests(self, codes: Iterable[int], manifest: Manifest, advance: Callable[[int], None]) -> None:
        """Reads each image not read before and keeps its digest; unreadable ones are noted, not raised."""
        todo = [code for code in codes if not self._taken[code] and code not in self.unreadable]
        with ThreadPoolExecutor(self.workers) as pool:
            for wave in _pieces(todo, WAVE):
                stamps = {code: self.picture(code).stamp() for code in wave}
                known = manifest.lookup([stamp for stamp in stamps.values() if stamp])
                for n in pool.map(partial(self._take, stamps, known), _pieces(wave, PIECE)):
                    advance(n)
                new = {stamp: code for code, stamp in stamps.items() if stamp and stamp not in known}
                manifest.add({stamp: self.digests[code].tobytes() for stamp, code in new.items() if self._taken[code]})

    def _take(self, stamps: Mapping[int, str], known: Mapping[str, bytes], codes: Sequence[int]) -> int:
        for code in codes:
            try:
                digest = known.get(stamps[code]) or bytes.fromhex(self.picture(code).digest())
            except ImageError as error:
                self.unreadable[code] = str(error)
            else:
                self.digests[code] = np.frombuffer(digest, dtype=np.uint8)
                self._taken[code] = True
                self._first.setdefault(digest, code)
        return len(codes)

    def content_codes(self, among: NDArray[np.bool_]) -> NDArray[np.int64] | None:
        """(images,) equal where contents are equal, as far as the images of a mask are known; None when no two are."""
        taken = np.flatnonzero(self._taken & among)
        digests = np.ascontiguousarray(self.digests[taken]).view("V32").ravel()
        _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
        if len(first) == len(taken):
            return None
        codes = np.arange(len(self.keys))
        codes[taken] = taken[first][inverse]
        return codes

    def manifest_digest(self, codes: Iterable[int]) -> str:
        """SHA-256 over the sorted (key, digest) of the images given: equal when names and contents are."""
        lines = sorted(f"{self.keys[code]}\0{self.digests[code].tobytes().hex()}" for code in codes)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def _slot(self, kind: Kind, code: int) -> tuple[Kind, int]:
        """Where content is held: equal contents under the first code that was found to have it."""
        return kind, self._first.get(self.digests[code].tobytes(), code)

    def held(self, kind: Kind, code: int) -> _Held | None:
        """Content that is in memory, and stays there as long as the caller keeps it."""
        slot = self._slot(kind, code)
        with self._lock:
            held = self._alive.get(slot)
            if held is not None:
                self._touch(slot, held)
            return held

    def prefetch(self, kind: Kind, code: int) -> _Held | None:
        """Loads ahead; None when memory is full or the image cannot be read (the judge then meets the error)."""
        if self._alive_bytes >= self.budget:
            return None
        try:
            return self._hold(kind, code)
        except Exception:
            return None

    def load(self, kind: Kind, code: int) -> PIL.Image.Image | bytes:
        """Pixels or bytes of an image, from memory where somebody holds them. Raises `ImageError`."""
        return self._hold(kind, code).content

    def _hold(self, kind: Kind, code: int) -> _Held:
        slot = self._slot(kind, code)
        with self._lock:
            held = self.held(kind, code)
            if held is not None:
                return held
            pending = self._pending.get(slot)
            if pending is None:
                mine = self._pending[slot] = Future()
        if pending is not None:
            return pending.result()
        try:
            held = self._read(*slot)
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(held)
            return held
        finally:
            del self._pending[slot]

    def _read(self, kind: Kind, code: int) -> _Held:
        picture = self.picture(code)
        if kind == "bytes":
            data = picture.read()
            held = _Held(data, len(data))
        else:
            image = picture.decode()
            held = _Held(image, image.width * image.height * 3)
        with self._lock:
            self.decoded += kind == "pixels"
            self._alive_bytes += held.size
            weakref.finalize(held, self._forget, held.size).atexit = False
            self._alive[kind, code] = held
            self._touch((kind, code), held)
        return held

    def _forget(self, size: int) -> None:
        with self._lock:
            self._alive_bytes -= size

    def _touch(self, slot: tuple[Kind, int], held: _Held) -> None:
        """Marks content as just used; the longest unused goes when half the budget is held for later."""
        if slot not in self._recent:
            self._recent_bytes += held.size
        self._recent[slot] = held
        self._recent.move_to_end(slot)
        while self._recent_bytes > self.budget // 2:
            _, old = self._recent.popitem(last=False)
            self._recent_bytes -= old.size


def _pieces(codes: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (codes[start : start + size] for start in range(0, len(codes), size))


class _Stored:
    """A picture that loads through the store."""

    __slots__ = ("_code", "_store")

    def __init__(self, store: ImageStore, code: int) -> None:
        self._store = store
        self._code = code

    def read(self) -> bytes:
        content = self._store.load("bytes", self._code)
        assert isinstance(content, bytes)
        return content

    def decode(self) -> PIL.Image.Image:
        content = self._store.load("pixels", self._code)
        assert not isinstance(content, bytes)
        return content

    def digest(self) -> str:
        return self._store.picture(self._code).digest()

    def stamp(self) -> str:
        return self._store.picture(self._code).stamp()
