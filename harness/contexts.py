"""User contexts: texts a judge made once from a user's references, kept beside the verdicts in `contexts.jsonl`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.records import Reference, digest_of

FILE = "contexts.jsonl"
"""One JSON object a line: `references` (the digest), `text`, and whatever else the judge tells of it."""


def references_digest(references: Sequence[Reference]) -> str:
    """32 hex digits of what the references show, in order: prompts and image contents."""
    parts = []
    for reference in references:
        sides = [" ".join(image.digest for image in side) for side in (reference.preferred, reference.rejected)]
        parts += [reference.prompt.encode(), *(side.encode() for side in sides)]
    return digest_of(*parts).hex()


class Contexts:
    """Texts by the digest of their references. Each is on disk before anything is judged by it."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}
        self._here: set[str] = set()
        self._path: Path | None = None

    def keep_in(self, folder: Path) -> None:
        """Goes on with the contexts of a run's folder; what a killed process left half written is asked for again."""
        found = read_contexts(folder)
        self._known.update(found)
        self._here = set(found)
        self._path = folder / FILE
        if self._path.exists() and not self._path.read_bytes().endswith(b"\n"):
            self._append("\n")

    def get(self, digest: str) -> str | None:
        """The text, or None where it is not made yet."""
        record = self._known.get(digest)
        if record is None:
            return None
        self._keep(digest, record)
        return str(record["text"])

    def add(self, digest: str, text: str, **facts: Any) -> None:
        """Remembers a text and what is to be known of it, such as the raw outputs it was made from."""
        self._known[digest] = {"references": digest, "text": text, **facts}
        self._keep(digest, self._known[digest])

    def _keep(self, digest: str, record: Mapping[str, Any]) -> None:
        if self._path is not None and digest not in self._here:
            self._append(json.dumps(record, ensure_ascii=True, sort_keys=True) + "\n")
            self._here.add(digest)

    def _append(self, text: str) -> None:
        assert self._path is not None
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)


def read_contexts(folder: Path) -> dict[str, dict[str, Any]]:
    """The contexts of a run by digest; lines that are no record are left out."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    records = (_record(line) for line in lines)
    return {record["references"]: record for record in records if record is not None}


def _record(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(record, dict) and {"references", "text"} <= record.keys()
    return record if whole else None


def sort_contexts(folder: Path) -> None:
    """Rewrites the file in the order of the digests, each once: the same contexts give the same bytes."""
    records = read_contexts(folder)
    if not records:
        return
    lines = [json.dumps(records[digest], ensure_ascii=True, sort_keys=True) for digest in sorted(records)]
    part = folder / f"{FILE}.part"
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(part, folder / FILE)
