from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from adapters.features import features
from adapters.fewshot import base
from adapters.fewshot.base import FewShot
from adapters.fewshot.direction import PreferenceDirection
from adapters.fewshot.encoders import ENCODERS, Features, make_encoder
from adapters.fewshot.fitting import fit
from adapters.fewshot.knn import Knn
from adapters.fewshot.probe import Probe
from adapters.pickscore import PickScore
from adapters.similarity.cosine import CosineSimilarity, DinoScore
from harness.errors import ConfigError
from harness.identity import source_digest
from harness.judge import Hints
from harness.records import Comparison, Image, Reference, Status
from tests.adapters.asking import answer, liked, noise, plain, question, swapped
from tests.adapters.tiny import write_hf
from tests.adapters.tiny_vision import Thumbnails, write_dinov2

Vector = NDArray[np.float64]

RED, BLUE, GREEN = (noise(seed, colour=c) for seed, c in ((1, (200, 60, 60)), (2, (60, 60, 200)), (3, (60, 200, 60))))
A_RED, A_BLUE = noise(4, colour=(190, 70, 70)), noise(5, (60, 31), colour=(70, 70, 190))
REFERENCES = (liked(RED, BLUE, GREEN), liked(GREEN, A_BLUE))
JUDGES: list[type[FewShot]] = [PreferenceDirection, Knn, Probe]


class Dual(Thumbnails):
    """Reads texts too: a text's vector lies in a direction that its length says."""

    scale = 10.0

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.read.extend(texts)
        return np.stack([np.random.default_rng(len(text)).normal(size=16) for text in texts]).astype(np.float32)


@pytest.fixture
def dual(monkeypatch: pytest.MonkeyPatch) -> Dual:
    """Stands behind every encoder's name."""
    encoder = Dual()
    monkeypatch.setattr(base, "make_encoder", lambda name, weights, **options: encoder)
    return encoder


def x(image: Image) -> Vector:
    vector = features(image.decode())
    return vector / np.linalg.norm(vector)


def made(judge: type[FewShot], **parameters: Any) -> FewShot:
    return judge(**{"encoder": "features", **parameters})


@pytest.mark.parametrize("judge", JUDGES)
class TestEvery:
    def test_prefers_what_is_like_the_preferred(self, judge: type[FewShot]) -> None:
        for_red = question(A_RED, A_BLUE, liked(RED, BLUE))
        assert answer(made(judge), for_red).winner == "A"
        assert answer(made(judge), swapped(for_red)).winner == "B"
        assert answer(made(judge), question(A_RED, A_BLUE, liked(BLUE, RED))).winner == "B"

    def test_liked_images_alone_suffice(self, judge: type[FewShot]) -> None:
        assert answer(made(judge), question(A_BLUE, A_RED, liked(RED))).winner == "B"

    def test_without_references_or_between_equal_images_it_ties(self, judge: type[FewShot]) -> None:
        verdict = answer(made(judge), question(A_RED, A_BLUE))
        assert (verdict.winner, verdict.score_a, verdict.score_b) == ("tie", 0.0, 0.0)
        assert answer(made(judge), question(A_RED, A_RED, *REFERENCES)).winner == "tie"

    def test_order_of_asking_does_not_matter(self, judge: type[FewShot]) -> None:
        images = [noise(seed) for seed in range(10, 14)]
        asked = [question(a, b, *REFERENCES) for a in images for b in images]
        one_by_one = [answer(made(judge), c) for c in asked]
        one = made(judge)
        assert one.compare(asked[::-1])[::-1] == one_by_one
        assert one.compare(asked) == one_by_one

    def test_order_of_references_does_not_matter(self, judge: type[FewShot]) -> None:
        there, back = (answer(made(judge), question(A_RED, A_BLUE, *r)) for r in (REFERENCES, REFERENCES[::-1]))
        assert there.score_a == pytest.approx(back.score_a, abs=1e-9)

    def test_identity_and_hints(self, judge: type[FewShot], dual: Dual) -> None:
        told = made(judge).identity()
        assert told["encoder"] == source_digest(Dual)
        assert told["seed"] == 0
        assert Hints.of(judge).reads_references
        assert {"weights", "device", "batch", "cache"} <= set(Hints.of(judge).incidental)

    def test_a_network_stands_behind_a_name(self, judge: type[FewShot], tmp_path: Path) -> None:
        weights = str(write_dinov2(tmp_path / "dinov2"))
        one = judge(encoder="dinov2", weights=weights, device="cpu", cache=False)
        assert isinstance(one.backbone, type(DinoScore(weights=weights, device="cpu").backbone))
        assert answer(one, question(RED, BLUE, liked(RED, BLUE))).winner == "A"


