"""ImageReward beside outputs of the official package, and what the judge promises besides its numbers.

The golden file is written by `benchmarks/parity/imagereward/official.py golden` in the official environment.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torchvision import transforms

from adapters.imagereward import judge as judging
from adapters.imagereward.checkpoint import read_tokenizer
from adapters.imagereward.judge import ImageReward, preprocessing
from adapters.imagereward.network import ImageRewardNetwork, attend
from benchmarks.parity.imagereward.files import PUBLISHED, SMALL, TEXTS, TOKENIZER, digest_of_shapes, write_checkpoint
from benchmarks.parity.imagereward.ours import judge as made
from benchmarks.parity.imagereward.ours import shapes_of
from benchmarks.parity.materials import prompts, write_images
from harness.errors import ImageError
from harness.judge import Hints
from harness.pictures import BytesPicture, FilePicture
from harness.records import Comparison, Image
from tests.adapters.asking import noise, swapped

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden").joinpath("imagereward.json").read_text())
IMAGES = [noise(seed, (40 + seed, 64)) for seed in range(5)]
SHORT, LONG = "a cat", "red dog in the ocean " * 9


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imagereward")
    write_checkpoint(folder, shapes_of(SMALL), SMALL)
    return folder


@pytest.fixture
def judge(checkpoint: Path) -> ImageReward:
    return made(checkpoint)


def question(prompt: str, a: Image, b: Image) -> Comparison:
    return Comparison("0" * 32, "0" * 32, prompt, a, b)


@pytest.mark.parametrize(("name", "config", "tensors"), [("small", SMALL, 101), ("published", PUBLISHED, 615 + 10)])
def test_takes_every_tensor_of_the_official_module(name: str, config: dict[str, Any], tensors: int) -> None:
    assert len(shapes_of(config)) == tensors
    assert digest_of_shapes(shapes_of(config)) == GOLDEN["shapes"][name]


def test_cuts_texts_into_the_official_pieces(checkpoint: Path) -> None:
    tokenizer = read_tokenizer(checkpoint / TOKENIZER / "vocab.txt", SMALL["vocab_size"])
    assert [tokenizer.encode(text).ids for text in TEXTS] == GOLDEN["pieces"]
    assert max(len(pieces) for pieces in GOLDEN["pieces"]) == 35


def test_scores_as_the_official_package_does(judge: ImageReward, tmp_path: Path) -> None:
    write_images(tmp_path)
    # What a JPEG file decodes to depends on the library that wrote it here.
    columns = [column for column, name in enumerate(GOLDEN["names"]) if name.endswith("png")]
    images = [Image(FilePicture(tmp_path / GOLDEN["names"][column], "")) for column in columns]
    pairs = [(prompt, image) for prompt in prompts() for image in images]
    scores = judge.score(*zip(*pairs, strict=True)).reshape(len(prompts()), len(images))
    official = np.array(GOLDEN["scores"])[:, columns]
    assert official.std(axis=1).min() > 0.5, "images must differ for this to mean something"
    assert np.abs(scores - official).max() < 1e-4
    assert judge.encoded == len(images)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(224, 224), (333, 225), (97, 401), (1, 1), (640, 226)])
def test_pixels_are_the_official_ones_bit_for_bit(mode: str, size: tuple[int, int], tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    path = tmp_path / "x.png"
    PIL.Image.fromarray(pixels).convert(mode).save(path)
    # The official order: files of one channel become RGB after the crop (`ImageReward.py`, `_transform`).
    resized = transforms.Resize(224, interpolation=transforms.InterpolationMode.BICUBIC)(PIL.Image.open(path))
    cropped = transforms.ToTensor()(transforms.CenterCrop(224)(resized).convert("RGB"))
    mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    expected = transforms.Normalize(mean, std)(cropped)
    assert torch.equal(preprocessing()(Image(FilePicture(path, "")).decode()), expected)


def test_scores_depend_neither_on_batches_nor_on_padding(checkpoint: Path) -> None:
    pairs = [(prompt, image) for image in IMAGES for prompt in (SHORT, LONG, "", "x" * 400)]
    together = made(checkpoint).score(*zip(*pairs, strict=True))
    singly = made(checkpoint, batch=1).score(*zip(*pairs, strict=True))
    other = made(checkpoint, batch=3).score(*zip(*pairs[::-1], strict=True))[::-1]
    scale = np.maximum(1, np.abs(together))
    assert (np.abs(together - singly) / scale).max() < 1e-5
    assert (np.abs(together - other) / scale).max() < 1e-5


def test_excluded_keys_have_no_weight_as_with_the_official_bias() -> None:
    query, key, value = torch.randn(3, 2, 7, 12, generator=torch.Generator().manual_seed(0)).unbind()
    real = torch.tensor([[1, 1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0, 0]], dtype=torch.bool)[:, None, None]
    heads = [x.reshape(2, 7, 3, 4).transpose(1, 2) for x in (query, key, value)]
    weights = (heads[0] @ heads[1].mT / 2 + (1 - real.float()) * -10000.0).softmax(-1)
    official = (weights @ heads[2]).transpose(1, 2).flatten(2)
    assert torch.allclose(attend(query, key, value, 3, real), official, rtol=0, atol=1e-6)


def test_cuts_a_prompt_after_33_pieces_and_takes_an_empty_one(judge: ImageReward) -> None:
    same = "cat " * 33
    cut = judge.score([same, same + "dog", "dog " + same], IMAGES[:1] * 3)
    assert cut[0] == pytest.approx(cut[1], abs=1e-6)
    assert cut[0] != pytest.approx(cut[2], abs=1e-3)
    assert np.isfinite(judge.score([""], IMAGES[:1])).all()


def test_an_image_is_decoded_and_encoded_once_over_all_pairs_and_orders(
    judge: ImageReward, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    decode = Image.decode

    def counted(self: Image) -> PIL.Image.Image:
        decoded.append(self.digest)
        return decode(self)

    monkeypatch.setattr(Image, "decode", counted)
    asked = [question(SHORT, a, b) for a in IMAGES for b in IMAGES] + [question(LONG, *IMAGES[:2])]
    for comparison in [*asked, *map(swapped, asked)]:
        judge.compare([comparison])
    assert sorted(decoded) == sorted(image.digest for image in IMAGES)
    assert judge.encoded == len(IMAGES)
    assert Hints.of(judge).reads_once


def test_keeps_the_tokens_of_the_latest_images(judge: ImageReward, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = judge.score([SHORT] * 5, IMAGES)
    monkeypatch.setattr(judging, "KEPT", 2)
    order = [0, 1, 2, 3, 4, 0, 4, 3]
    assert judge.score([SHORT] * 8, [IMAGES[i] for i in order]) == pytest.approx(expected[order], abs=1e-5)
    assert judge.unread([image.digest for image in IMAGES]) == {image.digest for image in IMAGES[:3]}
    # The first two were still there, the other three had to make room and were encoded again.
    assert judge.encoded == 5 + 3


def test_goes_on_with_smaller_batches_when_memory_runs_out(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = [SHORT, LONG, "dog", "neon", ""]
    expected = made(checkpoint).score(prompts, IMAGES)
    see = ImageRewardNetwork.see

    def scarce(self: ImageRewardNetwork, pixels: torch.Tensor) -> torch.Tensor:
        if len(pixels) > 2:
            raise torch.OutOfMemoryError
        return see(self, pixels)

    monkeypatch.setattr(ImageRewardNetwork, "see", scarce)
    assert made(checkpoint).score(prompts, IMAGES) == pytest.approx(expected, abs=1e-5)
    assert "out of memory with 5 images" in capsys.readouterr().err


def test_a_file_that_is_no_image_is_found_before_anything_is_encoded(judge: ImageReward) -> None:
    broken = Image(BytesPicture(b"no image"))
    with pytest.raises(ImageError, match="not an image"):
        judge.score([SHORT] * 6, [*IMAGES, broken])
    assert judge.encoded == 0


def test_half_precision_stays_near_and_is_another_identity(checkpoint: Path) -> None:
    full, half = made(checkpoint), made(checkpoint, dtype="bfloat16")
    gap = np.abs(full.score([LONG] * 5, IMAGES) - half.score([LONG] * 5, IMAGES))
    assert 0 < gap.max() < 0.5
    assert full.identity() != half.identity()
    assert full.identity() == made(checkpoint, batch=7).identity()


def test_weights_elsewhere_are_the_same_run_and_other_weights_another(checkpoint: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "same", shapes_of(SMALL), SMALL)
    write_checkpoint(tmp_path / "other", shapes_of(SMALL), SMALL, seed=1)
    assert made(tmp_path / "same").identity() == made(checkpoint).identity()
    assert made(tmp_path / "other").identity() != made(checkpoint).identity()


def test_a_vocabulary_beside_the_weights_is_taken(checkpoint: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, shapes_of(SMALL), SMALL)
    (tmp_path / TOKENIZER / "vocab.txt").rename(tmp_path / "vocab.txt")
    alone = ImageReward(weights=str(tmp_path), tokenizer="not/used", device="cpu")
    assert alone.score([LONG], IMAGES[:1]) == made(checkpoint).score([LONG], IMAGES[:1])
