"""What is said about files of ImageReward that are wrong."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters.imagereward.checkpoint import read_sizes
from adapters.imagereward.judge import ImageReward
from adapters.imagereward.network import Sizes
from benchmarks.parity.imagereward.files import PUBLISHED, SMALL, TOKENIZER, write_checkpoint
from benchmarks.parity.imagereward.ours import shapes_of
from harness.errors import ConfigError

State = dict[str, torch.Tensor]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path, shapes_of(SMALL), SMALL)
    return tmp_path


def load(folder: Path, **parameters: Any) -> ImageReward:
    return ImageReward(**{"weights": str(folder), "tokenizer": str(folder / TOKENIZER), "device": "cpu", **parameters})


def without(key: str) -> Callable[[State], object]:
    return lambda state: state.pop(key)


def put(key: str, *shape: int) -> Callable[[State], object]:
    return lambda state: state.update({key: torch.zeros(shape)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("blip.vision_proj.weight"), r"1 keys missing \(blip\.vision_proj\.weight\)"),
        (without("mlp.layers.7.bias"), r"missing \(mlp\.layers\.7\.bias\)"),
        (put("blip.visual_encoder.blocks.2.norm1.weight", 96), r"left over \(blip\.visual_encoder\.blocks\.2\.norm1"),
        (put("blip.visual_encoder.cls_token", 1, 1, 768), r"cls_token has shape \(1, 1, 768\); expected \(1, 1, 96\)"),
        (State.clear, "100 keys missing"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_by_key(
    folder: Path, change: Callable[[State], object], message: str
) -> None:
    path = folder / "ImageReward.pt"
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)
    with pytest.raises(ConfigError, match=message) as caught:
        load(folder)
    assert "ImageReward.pt" in str(caught.value)


def test_the_buffer_of_positions_may_be_missing(folder: Path) -> None:
    path = folder / "ImageReward.pt"
    state = torch.load(path, weights_only=True)
    del state["blip.text_encoder.embeddings.position_ids"]
    torch.save(state, path)
    load(folder)


class Code:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (Path.touch, (Path("executed"),))  # type: ignore[return-value]


@pytest.mark.parametrize("content", [pickle.dumps(Code()), b"", b"not a checkpoint"])
def test_a_file_of_code_or_nonsense_is_not_executed(
    folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "ImageReward.pt").write_bytes(content)
    with pytest.raises(ConfigError, match="not a checkpoint of plain tensors"):
        load(folder)
    assert not (folder / "executed").exists()


def test_a_file_alone_is_expected_at_the_published_size(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"ImageReward\.pt.*keys missing"):
        load(folder, weights=str(folder / "ImageReward.pt"), tokenizer=str(_published_vocabulary(folder)))


def _published_vocabulary(folder: Path) -> Path:
    write_checkpoint(folder / "published", {}, PUBLISHED)
    return folder / "published" / TOKENIZER


def test_what_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ConfigError, match=r"expected ImageReward\.pt; found nothing"):
        load(empty)
    with pytest.raises(ConfigError, match=r"expected vocab\.txt"):
        load(folder, tokenizer=str(empty))
    with pytest.raises(ConfigError, match=r"hf download someone/something --revision v9"):
        load(folder, weights="someone/something@v9")


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"], "6 word pieces and 2 added ones for 402 word embeddings"),
        (["a", "b"], r"has no \[PAD\], \[UNK\], \[CLS\], \[SEP\], \[MASK\]"),
    ],
)
def test_a_vocabulary_of_another_model_is_refused(folder: Path, pieces: list[str], message: str) -> None:
    (folder / TOKENIZER / "vocab.txt").write_text("\n".join(pieces))
    with pytest.raises(ConfigError, match=message):
        load(folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"hidden_act": "relu"}, "hidden_act is 'relu'; expected 'gelu'"),
        ({"num_hidden_layers": "12"}, "num_hidden_layers is '12'"),
        ({"hidden_size": 770}, "multiples of their number of heads"),
        ([1], "not a configuration"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path: Path, config: object, message: str) -> None:
    path = tmp_path / "med_config.json"
    path.write_text(json.dumps(config))
    with pytest.raises(ConfigError, match=message):
        read_sizes(path)


def test_the_published_configuration_gives_the_published_sizes(tmp_path: Path) -> None:
    path = tmp_path / "med_config.json"
    path.write_text(json.dumps(PUBLISHED))
    assert read_sizes(path) == Sizes()


@pytest.mark.parametrize(("name", "value"), [("batch", 0), ("dtype", "int8"), ("device", "abacus")])
def test_a_wrong_parameter_is_refused_before_anything_is_read(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        load(tmp_path, **{name: value})
