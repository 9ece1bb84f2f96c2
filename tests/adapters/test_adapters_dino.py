from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from torchvision import transforms
from transformers import BitImageProcessorPil, Dinov2Model, ViTModel

from adapters.backbones.dino import Dino, find_dino
from adapters.devices import Device
from harness.errors import ConfigError
from tests.adapters.asking import noise
from tests.adapters.tiny_vision import rewrite, set_key, write_dino, write_dinov2

IMAGES = [noise(seed, shape) for seed, shape in enumerate([(40, 40), (33, 70), (200, 31), (28, 28), (1, 9)])]


@pytest.fixture(scope="module")
def dinov2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dinov2(tmp_path_factory.mktemp("weights") / "dinov2")


@pytest.fixture(scope="module")
def dino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dino(tmp_path_factory.mktemp("weights") / "dino")


@pytest.fixture
def copy(dinov2: Path, tmp_path: Path) -> Path:
    return shutil.copytree(dinov2, tmp_path / "copy")


def opened(folder: Path, batch: int = 32) -> Dino:
    return Dino(find_dino(str(folder)), Device("cpu", batch=batch), cache=False)


def test_dinov2_gives_the_librarys_pooled_output(dinov2: Path) -> None:
    model, process = Dinov2Model.from_pretrained(dinov2), BitImageProcessorPil.from_pretrained(dinov2)
    pixels = [process(images=image.decode(), return_tensors="pt")["pixel_values"] for image in IMAGES]
    assert {tuple(p.shape) for p in pixels} == {(1, 3, 28, 28)}
    with torch.inference_mode():
        expected = np.concatenate([model.eval()(p).pooler_output.numpy() for p in pixels])
    assert np.allclose(opened(dinov2).images(IMAGES), expected, atol=1e-6)


def test_dino_gives_the_class_token_after_its_own_transform(dino: Path) -> None:
    transform = transforms.Compose([
        transforms.Resize(32, interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(28),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ])  # fmt: skip
    model = ViTModel.from_pretrained(dino).eval()
    with torch.inference_mode():
        expected = model(torch.stack([transform(image.decode()) for image in IMAGES])).last_hidden_state[:, 0].numpy()
    assert np.allclose(opened(dino).images(IMAGES), expected, atol=1e-6)


def test_vectors_do_not_depend_on_batches(dinov2: Path) -> None:
    whole, single = opened(dinov2).images(IMAGES), opened(dinov2, batch=1).images(IMAGES)
    assert np.abs(whole - single).max() <= 1e-5 * max(1.0, float(np.abs(whole).max()))


def test_greyscale_and_colour_of_one_picture_are_one(dinov2: Path) -> None:
    grey = IMAGES[0].decode().convert("L")
    backbone = opened(dinov2)
    assert torch.equal(backbone.preprocess(grey), backbone.preprocess(PIL.Image.merge("RGB", (grey, grey, grey))))


def test_identity_names_weights_and_preprocessing(dinov2: Path, dino: Path, tmp_path: Path) -> None:
    first = opened(dinov2).identity()
    other = opened(write_dinov2(tmp_path / "other", seed=1)).identity()
    assert first["weights"] != other["weights"]
    assert first["preprocessing"]["size"] == {"shortest_edge": 32}
    assert opened(dino).identity()["preprocessing"]["edge"] == 32


def test_keys_and_shapes_are_accounted_for(copy: Path) -> None:
    file = copy / "model.safetensors"
    rewrite(file, extra=torch.zeros(1))
    with pytest.raises(ConfigError, match=r"model\.safetensors: .*Dinov2Model: 1 keys left over \(extra\)"):
        opened(copy)
    rewrite(file, extra=None, layernorm__bias=None)
    with pytest.raises(ConfigError, match=r"1 keys missing \(layernorm\.bias\)"):
        opened(copy)
    rewrite(file, layernorm__bias=torch.zeros(31))
    with pytest.raises(ConfigError, match=r"layernorm\.bias has shape \(31,\); expected \(32,\)"):
        opened(copy)


def test_a_pickle_with_code_is_not_run(copy: Path) -> None:
    class Touch:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (copy / "ran",))

    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(pickle.dumps(Touch()))
    with pytest.raises(ConfigError, match=r"pytorch_model\.bin: not a checkpoint of plain tensors"):
        opened(copy)
    assert not (copy / "ran").exists()


def test_what_is_missing_is_named(copy: Path, tmp_path: Path) -> None:
    (copy / "preprocessor_config.json").unlink()
    with pytest.raises(ConfigError, match=r"expected preprocessor_config\.json; found config\.json"):
        opened(copy)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"expected config\.json; found nothing"):
        opened(tmp_path / "empty")
    with pytest.raises(ConfigError, match=r"a file; expected a folder that holds config\.json"):
        find_dino(str(copy / "config.json"))


def test_a_config_of_another_model_is_refused(copy: Path) -> None:
    set_key(copy / "config.json", "model_type", "clip")
    with pytest.raises(ConfigError, match="model_type is 'clip'; expected 'dinov2' or, for DINO, 'vit'"):
        opened(copy)
    (copy / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"config\.json: .*expected the config of a DINO model"):
        opened(copy)


def test_without_network_the_next_step_is_said() -> None:
    with pytest.raises(ConfigError, match=r"nobody/nothing at abc cannot be had .* give weights=FOLDER"):
        find_dino("nobody/nothing@abc")
