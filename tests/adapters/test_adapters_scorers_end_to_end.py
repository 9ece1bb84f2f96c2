"""Small random encoders over real photographs and real ratings: everything runs, and chance is chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.fewshot import base
from adapters.fewshot.direction import PreferenceDirection
from adapters.fewshot.knn import Knn
from adapters.fewshot.probe import Probe
from adapters.similarity.cosine import CosineSimilarity, DinoScore
from harness.batches import Questions
from harness.datasets.ratings import Ratings
from harness.judge import Judge
from harness.plan import TIE, A
from harness.prepare import prepare
from harness.protocol import Protocol
from harness.records import Comparison, Image
from pigeval import evaluate
from tests.adapters.tiny_vision import Thumbnails, write_dinov2

SEEDS, PAIRS = 120, 80


@pytest.fixture
def dinov2(tmp_path: Path) -> DinoScore:
    return DinoScore(weights=str(write_dinov2(tmp_path / "dinov2")), device="cpu")


def test_a_tiny_dinov2_answers_every_rated_pair(shared_data: Path, dinov2: DinoScore) -> None:
    report = evaluate(dinov2, f"ratings:path={shared_data / 'avt_ai_images'},criterion=image_appeal", limit=400)
    assert set(report.table.status) == {"ok"}
    assert report.counts.n == 400
    assert dinov2.backbone.encoded == 80  # type: ignore[attr-defined]
    assert report.table.score_a.nunique() > 100


def test_a_tiny_dinov2_answers_vipers_examples(shared_data: Path, dinov2: DinoScore) -> None:
    report = evaluate(dinov2, f"viper:path={shared_data / 'viper_metric_examples'}")
    assert set(report.table.status) == {"ok"}
    assert (report.counts.n, dinov2.backbone.encoded) == (8, 16)  # type: ignore[attr-defined]
    again = evaluate(dinov2, f"viper:path={shared_data / 'viper_metric_examples'}")
    assert again.table.score_a.tolist() == report.table.score_a.tolist()


class RandomDual:
    """A random linear map of thumbnails, and a random direction for each text: a CLIP that has learnt nothing."""

    libraries: tuple[str, ...] = ()
    decode, drift, scale = "exact", None, 1.0

    def __init__(self, thumbnails: dict[str, NDArray[np.float32]], seed: int) -> None:
        self._thumbnails = thumbnails
        self._rng = np.random.default_rng(seed)
        self._map = self._rng.normal(size=(len(next(iter(thumbnails.values()))), 8))

    def images(self, images: Sequence[Image]) -> NDArray[np.float64]:
        return np.stack([self._thumbnails[image.digest] @ self._map for image in images])

    def texts(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return self._rng.normal(size=(len(texts), 8))

    def known(self, digests: Sequence[str]) -> set[str]:
        return set()

    def identity(self) -> dict[str, object]:
        return {}


class Blind(RandomDual):
    """Vectors that know nothing of an image: a user's taste cannot show in them."""

    def images(self, images: Sequence[Image]) -> NDArray[np.float64]:
        return self._rng.normal(size=(len(images), 8))


@pytest.fixture(scope="module")
def rated(shared_data: Path) -> tuple[list[Comparison], NDArray[np.bool_], dict[str, NDArray[np.float32]]]:
    """Decisive pairs of real people, whether A was the better one, and thumbnails of all images."""
    data = Ratings(path=str(shared_data / "avt_ai_images"), criterion="image_appeal")
    plan, store = prepare(data, Protocol(limit=PAIRS))
    decisive = np.flatnonzero(plan.gold != TIE)
    comparisons = Questions(plan, store).comparisons(decisive)
    pixels = {image.digest: image for image in map(store.image, range(len(store.keys)))}
    encoder = Thumbnails()
    thumbnails = {digest: encoder.preprocess(image.decode()).flatten().numpy() for digest, image in pixels.items()}
    return comparisons, plan.gold[decisive] == A, thumbnails


def personal(judge: type[PreferenceDirection | Knn | Probe]) -> Callable[[], Judge]:
    return partial(judge, encoder="clip")


@pytest.mark.parametrize(
    ("encoder", "make"),
    [
        (RandomDual, None),
        (Blind, personal(PreferenceDirection)),
        (Blind, personal(Knn)),
        (Blind, personal(Probe)),
        (Blind, "max"),
    ],
    ids=["random-clip", "preference-direction", "knn", "probe", "cosine-max"],
)
def test_an_encoder_that_knows_nothing_is_right_half_the_time(
    encoder: type[RandomDual],
    make: Callable[[], Judge] | str | None,
    rated: tuple[list[Comparison], NDArray[np.bool_], dict[str, NDArray[np.float32]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    comparisons, a_is_better, thumbnails = rated
    if make is None:
        comparisons = [Comparison(c.item, c.id, c.prompt, c.image_a, c.image_b) for c in comparisons]
    accuracies = []
    for seed in range(SEEDS):
        random = encoder(thumbnails, seed)
        monkeypatch.setattr(base, "make_encoder", lambda *_, random=random, **__: random)
        judge = CosineSimilarity(random, make) if isinstance(make, str) else (make or personal(Probe))()
        verdicts = judge.compare(comparisons)
        assert {verdict.winner for verdict in verdicts} == {"A", "B"}
        accuracies.append(
            np.mean([(v.winner == "A") == better for v, better in zip(verdicts, a_is_better, strict=True)])
        )
    error = np.std(accuracies, ddof=1) / np.sqrt(SEEDS)
    assert abs(np.mean(accuracies) - 0.5) <= 3 * error
    assert error < 0.02
