"""The corpus as the tests see it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from adapters.parsers import PARSERS, POINT_PARSERS
from adapters.parsers.points import Point
from harness.records import Verdict
from tests.adapters.parsers.corpus_phrases import noise

FOLDER = Path(__file__).with_name("corpus")
_HOLE = re.compile(r"\{\{(noise|plain) (\d+) (\d+)\}\}")


@dataclass(frozen=True)
class Case:
    """One output, and what one parser must make of it."""

    id: str
    family: str
    kind: str
    text: str
    parser: str
    expected: Mapping[str, Any]

    @property
    def decidable(self) -> bool:
        return "status" not in self.expected

    def is_met(self, read: Verdict | Point) -> bool:
        """Whether an answer is the expected one; `failure` stands for any status but ok."""
        decided = read.winner if isinstance(read, Verdict) else read.score
        status = self.expected.get("status", "ok")
        right = read.status.value == status or (status == "failure" and decided is None)
        named = self.expected.get("winner", self.expected.get("score"))
        return right and decided == named and set(self.expected["flags"]) <= set(read.flags)

    def read(self) -> Verdict | Point:
        text = _HOLE.sub(_noise, self.text)
        if self.parser in POINT_PARSERS:
            return POINT_PARSERS[self.parser].parse(text)
        return PARSERS[self.parser].parse(text)


def _noise(hole: re.Match[str]) -> str:
    made = noise(int(hole[2]), int(hole[3]))
    return re.sub(r"[{}\[\]]", "", made) if hole[1] == "plain" else made


@cache
def corpus() -> tuple[Case, ...]:
    """All cases but those of `second`, one for each parser that has an expected value."""
    paths = [path for path in sorted(FOLDER.glob("*.jsonl")) if path.stem != "second"]
    return (*(case for path in paths for case in _of_file(path)), *_by_hand())


def second() -> list[Case]:
    """The cases of `second.jsonl`: written verdicts behind written reasoning."""
    return list(_of_file(FOLDER / "second.jsonl"))


def _of_file(path: Path) -> Iterator[Case]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(line)
        for parser, expected in row["expected"].items():
            yield Case(
                f"{path.stem}:{number}", row.get("family", path.stem), row["kind"], row["text"], parser, expected
            )


def _by_hand() -> Iterator[Case]:
    written = tomllib.loads((FOLDER / "by_hand.toml").read_text(encoding="utf-8"))["case"]
    for number, row in enumerate(written, 1):
        result = {key: row[key] for key in ("winner", "score", "status") if key in row}
        expected = {"flags": row.get("flags", [])} | (result or {"status": "unparseable"})
        text = row["text"].removeprefix("\n")
        yield Case(f"by hand:{number}", row["parser"], row["kind"], text, row["parser"], expected)
