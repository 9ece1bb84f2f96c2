"""CLIP backbones: equal to their libraries, shared through the cache, safe against what happens to files."""

from __future__ import annotations

import io
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import PIL.Image
import pytest
import torch
import torchvision.transforms as tv
from safetensors.torch import save_file

from adapters.backbones.clip import load_clip
from adapters.backbones.hf_clip import HfClip, find_hf_clip
from adapters.backbones.letterbox import letterbox
from adapters.backbones.openclip import OPENAI, OpenClip, find_openclip
from adapters.devices import Device
from adapters.embeddings import unit
from harness.errors import ConfigError
from harness.pictures import BytesPicture
from harness.records import Image
from tests.adapters import tiny
from tests.adapters.asking import encoded, noise

CPU = Device("cpu", batch=4)
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
SIZES = [(32, 32), (33, 32), (1, 1), (3, 200), (200, 3), (97, 101), (31, 64), (64, 31), (300, 32)]
LONG = [" ".join(f"{word} {n}" for n in range(80)) for word in ("cat", "dog")]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def hf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_hf(tmp_path_factory.mktemp("hf") / "clip")


@pytest.fixture(scope="module")
def openclip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_openclip(tmp_path_factory.mktemp("openclip") / "clip")


@pytest.fixture(scope="module")
def hf_clip(hf: Path) -> HfClip | OpenClip:
    return load_clip(str(hf), "transformers", CPU, cache=False)


@pytest.fixture(scope="module")
def open_clip_clip(openclip: Path) -> HfClip | OpenClip:
    return load_clip(str(openclip), "open_clip", CPU, cache=False)


def picture(width: int, height: int) -> PIL.Image.Image:
    values = np.random.default_rng([width, height]).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return PIL.Image.fromarray(values)


def jpeg(seed: int, size: tuple[int, int] = (400, 300)) -> Image:
    x, y = np.meshgrid(np.linspace(0, 6, size[0]), np.linspace(0, 6, size[1]))
    waves = [np.sin(x * (seed + channel) + y) * 90 + 128 for channel in range(3)]
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.stack(waves, axis=-1).astype(np.uint8)).save(buffer, "JPEG", quality=95)
    return Image(BytesPicture(buffer.getvalue()))


IMAGES = [encoded(picture(*size)) for size in SIZES]


# --- equal to the libraries -------------------------------------------------------------------------------------------


def test_vectors_are_those_of_transformers(hf: Path) -> None:
    ours = load_clip(str(hf), "transformers", CPU, cache=False)
    from transformers import CLIPImageProcessorPil, CLIPTokenizer

    theirs = tiny.official_hf(hf)
    pixels = CLIPImageProcessorPil.from_pretrained(hf)(images=[i.decode() for i in IMAGES], return_tensors="pt")
    texts = ["a cat", "", *LONG]
    tokens = CLIPTokenizer.from_pretrained(hf)(texts, padding=True, truncation=True, max_length=77, return_tensors="pt")
    with torch.no_grad():
        out = theirs(**pixels, **tokens)
    np.testing.assert_allclose(unit(ours.images(IMAGES)), out.image_embeds.numpy(), atol=1e-6)
    np.testing.assert_allclose(unit(ours.texts(texts)), out.text_embeds.numpy(), atol=1e-6)
    assert ours.scale == pytest.approx(100, rel=1e-6)


def test_vectors_are_those_of_open_clip(openclip: Path) -> None:
    ours = load_clip(str(openclip), "open_clip", CPU, cache=False)
    theirs, transform = open_clip.create_model_from_pretrained(f"local-dir:{openclip}")
    texts = ["a cat", "", *LONG]
    with torch.no_grad():
        image_vectors = theirs.eval().encode_image(torch.stack([transform(i.decode()) for i in IMAGES]))
        text_vectors = theirs.encode_text(open_clip.tokenize(texts))
    np.testing.assert_allclose(ours.images(IMAGES), image_vectors.numpy(), atol=1e-5)
    np.testing.assert_allclose(ours.texts(texts), text_vectors.numpy(), atol=1e-5)


@pytest.mark.parametrize("inside", ["", "state_dict"])
def test_a_bare_state_dict_is_the_same_model_as_its_folder(tmp_path: Path, openclip: Path, inside: str) -> None:
    bare = tiny.write_bare(tmp_path / "ViT.pt", inside=inside)
    images, texts = IMAGES[:3], ["a cat"]
    one, two = (load_clip(str(place), "open_clip", CPU, cache=False) for place in (bare, openclip))
    np.testing.assert_array_equal(one.images(images), two.images(images))
    np.testing.assert_array_equal(one.texts(texts), two.texts(texts))


