"""Images as they are shown to a model."""

from __future__ import annotations

import base64
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import PIL.Image
import pytest
from PIL.PngImagePlugin import PngInfo

from adapters.engines.pictures import ImagePolicy, Pictures, encoded, prepared
from harness.errors import ConfigError, ImageError
from harness.pictures import AbsentPicture, BytesPicture
from harness.records import Image
from tests.adapters.engines.asking_endpoint import image
from tests.harness.making import pixels


def opened(content: bytes) -> PIL.Image.Image:
    with PIL.Image.open(io.BytesIO(content)) as picture:
        picture.load()
        return picture


def test_png_keeps_every_pixel_and_nothing_else_of_the_file() -> None:
    note = PngInfo()
    note.add_text("parameters", "drawn by a certain model")
    buffer = io.BytesIO()
    pixels("noted").save(buffer, "PNG", pnginfo=note)
    media, content = encoded(Image(BytesPicture(buffer.getvalue())), ImagePolicy())
    assert media == "image/png"
    assert np.array_equal(np.asarray(opened(content)), np.asarray(pixels("noted")))
    assert b"certain model" not in content


@pytest.mark.parametrize("form", ["png", "jpeg"])
@pytest.mark.parametrize("max_pixels", [None, 20])
def test_prepared_is_what_encoded_decodes_to(form: str, max_pixels: int | None) -> None:
    policy = ImagePolicy(form, max_pixels=max_pixels)
    picture = image("one")
    media, content = encoded(picture, policy)
    assert media == f"image/{form}"
    assert opened(content).format == form.upper()
    assert np.array_equal(np.asarray(opened(content)), np.asarray(prepared(picture, policy)))
    assert encoded(picture, policy)[1] == content


def test_quality_matters_for_jpeg_only() -> None:
    good, poor = (encoded(image("one", (64, 64)), ImagePolicy("jpeg", quality))[1] for quality in (95, 20))
    assert len(poor) < len(good)
    assert ImagePolicy("jpeg", 20).identity() == {"format": "jpeg", "quality": 20, "max_pixels": None}
    assert ImagePolicy("png", 20).identity() == ImagePolicy("png", 95).identity()


@pytest.mark.parametrize(
    ("size", "max_pixels", "expected"),
    [
        ((80, 60), 4800, (80, 60)),
        ((80, 60), 1200, (40, 30)),
        ((80, 60), 1199, (39, 29)),
        ((300, 1), 50, (50, 1)),
        ((1, 300), 50, (1, 50)),
        ((5, 5), 1, (1, 1)),
    ],
)
def test_larger_images_are_made_smaller_in_proportion(
    size: tuple[int, int], max_pixels: int, expected: tuple[int, int]
) -> None:
    assert prepared(image("any", size), ImagePolicy(max_pixels=max_pixels)).size == expected


@pytest.mark.parametrize("wrong", [{"format": "webp"}, {"quality": 0}, {"max_pixels": 0}, {"quality": 95.0}])
def test_wrong_policies_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        ImagePolicy(**wrong)


class Counting(BytesPicture):
    """Counts how often it was decoded."""

    decoded: list[str] = []  # noqa: RUF012 - shared by all, emptied by each test

    def decode(self) -> PIL.Image.Image:
        self.decoded.append(self.name)
        return super().decode()


def counting(name: str) -> Image:
    return Image(Counting(encoded(image(name), ImagePolicy())[1], name))


def test_an_image_is_encoded_once_however_many_threads_want_it() -> None:
    Counting.decoded.clear()
    pictures = Pictures(ImagePolicy())
    wanted = [counting(name) for name in "abc" for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        urls = {sent.url for sent in pool.map(pictures.__getitem__, wanted)}
    assert sorted(Counting.decoded) == ["a", "b", "c"]
    assert len(urls) == 3


def test_what_is_sent_is_a_data_url_and_its_size() -> None:
    sent = Pictures(ImagePolicy(max_pixels=12))[image("one", (8, 6))]
    prefix, _, content = sent.url.partition(",")
    assert prefix == "data:image/png;base64"
    assert opened(base64.b64decode(content)).size == (sent.width, sent.height) == (4, 3)


def test_memory_is_bounded_and_what_was_used_last_is_kept() -> None:
    Counting.decoded.clear()
    size = len(Pictures(ImagePolicy())[counting("a")].url)
    Counting.decoded.clear()
    pictures = Pictures(ImagePolicy(), memory=2 * size + size // 2)
    for name in "abacab":  # c puts b out, which is then encoded again and puts c out.
        pictures[counting(name)]
    assert Counting.decoded == ["a", "b", "c", "b"]


def test_an_image_that_cannot_be_read_fails_each_time() -> None:
    pictures = Pictures(ImagePolicy())
    for _ in range(2):
        with pytest.raises(ImageError, match="without images"):
            pictures[Image(AbsentPicture("gone"))]
