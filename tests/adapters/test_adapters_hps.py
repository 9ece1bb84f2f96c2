"""HPS: cosines without scale, the right preprocessing for each version, and the official scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch

from adapters.embeddings import unit
from adapters.hps import V2_FILES, HpsV1, HpsV2
from benchmarks.parity import clip_files
from harness.errors import ConfigError
from harness.records import Comparison
from tests.adapters import tiny
from tests.adapters.asking import answer, noise
from tests.adapters.golden import assert_golden

PROMPTS = ["a cat", "", " ".join(["long"] * 300), " ".join(["longer"] * 300)]
WIDE = noise(1, (40, 90))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("hps")
    for name in V2_FILES.values():
        tiny.write_bare(folder / name, tiny.HPS, "state_dict")
    tiny.write_bare(folder / "hpc.pth", inside="state_dict")
    return folder


def asked(prompt: str) -> Comparison:
    return Comparison("0" * 32, "0" * 32, prompt, WIDE, noise(2))


@pytest.mark.parametrize(("judge_class", "config"), [(HpsV1, tiny.OPENAI), (HpsV2, tiny.HPS)])
def test_the_score_is_the_cosine_without_scale(
    folder: Path, judge_class: type[HpsV1 | HpsV2], config: dict[str, object]
) -> None:
    judge = judge_class(weights=str(folder), device="cpu", cache=False)
    model = open_clip.CLIP(**config).eval()
    model.load_state_dict(tiny.openclip_state(config))
    with torch.no_grad():
        texts = unit(model.encode_text(open_clip.tokenize(PROMPTS)).numpy())
        image = unit(model.encode_image(judge.backbone.preprocess(WIDE.decode())[None]).numpy())
    for prompt, text in zip(PROMPTS, texts, strict=True):
        verdict = answer(judge, asked(prompt))
        assert verdict.score_a == pytest.approx(float(text @ image[0]), abs=1e-6)
        assert verdict.p_a is None


def test_version_1_crops_and_version_2_letterboxes(folder: Path) -> None:
    one, two = (judge(weights=str(folder), device="cpu", cache=False) for judge in (HpsV1, HpsV2))
    bar = two.backbone.preprocess(WIDE.decode())[:, 0]
    assert torch.equal(bar, bar[:, :1].expand(3, 32))
    top = one.backbone.preprocess(WIDE.decode())[:, 0]
    assert not torch.equal(top, top[:, :1].expand(3, 32))
    assert one.identity() != two.identity()


@pytest.mark.parametrize("judge_class", [HpsV1, HpsV2])
def test_long_prompts_are_cut_and_score_by_what_they_say(folder: Path, judge_class: type[HpsV1 | HpsV2]) -> None:
    judge = judge_class(weights=str(folder), device="cpu", cache=False)
    one, two = (answer(judge, asked(prompt)).score_a for prompt in PROMPTS[-2:])
    assert one != two
    tokens = open_clip.tokenize(PROMPTS[-1])
    assert tokens[0, -1] == tokens.max() == 49407


def test_the_version_picks_the_checkpoint(tmp_path: Path, folder: Path) -> None:
    state = tiny.openclip_state(tiny.HPS)
    torch.save({"state_dict": state}, tmp_path / V2_FILES["v2.0"])
    torch.save({"state_dict": {**state, "visual.proj": state["visual.proj"].flip(0)}}, tmp_path / V2_FILES["v2.1"])
    old, new = (HpsV2(weights=str(tmp_path), version=v, device="cpu", cache=False) for v in ("v2.0", "v2.1"))
    assert old.identity() != new.identity()
    assert answer(old, asked("a cat")).score_a != answer(new, asked("a cat")).score_a
    single = HpsV2(weights=str(tmp_path / V2_FILES["v2.1"]), version="v2.1", device="cpu", cache=False)
    assert answer(single, asked("a cat")) == answer(new, asked("a cat"))


def test_the_other_versions_checkpoint_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"checkpoint of another version; expected HPS_v2_compressed\.pt"):
        HpsV2(weights=str(folder / V2_FILES["v2.1"]), version="v2.0", device="cpu")
    with pytest.raises(ConfigError, match=r"parameter version is 'v3'; expected one of v2\.0, v2\.1"):
        HpsV2(weights=str(folder), version="v3")


def test_missing_weights_say_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"download hpc\.pth by the link .*tgxs002/align_sd"):
        HpsV1()
    with pytest.raises(
        ConfigError, match="xswu/HPSv2 at 697403c78157020a1ae59d23f111aa58ced35b0a cannot be had from the hub"
    ):
        HpsV2()
    (tmp_path / "other.txt").touch()
    with pytest.raises(ConfigError, match=r"expected HPS_v2_compressed\.pt; found other\.txt"):
        HpsV2(weights=str(tmp_path))


def test_a_base_model_is_no_checkpoint_of_hps(tmp_path: Path) -> None:
    torch.save({"state_dict": tiny.hf_state()}, tmp_path / V2_FILES["v2.0"])
    with pytest.raises(ConfigError, match=r"not a CLIP in open_clip's layout: visual\.conv1\.weight is missing"):
        HpsV2(weights=str(tmp_path), device="cpu")


def test_version_2_scores_are_those_of_the_official_code(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tiny.write_bare(tmp_path / V2_FILES["v2.0"], clip_files.SMALL_H, "state_dict")
    assert_golden("hpsv2", HpsV2(weights=str(file), device="cpu", cache=False), tmp_path_factory, 1e-5)


def test_version_1_scores_are_those_of_the_official_code(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    state = {name: tensor.half().float() for name, tensor in tiny.openclip_state(clip_files.SMALL_L).items()}
    torch.save({"state_dict": state}, tmp_path / "hpc.pth")
    judge = HpsV1(weights=str(tmp_path / "hpc.pth"), device="cpu", cache=False)
    assert_golden("hpsv1", judge, tmp_path_factory, 1e-5)
    assert np.isclose(judge.backbone.scale, 100, rtol=1e-3)