def test_direction_is_the_difference_of_means() -> None:
    verdict = answer(made(PreferenceDirection), question(A_RED, A_BLUE, *REFERENCES))
    direction = (x(RED) + x(GREEN)) / 2 - (x(BLUE) + x(GREEN) + x(A_BLUE)) / 3
    assert [verdict.score_a, verdict.score_b] == pytest.approx([x(A_RED) @ direction, x(A_BLUE) @ direction])


def test_direction_is_the_mean_similarity_of_one_backbone(dual: Dual) -> None:
    asked = question(A_RED, A_BLUE, *REFERENCES)
    alike = answer(CosineSimilarity(dual, "mean"), asked)
    assert answer(made(PreferenceDirection), asked).score_a == pytest.approx(alike.score_a)


def test_nearest_references_vote_by_their_nearness() -> None:
    asked = question(A_RED, A_BLUE, *REFERENCES)
    votes = {RED: 1.0, BLUE: -1.0, A_BLUE: -1.0}
    cosines = {image: float(x(image) @ x(A_RED)) for image in (RED, BLUE, GREEN, A_BLUE)}
    # Green stands on both sides: its votes cancel whether or not it is among the nearest.
    ordered = sorted(votes, key=lambda image: -cosines[image])
    for k in (1, 4, 5, 50):
        voters = [*ordered, GREEN, GREEN]
        voters = sorted(voters, key=lambda image: -cosines[image])[:k]
        expected = sum(votes.get(image, 0.0) * np.exp((cosines[image] - 1) / 0.5) for image in voters)
        assert answer(made(Knn, k=k, temperature=0.5), asked).score_a == pytest.approx(expected)


def test_an_image_on_both_sides_never_decides_by_its_place() -> None:
    asked = question(RED, GREEN, liked(RED, RED))
    assert answer(made(Knn, k=1), asked).winner == "tie"


def test_probe_is_at_the_minimum_of_its_loss(dual: Dual) -> None:
    strength, weight = 3.0, 0.5
    asked = question(A_RED, A_BLUE, *REFERENCES)
    verdict = answer(made(Probe, strength=strength, prior_weight=weight), asked)
    vector = {image: v / np.linalg.norm(v) for image in (RED, BLUE, GREEN, A_RED, A_BLUE)
              for v in dual.images([image]).astype(np.float64)}  # fmt: skip

    def general(prompt: str, image: Image) -> float:
        text = dual.texts([prompt])[0].astype(np.float64)
        return float(weight * dual.scale * vector[image] @ text / np.linalg.norm(text))

    pairs = [(RED, BLUE, 0.5), (RED, GREEN, 0.5), (GREEN, A_BLUE, 1.0)]
    differences = np.stack([vector[p] - vector[r] for p, r, _ in pairs])
    offsets = np.array([general("a past prompt", p) - general("a past prompt", r) for p, r, _ in pairs])
    w = fit(differences, offsets, np.array([weight for *_, weight in pairs]), strength)
    scores = [general("a prompt", image) + w @ vector[image] for image in (A_RED, A_BLUE)]
    assert [verdict.score_a, verdict.score_b] == pytest.approx(scores, abs=1e-4)
    assert verdict.p_a == pytest.approx(1 / (1 + np.exp(scores[1] - scores[0])), abs=1e-4)


def test_probe_without_references_is_the_general_score(dual: Dual, tmp_path: Path) -> None:
    verdict = answer(made(Probe), question(A_RED, A_BLUE))
    assert verdict.winner != "tie"
    assert abs(verdict.score_a or 0) <= dual.scale
    assert dual.read == ["a prompt"]
    nothing = answer(made(Probe, prior_weight=0.0), question(A_RED, A_BLUE))
    assert (nothing.winner, nothing.p_a) == ("tie", 0.5)
    assert dual.read == ["a prompt"]


def test_probe_on_pickscore_begins_from_pickscore(tmp_path: Path) -> None:
    weights: dict[str, Any] = {"weights": str(write_hf(tmp_path / "clip")), "device": "cpu", "cache": False}
    probe, pickscore = Probe(encoder="pickscore", **weights), PickScore(**weights)
    alone, official = (answer(judge, question(A_RED, A_BLUE)) for judge in (probe, pickscore))
    assert [alone.score_a, alone.score_b, alone.p_a] == pytest.approx(
        [official.score_a, official.score_b, official.p_a]
    )
    moved = answer(probe, question(A_RED, A_BLUE, liked(BLUE, RED)))
    assert (moved.p_a or 0) < (alone.p_a or 1)
    assert probe.identity()["weights"] == pickscore.identity()["weights"]


def test_liked_images_alone_have_no_general_score(dual: Dual) -> None:
    """A general score of some tens beside nothing would leave nothing to learn."""
    dual.scale = 1000.0
    alone = answer(made(Probe), question(A_RED, A_BLUE)).score_a
    taught = answer(made(Probe), question(A_RED, A_BLUE, liked(A_RED))).score_a
    assert (taught or 0) - (alone or 0) > 0.5


