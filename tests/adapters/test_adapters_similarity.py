from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from adapters.clipscore import ClipScore
from adapters.recent import Recent
from adapters.similarity.cosine import ClipI, CosineSimilarity, DinoScore
from adapters.similarity.lpips import Lpips
from adapters.similarity.pairwise import Pairwise
from adapters.similarity.pms import Pms
from adapters.similarity.ssim import Ssim
from benchmarks.parity.lpips.files import NAME
from benchmarks.parity.lpips.files import write as write_alexnet
from harness.errors import ConfigError
from harness.judge import Hints, Judge
from harness.records import Comparison, Image, Reference, Status
from tests.adapters.asking import answer, liked, noise, plain, question, swapped
from tests.adapters.golden import assert_like_golden
from tests.adapters.tiny import write_hf
from tests.adapters.tiny_vision import Thumbnails, write_dino, write_dinov2

RED, BLUE, GREEN = (noise(seed, colour=c) for seed, c in ((1, (200, 60, 60)), (2, (60, 60, 200)), (3, (60, 200, 60))))
A_RED, A_BLUE = noise(4, colour=(190, 70, 70)), noise(5, (60, 31), colour=(70, 70, 190))
Make = Callable[..., Judge]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hf(tmp_path_factory.mktemp("weights") / "clip")


@pytest.fixture(scope="module", params=["ssim", "lpips", "dinoscore", "dinoscore-v1", "clip-i", "thumbnails"])
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Make:
    """Makes the judge of a name, with tiny weights."""
    folder, cpu = tmp_path_factory.mktemp("weights"), dict[str, Any](device="cpu")
    if request.param == "ssim":
        return lambda **more: Ssim(size=64, **cpu, **more)
    if request.param == "lpips":
        file = str(write_alexnet(folder / "alexnet.pth"))
        return lambda **more: Lpips(weights=file, size=64, **cpu, **more)
    if request.param == "clip-i":
        return lambda **more: ClipI(weights=str(clip), cache=False, **cpu, **more)
    if request.param == "thumbnails":
        return lambda aggregation="mean", **_: CosineSimilarity(Thumbnails(), aggregation)
    weights = str((write_dinov2 if request.param == "dinoscore" else write_dino)(folder / "dino"))
    return lambda **more: DinoScore(weights=weights, cache=False, **cpu, **more)


def alike(judge: Judge, x: Image, y: Image) -> float:
    """The similarity of two images: the score with one liked image and nothing else."""
    score = answer(judge, question(x, x, liked(y))).score_a
    assert score is not None
    return score


def test_preferred_minus_rejected(make: Make) -> None:
    references = (liked(RED, BLUE, GREEN), liked(GREEN), liked(A_RED, RED))
    judge, nearest = make(), make(aggregation="max")
    towards, away = (RED, GREEN, A_RED), (BLUE, GREEN, RED)
    for over, one in ((np.mean, judge), (np.max, nearest)):
        verdict = answer(one, question(A_RED, A_BLUE, *references))
        for x, score in ((A_RED, verdict.score_a), (A_BLUE, verdict.score_b)):
            expected = over([alike(judge, x, y) for y in towards]) - over([alike(judge, x, y) for y in away])
            assert score == pytest.approx(expected, abs=1e-5)


def test_an_image_is_most_like_itself(make: Make) -> None:
    judge = make()
    assert all(alike(judge, x, x) > alike(judge, x, y) for x in (RED, BLUE) for y in (GREEN, A_BLUE))
    assert answer(judge, question(RED, BLUE, liked(RED, BLUE))).winner == "A"
    assert answer(judge, question(RED, BLUE, liked(BLUE, RED))).winner == "B"


def test_liked_images_alone_suffice_and_without_references_it_ties(make: Make) -> None:
    judge = make()
    assert answer(judge, question(A_BLUE, RED, liked(RED))).winner == "B"
    verdict = answer(judge, question(A_BLUE, RED))
    assert (verdict.winner, verdict.score_a, verdict.score_b) == ("tie", 0.0, 0.0)


def test_sides_and_batches_do_not_matter(make: Make) -> None:
    images = [noise(seed, (20 + seed, 70)) for seed in range(10, 15)]
    asked = [question(a, b, liked(RED, BLUE), liked(GREEN)) for a in images for b in images]
    one_by_one = [answer(make(), c) for c in asked[:7]]
    for verdicts in (make().compare(asked), make(batch=3).compare(asked[::-1])[::-1]):
        for got, expected in zip(verdicts, one_by_one, strict=False):
            assert got.score_a == pytest.approx(expected.score_a, abs=1e-5)
    turned = answer(make(), swapped(asked[1]))
    assert (turned.score_b, turned.score_a) == pytest.approx((one_by_one[1].score_a, one_by_one[1].score_b), abs=1e-5)


def test_identity_says_what_matters(make: Make) -> None:
    judge = make()
    told: Any = judge.identity()  # type: ignore[attr-defined]
    assert (told["device"], told["dtype"]) == ("cpu", "float32")
    assert Hints.of(judge).reads_references
    assert {"weights", "device", "batch"} <= set(Hints.of(judge).incidental)


def test_every_aggregation_is_checked(make: Make) -> None:
    with pytest.raises(ConfigError, match="aggregation is 'median'; expected one of mean, max"):
        make(aggregation="median")


def pixels(image: Image, side: int = 64) -> torch.Tensor:
    resized = np.array(image.decode().resize((side, side), 3))
    return torch.from_numpy(resized).permute(2, 0, 1)[None].float() / 255


