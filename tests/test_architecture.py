"""Who may import whom, and what the project never says."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "harness": {"harness"},
    "adapters": {"adapters", "harness"},
    "leaderboard": {"leaderboard", "harness"},
    "training": {"training", "adapters", "harness"},
    "pigeval": {"pigeval", "training", "leaderboard", "adapters", "harness"},
}
"""The table of docs/architecture.md. `pigeval` finds judges and parsers by entry point, prompts by import."""


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_arrows_point_down(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        upwards = set(imported(path)) & MAY_IMPORT.keys() - MAY_IMPORT[package]
        assert not upwards, f"{path.relative_to(ROOT)} imports {upwards}"


def test_importing_the_public_face_imports_nothing_heavy() -> None:
    code = "import pigeval, sys; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"numpy", "pandas", "pyarrow", "scipy", "torch", "transformers"} & set(done.stdout.split())


def test_every_public_name_is_there() -> None:
    import pigeval

    for name in pigeval.__all__:
        assert getattr(pigeval, name) is not None


def test_no_file_is_more_than_one_idea_long() -> None:
    for package in MAY_IMPORT:
        for path in (ROOT / package).rglob("*.py"):
            lines = path.read_text(encoding="utf-8").count("\n")
            assert lines <= 400, f"{path.relative_to(ROOT)}: {lines} lines"


def test_nothing_is_announced_that_is_not_there() -> None:
    announced = re.compile(r"\b(TODO|FIXME|XXX|coming soon)\b|NotImplementedError")
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    for path in [*pages, *(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))]:
        assert not announced.search(path.read_text(encoding="utf-8")), path