def test_stronger_is_further_from_the_prior(dual: Dual) -> None:
    asked = question(A_RED, A_BLUE, liked(A_RED, A_BLUE))
    gaps = [answer(made(Probe, strength=s, prior_weight=0.0), asked).score_a for s in (0.01, 0.1, 1.0, 10.0)]
    assert gaps == sorted(gaps, key=lambda score: score or 0)
    assert gaps[0] == pytest.approx(0.0, abs=1e-3)


class TestFit:
    def test_solves_the_equations_of_the_minimum(self) -> None:
        rng = np.random.default_rng(0)
        for n, d, strength in ((3, 50, 2.0), (40, 5, 30.0), (1, 1, 0.1), (12, 300, 1000.0)):
            x, offsets, weights = rng.normal(size=(n, d)), rng.normal(0, 3, n), rng.uniform(0.1, 1, n)
            w = fit(x, offsets, weights, strength)
            pull = x.T @ (weights / (1 + np.exp(offsets + x @ w)))
            assert np.abs(w / strength**2 - pull).max() <= 1e-9

    def test_one_difference_has_a_known_answer(self) -> None:
        """w = s² sigmoid(-w) for a difference of one: 0.5 log 3 = s² / (1 + sqrt 3) at w = log(3) / 2."""
        w = np.log(3) / 2
        strength = np.sqrt(w * (1 + np.exp(w)))
        assert fit(np.ones((1, 1)), np.zeros(1), np.ones(1), strength) == pytest.approx(w)

    def test_equal_images_teach_nothing(self) -> None:
        assert not fit(np.zeros((2, 4)), np.zeros(2), np.ones(2), 2.0).any()

    def test_far_off_starts_converge(self) -> None:
        w = fit(np.full((2, 3), 50.0), np.array([-4000.0, 4000.0]), np.ones(2), 1000.0)
        assert np.isfinite(w).all()

    def test_refuses_what_is_not_finite(self) -> None:
        with pytest.raises(ArithmeticError, match="2 differences that are not all finite"):
            fit(np.full((2, 3), np.nan), np.zeros(2), np.ones(2), 1.0)


def test_a_vector_of_length_zero_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Zero(Thumbnails):
        def forward_images(self, pixels: torch.Tensor) -> torch.Tensor:
            return 0 * super().forward_images(pixels)

    monkeypatch.setattr(base, "make_encoder", lambda *_, **__: Zero())
    for judge in (PreferenceDirection, Knn):
        assert answer(made(judge), question(RED, BLUE, liked(GREEN))).status is Status.NON_FINITE
    with pytest.raises(ArithmeticError):
        answer(made(Probe), question(RED, BLUE, liked(GREEN)))


def test_features_need_no_torch() -> None:
    code = (
        "import sys; from adapters.fewshot import direction, knn, probe\n"
        "made = [cls(encoder='features') for cls in (direction.PreferenceDirection, knn.Knn, probe.Probe)]\n"
        "print([name for name in ('torch', 'transformers', 'open_clip') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_features_are_those_of_the_taste_judge() -> None:
    assert np.array_equal(Features().images([RED, plain((9, 9, 9))])[0], features(RED.decode()))
    assert Features().known([RED.digest]) == set()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"encoder": "vgg"}, "encoder is 'vgg'; expected one of features, clip"),
        ({"encoder": "features", "weights": "x"}, "reads no weights and decodes exactly"),
        ({"encoder": "features", "decode": "fast"}, "reads no weights and decodes exactly"),
        ({"strength": 0}, r"strength is 0; expected a number from 0\.001 to 1000"),
        ({"prior_weight": -1}, "prior_weight is -1; expected a number from 0 to 100"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Probe(**parameters)


@pytest.mark.parametrize("parameters", [{"k": 0}, {"k": 2.5}, {"temperature": 0}])
def test_wrong_numbers_of_a_vote_are_named(parameters: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"parameter (k|temperature) is .*; expected a"):
        Knn(encoder="features", **parameters)


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adapters.hps", None)
    with pytest.raises(ConfigError, match=r"encoder=hps-v2: .*pip install 'pigeval\[scorers\]'"):
        make_encoder("hps-v2", "")


def test_every_name_is_a_judge_with_a_backbone() -> None:
    for name in set(ENCODERS) - {"features", "clip", "pickscore", "dinov2"}:
        with pytest.raises(ConfigError, match="nothing/here"):
            make_encoder(name, "/nothing/here", device="cpu")


def test_prompts_are_read_once(dual: Dual) -> None:
    references = (Reference("one", (RED,), (BLUE,)), Reference("two", (GREEN,), (RED,)))
    asked = [Comparison("0" * 32, "0" * 32, prompt, A_RED, A_BLUE, references) for prompt in ("one", "three")]
    judge = made(Probe)
    judge.compare(asked)
    judge.compare(asked)
    assert dual.read == ["one", "two", "three"]
