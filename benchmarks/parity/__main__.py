"""`python -m benchmarks.parity [NAME ...]`: our judges against the official modules, each in an environment of its own.

A folder beside this file that holds `requirements.txt`, `official.py` and `ours.py` is a case:

    official.py make FOLDER [--small]          writes a checkpoint of drawn weights in the official file format
    official.py score FOLDER IMAGES OUT.json   scores every image for every prompt, along the official path
    ours.py score FOLDER IMAGES OUT.json       the same with our judge, in this environment

Both import `benchmarks.parity.materials` and write with `benchmarks.parity.results`. Environments are kept in the cache
folder by the hash of their requirements. Exit status 1 when a case is out of tolerance or failed. `--golden` keeps what
the official side of each case gave, for the tests that compare with it where no such environment is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from benchmarks.parity import materials
from harness.store import cache_folder

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GOLDEN = ROOT / "tests" / "adapters" / "golden"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far apart the two sides are."""

    name: str
    images: int
    prompts: int
    difference: float
    """Largest |ours - official|."""
    relative: float
    """Largest |ours - official| / max(1, |official|); what the tolerance limits."""
    tolerance: float

    @property
    def within(self) -> bool:
        """Whether it is small enough; NaN is not."""
        return self.relative <= self.tolerance


def cases() -> list[str]:
    """The names of all cases."""
    return sorted(path.parent.name for path in HERE.glob("*/official.py"))


def python_of(requirements: Path) -> Path:
    """The interpreter of the environment of a requirements file, made when it is not there."""
    text = requirements.read_bytes() + b"%d.%d" % sys.version_info[:2]
    folder = cache_folder() / "parity" / hashlib.sha256(text).hexdigest()[:16]
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        if uv := shutil.which("uv"):
            _call([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
            _call([uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(requirements)])
        else:
            _call([sys.executable, "-m", "venv", str(folder)])
            _call([str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)])
        (folder / "ready").touch()
    return python


def run_case(name: str, images: Path, small: bool, golden: bool) -> Outcome:
    """Both sides of a case. Raises `CalledProcessError` when one of them fails."""
    python = str(python_of(HERE / name / "requirements.txt"))
    script = str(HERE / name / "official.py")
    with tempfile.TemporaryDirectory(prefix=f"parity-{name}-") as work:
        folder, official, ours = Path(work) / "weights", Path(work) / "official.json", Path(work) / "ours.json"
        _call([python, script, "make", str(folder), *(["--small"] if small else [])])
        _call([python, script, "score", str(folder), str(images), str(official)])
        if golden:
            GOLDEN.mkdir(exist_ok=True)
            shutil.copy(official, GOLDEN / f"{name}.json")
        module = f"benchmarks.parity.{name}.ours"
        _call([sys.executable, "-m", module, "score", str(folder), str(images), str(ours)])
        return compared(name, json.loads(official.read_text()), json.loads(ours.read_text()))


def compared(name: str, official: dict[str, Any], ours: dict[str, Any]) -> Outcome:
    """The outcome of a case from the two files. Raises `ValueError` when the sides did not score the same things."""
    expected, got = np.asarray(official["scores"], np.float64), np.asarray(ours["scores"], np.float64)
    if official["images"] != ours["images"] or expected.shape != got.shape:
        raise ValueError(f"{name}: the sides scored different things: shapes {expected.shape} and {got.shape}")
    gap = np.abs(got - expected)
    relative = gap / np.maximum(1, np.abs(expected))
    return Outcome(name, expected.shape[1], expected.shape[0], gap.max(), relative.max(), ours["tolerance"])


def _call(command: Sequence[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    subprocess.run(command, check=True, cwd=ROOT, env=environment)


def _shown(outcome: Outcome) -> list[object]:
    verdict = "equal" if outcome.within else "DIFFERENT"
    return [outcome.name, outcome.images, outcome.prompts, outcome.difference, outcome.relative, outcome.tolerance,
            verdict]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"cases: {', '.join(cases())} (default: all)")
    parser.add_argument("--full", action="store_true", help="official sizes instead of reduced ones; takes hours")
    parser.add_argument("--golden", action="store_true", help=f"keep the official scores in {GOLDEN.relative_to(ROOT)}")
    given = parser.parse_args(arguments)
    if given.golden and given.full:
        parser.error("--golden keeps scores of reduced sizes; leave out --full")
    if wrong := [name for name in given.names if name not in cases()]:
        parser.error(f"no case {', '.join(wrong)}; there are {', '.join(cases())}")
    outcomes, failed = [], []
    with tempfile.TemporaryDirectory(prefix="parity-images-") as work:
        images = Path(work)
        materials.write_images(images)
        for name in given.names or cases():
            try:
                outcomes.append(run_case(name, images, not given.full, given.golden))
            except (subprocess.CalledProcessError, ValueError) as error:
                failed.append(f"{name} failed: {error}")
    headers = ["case", "images", "prompts", "max |diff|", "max |diff|/max(1,|score|)", "tolerance", "verdict"]
    print(tabulate([_shown(outcome) for outcome in outcomes], headers, tablefmt="github"))
    print(*failed, sep="\n", file=sys.stderr)
    return int(bool(failed) or not all(outcome.within for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