def test_a_wide_bare_state_dict_is_one_of_laions() -> None:
    from adapters.backbones.openclip import sizes

    with torch.device("meta"):
        state = open_clip.CLIP(**open_clip.get_model_config("ViT-H-14")).state_dict()
    found = sizes(state, Path("H.bin"))
    official = open_clip.get_model_config("ViT-H-14")
    assert found["quick_gelu"] is False
    assert official["vision_cfg"].items() <= found["vision_cfg"].items()
    assert official["text_cfg"].items() <= found["text_cfg"].items()
    assert found["vision_cfg"]["mlp_ratio"] == found["text_cfg"]["mlp_ratio"] == 4.0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_centre_crop_is_openais_bit_for_bit(
    hf_clip: HfClip, open_clip_clip: OpenClip, size: tuple[int, int], mode: str
) -> None:
    bicubic = tv.InterpolationMode.BICUBIC
    official = tv.Compose([tv.Resize(32, bicubic), tv.CenterCrop(32), lambda image: image.convert("RGB"),
                           tv.ToTensor(), tv.Normalize(MEAN, STD)])  # fmt: skip
    file = picture(*size).convert(mode)
    expected, image = official(file), encoded(file).decode()
    assert torch.equal(open_clip_clip.preprocess(image), expected)
    # transformers multiplies by 1/255 where torchvision divides: the last bit of a float may differ.
    torch.testing.assert_close(hf_clip.preprocess(image), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("place", ["hf", "openclip"])
def test_leaving_out_the_text_tower_changes_no_vector(request: pytest.FixtureRequest, place: str) -> None:
    library = {"hf": "transformers", "openclip": "open_clip"}[place]
    folder = str(request.getfixturevalue(place))
    whole, half = (load_clip(folder, library, CPU, text=text, cache=False) for text in (True, False))
    np.testing.assert_array_equal(whole.images(IMAGES[:3]), half.images(IMAGES[:3]))
    assert whole.identity() == half.identity()
    with pytest.raises(AssertionError, match="without its text tower"):
        half.texts(["a cat"])


@pytest.mark.parametrize("place", ["hf", "openclip"])
def test_vectors_do_not_depend_on_the_batch(request: pytest.FixtureRequest, place: str) -> None:
    library = {"hf": "transformers", "openclip": "open_clip"}[place]
    folder = str(request.getfixturevalue(place))
    one, many = (load_clip(folder, library, Device("cpu", batch=batch), cache=False) for batch in (1, 64))
    np.testing.assert_allclose(one.images(IMAGES), many.images(IMAGES), atol=1e-5)
    np.testing.assert_allclose(one.texts(["a cat", *LONG]), many.texts(["a cat", *LONG]), atol=1e-5)


def test_half_precision_is_another_identity_and_near(openclip: Path) -> None:
    full, half = (
        load_clip(str(openclip), "open_clip", Device("cpu", dtype), cache=False) for dtype in ("float32", "bfloat16")
    )
    assert full.identity() != half.identity()
    assert (unit(full.images(IMAGES)) * unit(half.images(IMAGES))).sum(axis=1).min() > 0.99


# --- the letterbox ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "left", "top", "width", "height"), [
    ((64, 32), 0, 8, 32, 16),
    ((32, 64), 8, 0, 16, 32),
    ((64, 30), 0, 8, 32, 15),  # 17 rows of padding: 8 above, 9 below
    ((16, 16), 0, 0, 32, 32),
    ((32, 10), 0, 11, 32, 10),  # longest edge fits already
    ((1000, 1), 0, 15, 32, 1),
])  # fmt: skip
def test_letterbox_pads_with_zeros_before_normalising(
    size: tuple[int, int], left: int, top: int, width: int, height: int
) -> None:
    out = letterbox(PIL.Image.new("RGB", size, (255, 255, 255)), 32, MEAN, STD)
    bar, white = (torch.tensor([(value - m) / s for m, s in zip(MEAN, STD, strict=True)]) for value in (0.0, 1.0))
    expected = bar[:, None, None].expand(3, 32, 32).clone()
    expected[:, top : top + height, left : left + width] = white[:, None, None]
    torch.testing.assert_close(out, expected)


def test_letterbox_resizes_the_float_tensor_with_antialiasing() -> None:
    image = picture(100, 80)
    tensor = torch.nn.functional.interpolate(
        tv.functional.to_tensor(image)[None], (26, 32), mode="bicubic", antialias=True, align_corners=False
    )[0]
    torch.testing.assert_close(letterbox(image, 32, MEAN, STD)[:, 3:29], tv.functional.normalize(tensor, MEAN, STD))