def test_ssim_is_torchmetrics_with_a_fixed_range() -> None:
    judge = Ssim(size=64, device="cpu")
    expected = structural_similarity_index_measure(pixels(RED), pixels(A_BLUE), data_range=1.0)
    assert alike(judge, RED, A_BLUE) == pytest.approx(float(expected), abs=1e-6)
    assert alike(judge, RED, RED) == pytest.approx(1.0)
    assert -1 <= alike(judge, plain((0, 0, 0)), plain((255, 255, 255))) < 0.01


def test_lpips_is_minus_the_distance_of_the_official_package(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write_alexnet(tmp_path / NAME)
    assert_like_golden("lpips", Lpips(weights=str(tmp_path), device="cpu"), tmp_path_factory, 1e-5)


def test_lpips_refuses_other_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"weights is empty; download alexnet-owt-7be5be79\.pth from"):
        Lpips(device="cpu")
    with pytest.raises(ConfigError, match=r"expected alexnet-owt-7be5be79\.pth; found nothing"):
        Lpips(weights=str(tmp_path), device="cpu")
    file = write_alexnet(tmp_path / "other.pth")
    state = torch.load(file, weights_only=True)
    torch.save({**state, "features.0.weight": torch.zeros(64, 3, 7, 7)}, file)
    with pytest.raises(ConfigError, match=r"features\.0\.weight has shape \(64, 3, 7, 7\); expected \(64, 3, 11, 11\)"):
        Lpips(weights=str(file), device="cpu")
    torch.save({"features.0.weight": state["features.0.weight"]}, file)
    with pytest.raises(ConfigError, match=r"other\.pth: not the expected checkpoint for AlexNet: 9 keys missing"):
        Lpips(weights=str(file), device="cpu")


class Counting(Ssim):
    """Counts what is measured and encoded."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(size=64, device="cpu", **parameters)
        self.measured, self.encoded = 0, 0

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        self.encoded += len(pixels)
        return super().features(pixels)

    def similarities(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        self.measured += len(a)
        return super().similarities(a, b)


def grid() -> tuple[list[Image], list[Comparison]]:
    images = [noise(seed) for seed in range(20, 24)]
    return images, [question(a, b, liked(RED, BLUE)) for a in images for b in images]


def test_each_pair_is_measured_and_each_image_encoded_once() -> None:
    judge, (images, asked) = Counting(batch=3), grid()
    judge.compare(asked)
    judge.compare(asked[::-1])
    assert (judge.measured, judge.encoded) == (2 * len(images), len(images) + 2)
    assert judge.unread([RED.digest, GREEN.digest]) == {GREEN.digest}


def test_little_memory_costs_work_and_no_accuracy() -> None:
    judge, (images, asked) = Counting(batch=3, memory=0.0), grid()
    assert judge.compare(asked) == Counting(batch=3).compare(asked)
    assert judge.encoded > len(images) + 2
    assert judge.unread([RED.digest]) == {RED.digest}


@pytest.mark.parametrize(("key", "value"), [("size", 63), ("size", 2049), ("memory", -1), ("batch", 0)])
def test_numbers_are_checked(key: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"parameter {key} is {value}; expected"):
        Ssim(**{key: value})  # type: ignore[arg-type]


def test_what_is_not_finite_is_a_failure() -> None:
    class Broken(Counting):
        def similarities(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return torch.full((len(a),), float("nan"))

    assert answer(Broken(), question(RED, BLUE, liked(GREEN))).status is Status.NON_FINITE


def test_clamped_clip_takes_opposite_images_as_unlike(clip: Path) -> None:
    free, clamped = (ClipI(weights=str(clip), clamp=clamp, device="cpu", cache=False) for clamp in (False, True))
    assert (free.similarity(-0.5), clamped.similarity(-0.5), clamped.similarity(0.5)) == (-0.5, 0.0, 0.5)


def past(*prompts: str) -> Sequence[Reference]:
    return [Reference(prompt, (RED,), (BLUE,)) for prompt in prompts]


def test_pms_is_text_align_with_past_prompts(clip: Path) -> None:
    common: dict[str, Any] = {"weights": str(clip), "device": "cpu", "cache": False}
    text_align = ClipScore(variant="tailored-visions", **common)

    def fit(prompt: str, image: Image) -> float:
        score = answer(text_align, Comparison("0" * 32, "0" * 32, prompt, image, image)).score_a
        assert score is not None
        return score

    prompts = ("a red house", "", "a blue cat " * 60)
    for aggregation, over in (("mean", np.mean), ("max", np.max)):
        verdict = answer(Pms(aggregation=aggregation, **common), question(A_RED, A_BLUE, *past(*prompts)))
        expected = [float(over([fit(prompt, image) for prompt in prompts])) for image in (A_RED, A_BLUE)]
        assert [verdict.score_a, verdict.score_b] == pytest.approx(expected, abs=1e-6)


def test_pms_ties_without_a_past(clip: Path) -> None:
    judge = Pms(weights=str(clip), device="cpu", cache=False)
    verdict = answer(judge, question(A_RED, A_BLUE))
    assert (verdict.winner, verdict.score_a) == ("tie", 0.0)
    assert (judge.score(-0.3), judge.score(0.3)) == (0.0, 0.75)


def test_recent_lets_go_of_what_was_used_longest_ago() -> None:
    kept: Recent[str, int] = Recent(10, size=float)
    for key, value in (("a", 4), ("b", 3)):
        kept.put(key, value)
    assert kept.get("a") == 4
    kept.put("c", 5)
    assert (kept.get("a"), "b" in kept, kept.get("c")) == (4, False, 5)
    kept.put("d", 11)
    assert not any(key in kept for key in "abcd")


def test_a_pairwise_judge_says_what_it_needs() -> None:
    hints = Hints.of(Ssim)
    assert (hints.reads_references, hints.reads_once) == (True, False)
    assert hints.incidental == Pairwise.incidental
    assert "torchmetrics" in hints.libraries
