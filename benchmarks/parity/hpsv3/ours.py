"""Our side. See `benchmarks.parity.asking`."""

from __future__ import annotations

from pathlib import Path

from adapters.hpsv3.judge import HPSv3
from adapters.prompts.official import fetch
from benchmarks.parity.asking import main


def judge(folder: Path) -> HPSv3:
    """With the official prompt, taken from the source file of the installed package."""
    for name in ("hps-v3", "hps-v3-closing"):
        fetch(name, folder / "prompts.py")
    return HPSv3(weights=str(folder), processor=str(folder / "base"), device="cpu", dtype="float32", batch=1)


if __name__ == "__main__":
    main(judge, HPSv3.libraries)