# --- what is refused --------------------------------------------------------------------------------------------------


class Code:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("exit 1",)


def edited(state: tiny.State, **changes: Any) -> tiny.State:
    changes = {name.replace("__", "."): value for name, value in changes.items()}
    return {name: tensor for name, tensor in {**state, **changes}.items() if tensor is not None}


@pytest.mark.parametrize(("changes", "message"), [
    ({"ln_final__bias": None}, r"model\.bin: .* 1 keys missing \(ln_final\.bias\)"),
    ({"head__weight": torch.zeros(2)}, r"model\.bin: .* 1 keys left over \(head\.weight\)"),
    ({"ln_final__bias": torch.zeros(3)}, r"model\.bin: ln_final\.bias has shape \(3,\); expected \(64,\)"),
    ({"visual__conv1__weight": None}, r"model\.bin: .*visual\.conv1\.weight is missing"),
])  # fmt: skip
def test_a_wrong_open_clip_checkpoint_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    torch.save(edited(tiny.openclip_state(), **changes), tmp_path / "model.bin")
    with pytest.raises(ConfigError, match=message):
        OpenClip(tmp_path / "model.bin", CPU, layout=OPENAI)


@pytest.mark.parametrize(("changes", "message"), [
    ({"text_projection__weight": None}, r"model\.safetensors: .* 1 keys missing \(text_projection\.weight\)"),
    ({"head__weight": torch.zeros(2)}, r"1 keys left over \(head\.weight\)"),
    ({"logit_scale": torch.zeros(3)}, r"logit_scale has shape \(3,\); expected \(\)"),
])  # fmt: skip
def test_a_wrong_transformers_checkpoint_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    folder = tiny.write_hf(tmp_path / "clip")
    save_file(edited(tiny.hf_state(), **changes), folder / "model.safetensors")
    with pytest.raises(ConfigError, match=message):
        load_clip(str(folder), "transformers", CPU)


def test_buffers_of_older_versions_are_no_error(tmp_path: Path) -> None:
    folder = tiny.write_hf(tmp_path / "clip")
    (folder / "model.safetensors").unlink()
    old = {"text_model__embeddings__position_ids": torch.arange(77)[None]}
    torch.save(edited(tiny.hf_state(), **old), folder / "pytorch_model.bin")
    assert load_clip(str(folder), "transformers", CPU, cache=False).images(IMAGES[:1]).shape == (1, 48)


def test_configs_as_openai_published_them_are_read(tmp_path: Path, hf: Path, hf_clip: HfClip) -> None:
    folder = tiny.write_hf(tmp_path / "clip")
    pixels = {"crop_size": 32, "do_center_crop": True, "do_normalize": True, "do_resize": True, "resample": 3,
              "size": 32, "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": MEAN,
              "image_std": STD}  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    config = json.loads((folder / "config.json").read_text())
    old: dict[str, Any] = {
        "model_type": "clip_text_model",
        "pruned_heads": {},
        "torch_dtype": None,
        "top_k": 50,
        "eos_token_id": 2,
    }
    config = {
        **config,
        "text_config": {**config["text_config"], **old},
        "text_config_dict": None,
        "torch_dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config))
    one, texts = load_clip(str(folder), "transformers", CPU, cache=False), ["a cat", *LONG]
    np.testing.assert_array_equal(one.images(IMAGES[:2]), hf_clip.images(IMAGES[:2]))
    np.testing.assert_array_equal(one.texts(texts), hf_clip.texts(texts))


def test_a_pickle_with_code_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(pickle.dumps({"state_dict": Code()}))
    with pytest.raises(ConfigError, match=r"model\.pt: not a checkpoint of plain tensors"):
        load_clip(str(tmp_path / "model.pt"), "open_clip", CPU)


@pytest.mark.parametrize("library", ["transformers", "open_clip"])
def test_an_empty_folder_and_an_unreachable_hub_say_what_is_expected(tmp_path: Path, library: str) -> None:
    with pytest.raises(ConfigError, match=r"expected (model|open_clip_model)\.safetensors or .*; found nothing"):
        load_clip(str(tmp_path), library, CPU)
    with pytest.raises(ConfigError, match=r"weights nobody/nothing at abc cannot be had from the hub .* give weights="):
        load_clip("nobody/nothing@abc", library, CPU)
    with pytest.raises(ConfigError, match=r"weights './no-folder': no such file or folder"):
        load_clip("./no-folder", library, CPU)


@pytest.mark.parametrize("missing", ["config.json", "preprocessor_config.json", "vocab.json"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    folder = tiny.write_hf(tmp_path / "clip")
    (folder / missing).unlink()
    with pytest.raises(ConfigError, match=rf"expected .*{missing}"):
        load_clip(str(folder), "transformers", CPU)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("config.json", "{", "config of a CLIP model"),
    ("config.json", '{"model_type": "blip"}', "model_type is 'blip'; expected 'clip'"),
    ("preprocessor_config.json", "{", "config of CLIP's image processor"),
    ("preprocessor_config.json", '{"crop_size": 64, "size": 64}', "crops to 64 × 64 pixels; expected 32 × 32"),
    ("vocab.json", "{", "no CLIP tokenizer"),
])  # fmt: skip
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    folder = tiny.write_hf(tmp_path / "clip")
    (folder / name).write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_clip(str(folder), "transformers", CPU)


@pytest.mark.parametrize(("config", "message"), [
    ({}, "expected JSON with model_cfg"),
    ({"model_cfg": {**tiny.OPENAI, "text_cfg": {"hf_model_name": "x"}}}, "hf_model_name is set"),
    ({"model_cfg": {**tiny.OPENAI, "odd": 1}}, "open_clip cannot make a model"),
])  # fmt: skip
def test_a_config_open_clip_has_no_towers_for_is_refused(tmp_path: Path, config: Any, message: str) -> None:
    folder = tiny.write_openclip(tmp_path / "clip")
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match=message):
        load_clip(str(folder), "open_clip", CPU)


