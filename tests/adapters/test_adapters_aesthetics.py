"""LAION aesthetics: one affine map, whatever the layers of the head; shares its vectors with other judges."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from adapters.aesthetics import HEADS, Aesthetics, read_head
from adapters.embeddings import unit
from benchmarks.parity import clip_files
from harness.errors import ConfigError
from harness.records import Comparison
from tests.adapters import tiny
from tests.adapters.asking import answer, noise, question
from tests.adapters.golden import assert_golden

V1_FILE, V2_FILE = HEADS["v1"].file, HEADS["v2"].file


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("aesthetics")
    tiny.write_hf(place / "clip")
    tiny.write_head(place / V2_FILE)
    tiny.write_head(place / V1_FILE, version=1)
    return place


def made(place: Path, version: str = "v2") -> Aesthetics:
    return Aesthetics(weights=str(place), version=version, backbone=str(place / "clip"), device="cpu", cache=False)


def layered(path: Path) -> torch.nn.Sequential:
    widths = (48, 1024, 128, 64, 16, 1)
    linear = [torch.nn.Linear(*pair) for pair in pairwise(widths)]
    stack = torch.nn.Sequential(
        linear[0],
        torch.nn.Dropout(0.2),
        linear[1],
        torch.nn.Dropout(0.2),
        linear[2],
        torch.nn.Dropout(0.1),
        *linear[3:],
    )
    stack.load_state_dict({name.removeprefix("layers."): t for name, t in torch.load(path).items()})
    return stack.eval()


def test_one_map_is_the_layers_multiplied_out(place: Path) -> None:
    weight, bias = read_head(place / V2_FILE)
    vectors = unit(np.random.default_rng(0).normal(size=(50, 48)))
    with torch.no_grad():
        expected = layered(place / V2_FILE).double()(torch.from_numpy(vectors))[:, 0].numpy()
    np.testing.assert_allclose(vectors @ weight + bias, expected, rtol=1e-12, atol=1e-12)
    assert np.ptp(expected) > 0.1


def test_scores_are_those_of_the_normalised_vector(place: Path) -> None:
    judge = made(place)
    verdict = answer(judge, question(noise(1), noise(2)))
    vectors = torch.from_numpy(unit(judge.backbone.images([noise(1), noise(2)]))).float()
    with torch.no_grad():
        expected = layered(place / V2_FILE)(vectors)[:, 0].tolist()
    assert [verdict.score_a, verdict.score_b] == pytest.approx(expected, abs=1e-5)


def test_version_1_is_one_linear_layer(place: Path) -> None:
    judge = made(place, "v1")
    state = torch.load(place / V1_FILE)
    expected = unit(judge.backbone.images([noise(1)])) @ state["weight"][0].double().numpy() + state["bias"].item()
    assert answer(judge, question(noise(1), noise(2))).score_a == pytest.approx(expected[0], abs=1e-6)
    assert judge.identity() != made(place).identity()


def test_the_prompt_is_not_read(place: Path) -> None:
    judge = made(place)
    one, two = (
        answer(judge, Comparison("0" * 32, "0" * 32, prompt, noise(1), noise(2))) for prompt in ("a cat", "a dog")
    )
    assert one == two
    assert judge.backbone.encoded == 2


def refused(path: Path, state: tiny.State, message: str, version: str = "v2") -> None:
    torch.save(state, path)
    with pytest.raises(ConfigError, match=message):
        read_head(path, HEADS[version])


def test_a_head_with_activations_is_refused(tmp_path: Path, place: Path) -> None:
    state = torch.load(place / V2_FILE)
    refused(tmp_path / "ava+logos-l14-reluMSE.pth", state, "trained with activations")
    moved = dict(zip(("layers.0", "layers.3", "layers.6", "layers.9", "layers.11"), (0, 2, 4, 6, 7), strict=True))
    with_relu = {
        f"{name}.{part}": state[f"layers.{old}.{part}"] for name, old in moved.items() for part in ("weight", "bias")
    }
    refused(tmp_path / "head.pth", with_relu, r"holds layers\.0\.bias.*nothing between these layers")


def test_a_wrong_head_is_named(tmp_path: Path, place: Path) -> None:
    state = torch.load(place / V2_FILE)
    refused(tmp_path / "a.pth", {**state, "layers.2.bias": torch.zeros(3)}, r"layers\.2\.bias has shape \(3,\)")
    refused(tmp_path / "b.pth", {**state, "layers.4.weight": torch.zeros(64, 5)}, r"layers\.4\.weight has shape")
    refused(tmp_path / "c.pth", {**state, "extra": torch.zeros(1)}, "holds extra, layers")
    refused(tmp_path / "d.pth", {"weight": torch.zeros(2, 48), "bias": torch.zeros(2)}, r"expected \(1, 48\)", "v1")
    refused(tmp_path / "e.pth", {"weight": torch.zeros(1, 48)}, "holds weight; expected weight, bias", "v1")


def test_the_other_versions_head_is_refused(place: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds bias, weight; expected layers\.0\.weight"):
        Aesthetics(weights=str(place / V1_FILE), backbone=str(place / "clip"), device="cpu")


def test_a_head_for_another_backbone_is_refused(tmp_path: Path, place: Path) -> None:
    head = tiny.write_head(tmp_path / "head.pth", width=512)
    with pytest.raises(ConfigError, match=r"for vectors of width 512; .* 48"):
        Aesthetics(weights=str(head), backbone=str(place / "clip"), device="cpu")


def test_missing_weights_say_where_to_get_them() -> None:
    with pytest.raises(
        ConfigError, match=r"weights is empty; download sac\+logos\+ava1-l14-linearMSE\.pth from github"
    ):
        Aesthetics()


def test_scores_are_those_of_the_official_code(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    state = {name: tensor.half().float() for name, tensor in tiny.openclip_state(clip_files.SMALL_L).items()}
    torch.save(state, tmp_path / "ViT-L-14.pt")
    head = tiny.write_head(tmp_path / V2_FILE, width=768)
    backbone = str(tmp_path / "ViT-L-14.pt")
    judge = Aesthetics(weights=str(head), backbone=backbone, library="open_clip", device="cpu", cache=False)
    assert_golden("laion_aesthetics", judge, tmp_path_factory, 1e-5)
