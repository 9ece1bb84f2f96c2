"""Writes tests/adapters/golden/imagereward.json. Run in the official environment: PYTHONPATH=. python golden.py OUT."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.parity.imagereward.files import LENGTH, PUBLISHED, TEXTS, digest_of_shapes, write_checkpoint
from benchmarks.parity.imagereward.official import DISTRIBUTIONS, make, module_of, score, shapes_of
from benchmarks.parity.materials import write_images
from benchmarks.parity.results import write_scores


def golden(out: Path) -> None:
    """Scores and word pieces at the reduced size, names and shapes of the tensors at both sizes."""
    with TemporaryDirectory() as work:
        small, published, images = (Path(work, name) for name in ("small", "published", "images"))
        write_images(images)
        make(small, small=True)
        write_scores(out, images, score(small, images), DISTRIBUTIONS)
        write_checkpoint(published, {}, PUBLISHED)
        tokenizer = module_of(small).blip.tokenizer
        found = {
            **json.loads(out.read_text()),
            "names": sorted(path.name for path in images.iterdir()),
            "pieces": [tokenizer(text, truncation=True, max_length=LENGTH).input_ids for text in TEXTS],
            "shapes": {folder.name: digest_of_shapes(shapes_of(folder)) for folder in (small, published)},
        }
    out.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    golden(Path(sys.argv[1]))
