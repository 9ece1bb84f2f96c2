"""The images of a stage, by digest."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from adapters.engines.pictures import ImagePolicy, encoded
from harness.errors import DataError
from harness.records import Image


class Pictures:
    """PNG files in a folder, each named after the digest of its image."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._here: set[str] = set()

    def keep(self, image: Image) -> str:
        """Writes the image unless it is there; the value is its digest. Raises `ImageError`."""
        digest = image.digest
        if digest in self._here:
            return digest
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(digest)
        if not path.exists():
            part = path.with_suffix(f".{os.getpid()}.part")
            part.write_bytes(encoded(image, ImagePolicy())[1])
            os.replace(part, path)
        self._here.add(digest)
        return digest

    def path(self, digest: str) -> Path:
        """Where an image is, or would be."""
        return self.folder / f"{digest}.png"

    def check(self, digests: Iterable[str]) -> None:
        """Raises `DataError` when an image is missing."""
        missing = sorted({digest for digest in digests if not self.path(digest).is_file()})
        if missing:
            raise DataError(
                f"{self.folder} lacks {len(missing)} images, {missing[0]}.png first; run the stage that writes it with "
                "--fresh, or copy the files back"
            )