def test_a_file_is_no_folder_of_transformers(hf: Path) -> None:
    with pytest.raises(ConfigError, match=r"a file; expected a folder that holds config\.json"):
        find_hf_clip(str(hf / "model.safetensors"))


# --- memory -----------------------------------------------------------------------------------------------------------


def test_a_batch_that_does_not_fit_is_halved_and_nothing_is_lost(
    hf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [noise(seed) for seed in range(11)]
    expected = load_clip(str(hf), "transformers", CPU, cache=False).images(images)
    tried: list[int] = []

    def forward(self: HfClip, pixels: torch.Tensor) -> torch.Tensor:
        tried.append(len(pixels))
        if len(pixels) > 2:
            raise torch.OutOfMemoryError
        return whole(self, pixels)

    whole = HfClip.forward_images
    monkeypatch.setattr(HfClip, "forward_images", forward)
    small = load_clip(str(hf), "transformers", Device("cpu", batch=8), cache=False)
    np.testing.assert_allclose(small.images(images), expected, atol=1e-6)
    assert tried == [8, 4, 2, 2, 2, 2, 2, 1]
    assert "out of memory with 8 images at once; going on with 4" in capsys.readouterr().err
    monkeypatch.setattr(HfClip, "forward_images", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError()))
    with pytest.raises(torch.OutOfMemoryError):
        small.images(images[:1])


# --- the faster decode ------------------------------------------------------------------------------------------------


def test_fast_decode_is_another_identity_reports_its_drift_and_is_near(hf: Path) -> None:
    images = [jpeg(seed) for seed in range(10)]
    exact, fast = (load_clip(str(hf), "transformers", CPU, decode=way, cache=False) for way in ("exact", "fast"))
    assert exact.identity() != fast.identity()
    assert exact.cache.path != fast.cache.path
    slow, quick = unit(exact.images(images)), unit(fast.images(images))
    assert not np.array_equal(slow, quick)
    gaps = 1 - (slow * quick).sum(axis=1)
    assert gaps.max() < 1e-2
    assert fast.drift is not None
    assert fast.drift == pytest.approx(gaps[:8].max(), abs=1e-6)
    assert exact.drift is None


def test_fast_decode_changes_nothing_for_png(hf: Path) -> None:
    exact, fast = (load_clip(str(hf), "transformers", CPU, decode=way, cache=False) for way in ("exact", "fast"))
    np.testing.assert_array_equal(exact.images(IMAGES), fast.images(IMAGES))
    assert fast.drift == pytest.approx(0, abs=1e-9)


def test_a_hub_folder_with_an_old_checkpoint_only_is_asked_for_that_one(
    hf: Path, openclip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    asked: list[list[str]] = []

    def download(repository: str, **options: Any) -> str:
        asked.append(options["allow_patterns"])
        return str({"a/hf": hf, "a/openclip": openclip, "a/old": hf.parent}[repository])

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    find_hf_clip("a/hf")
    find_openclip("a/openclip")
    assert len(asked) == 2
    assert not any(name.endswith(".bin") for names in asked for name in names)
    find_hf_clip("a/old")
    find_openclip("a/old")
    assert ["pytorch_model.bin" in names or "open_clip_pytorch_model.bin" in names for names in asked[2:]] == [
        False, True, False, True,
    ]  # fmt: skip
