"""What both sides score: odd images and prompts, and weights drawn from a seed by name. Needs numpy and Pillow only.

The scripts of the official environments import this file too, so that both sides see the same bytes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

SIZES = (
    (224, 224), (225, 224), (224, 225), (1, 1), (3, 500), (500, 3), (640, 427), (427, 640), (1024, 768), (333, 777),
    (256, 256), (255, 257), (97, 101), (800, 223), (223, 800), (512, 512), (50, 50), (1200, 300), (301, 299),
    (160, 240),
)  # fmt: skip
"""Width and height in pixels of the images; every second one of the last ten is greyscale, every third a JPEG file."""

WORDS = (1, 2, 5, 12, 33, 34, 35, 60, 75, 77, 120, 300)
"""Words of the prompts."""

VOCABULARY = """
    a the of in with cat dog red blue shiny portrait castle ocean neon watercolor, 4k highly-detailed café über 猫
    photo's (masterpiece:1.2) UPPER lower 42 sunset; don't tree-house cinematic bokeh "quoted" naïve 🙂 x
""".split()  # noqa: SIM905


def write_images(folder: Path, seed: int = 0) -> list[Path]:
    """One file for each of `SIZES`: smooth gradients, noise and flat fields."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, (width, height) in enumerate(SIZES):
        picture = PIL.Image.fromarray(_pixels(width, height, np.random.default_rng([seed, index])))
        if index >= 10 and index % 2:
            picture = picture.convert("L")
        suffix = "jpg" if index % 3 == 2 else "png"
        paths.append(folder / f"{index:02d}.{suffix}")
        picture.save(paths[-1], quality=90)
    return paths


def _pixels(width: int, height: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    wave = [np.sin(rng.uniform(2, 30) * (x * rng.normal() + y * rng.normal()) + rng.uniform(0, 6)) for _ in range(3)]
    noise = rng.normal(0, 0.25, (height, width, 3))
    return np.clip((np.stack(wave, axis=-1) + noise + 1) * 127.5, 0, 255).astype(np.uint8)


def prompts(seed: int = 0) -> list[str]:
    """One prompt for each of `WORDS`."""
    rng = np.random.default_rng([seed, 1 << 20])
    return [" ".join(rng.choice(VOCABULARY, size=n).tolist()) for n in WORDS]


def draw(key: str, shape: tuple[int, ...], seed: int = 0, scale: float = 0.05) -> NDArray[np.float32]:
    """Normal numbers that follow from the name, the shape and the seed alone; vectors named weight lie around one."""
    digest = hashlib.sha256(f"{seed}:{key}:{shape}".encode()).digest()
    values = np.random.Generator(np.random.Philox(int.from_bytes(digest[:8], "big"))).standard_normal(shape)
    near = 1.0 if len(shape) == 1 and key.endswith("weight") else 0.0
    return (near + scale * values).astype(np.float32)


def digest_of_folder(folder: Path) -> str:
    """SHA-256 over the names and bytes of the files of a folder: says that both sides scored the same images."""
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        whole.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
