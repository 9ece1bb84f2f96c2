"""Our side. See `benchmarks.parity.llava_reward.official`."""

from __future__ import annotations

import argparse
from pathlib import Path

from adapters.llava_reward.judge import LlavaReward
from benchmarks.parity.llava_reward.files import FOLDERS, IMAGES, PROMPTS
from benchmarks.parity.materials import prompts
from benchmarks.parity.results import write_scores
from harness.pictures import FilePicture
from harness.records import Image


def judge(folder: Path, name: str) -> LlavaReward:
    """With one of the checkpoints."""
    base = folder / FOLDERS[name][0]
    return LlavaReward(weights=str(folder / name), model=str(base), device="cpu", dtype="float32", batch=3)


def score(folder: Path, images: Path) -> list[list[float]]:
    """A row for each checkpoint, prompt and output, a number an image. Rewards: general preference has no score."""
    paths = sorted(images.iterdir())
    shown = [Image(FilePicture(paths[i], paths[i].name)) for i in IMAGES]
    found = []
    for name in FOLDERS:
        made = judge(folder, name)
        for text in PROMPTS:
            found += made.rewards([prompts()[text]] * len(shown), shown).T.tolist()
    return found


def main() -> None:
    """`ours.py score FOLDER IMAGES OUT.json`, as every other case's."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("command", choices=["score"])
    for name in ("folder", "images", "out"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    write_scores(given.out, given.images, score(given.folder, given.images), LlavaReward.libraries)


if __name__ == "__main__":
    main()
