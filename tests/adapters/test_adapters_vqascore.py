"""VQAScore beside a plain reading of the official recipe, and what is said about wrong files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from adapters.prompts.wording import wording
from adapters.vqascore import judge as judging
from adapters.vqascore.judge import VQAScore, squared
from harness.errors import ConfigError, ImageError
from harness.judge import Hints
from harness.pictures import BytesPicture
from harness.records import Comparison, Image
from pigeval import evaluate
from tests.adapters.asking import answer, noise, plain, question, swapped
from tests.adapters.tiny_clip_t5 import CHARACTERS, PATCH, Parts, State, official_score, write_clip_t5, write_tokenizer

IMAGES = [noise(1, (40, 64)), noise(2, (64, 30)), noise(3, (28, 28)), noise(4, (1, 90)), noise(5, (200, 120))]
PROMPTS = ["a cat", "", 'a "red" {dog} <image> in the sea', "light " * 30]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip_t5(tmp_path_factory.mktemp("clip_t5"))


def made(folder: Path, **parameters: Any) -> VQAScore:
    given = {"weights": str(folder), "prompt": "own", "device": "cpu", "dtype": "float32", **parameters}
    return VQAScore(**given)


def pairs() -> tuple[list[str], list[Image]]:
    each = [(prompt, image) for prompt in PROMPTS for image in IMAGES]
    return [prompt for prompt, _ in each], [image for _, image in each]


def test_scores_as_the_official_recipe_does(checkpoint: Path) -> None:
    parts, tokenizer = Parts(), Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    # As officially: embeddings the tokenizer has no token for have no share of the probability.
    parts.t5.resize_token_embeddings(tokenizer.get_vocab_size())
    assert not torch.equal(parts.t5.lm_head.weight, parts.t5.shared.weight)
    system, asked = (wording(name).text.strip() for name in ("vqascore-system", "vqascore"))
    with torch.inference_mode():
        expected = [
            official_score(parts, tokenizer, system, asked.format(prompt), image.decode())
            for prompt, image in zip(*pairs(), strict=True)
        ]
    scores = made(checkpoint).score(*pairs())
    assert np.abs(scores / expected - 1).max() < 1e-4
    assert scores.min() > 0
    assert scores.max() < 1
    by_image = np.log(scores).reshape(len(PROMPTS), len(IMAGES))
    assert by_image.std(axis=1).min() > 0.01, "images must differ for this to mean something"
    assert by_image.std(axis=0).min() > 0.01, "and so must prompts"


def test_scores_do_not_depend_on_batches(checkpoint: Path) -> None:
    together, singly = made(checkpoint, batch=32).score(*pairs()), made(checkpoint, batch=1).score(*pairs())
    assert np.abs(together - singly).max() < 1e-5


def test_a_pair_and_its_mirror(checkpoint: Path) -> None:
    judge, asked = made(checkpoint), question(IMAGES[0], IMAGES[1])
    verdict, mirrored = answer(judge, asked), answer(judge, swapped(asked))
    assert {verdict.winner, mirrored.winner} == {"A", "B"}
    assert (verdict.score_a, verdict.score_b) == (mirrored.score_b, mirrored.score_a)
    assert answer(judge, question(IMAGES[0], IMAGES[0])).winner == "tie"


def test_an_image_is_seen_once_and_a_pair_asked_once(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = made(checkpoint, batch=2)
    rows: list[int] = []
    ask = judge.network.log_probability

    def counted(*given: torch.Tensor) -> torch.Tensor:
        rows.append(len(given[1]))
        return ask(*given)

    monkeypatch.setattr(judge.network, "log_probability", counted)
    asked = [
        Comparison("0" * 32, "0" * 32, prompt, a, b) for prompt in ("x", "y") for a in IMAGES for b in IMAGES if a != b
    ]
    judge.compare([*asked, *map(swapped, asked)])
    judge.compare(asked)
    assert (judge.encoded, sum(rows)) == (len(IMAGES), 2 * len(IMAGES))
    assert judge.unread([IMAGES[0].digest, "another"]) == {"another"}
    assert Hints.of(judge).reads_once


def test_an_image_in_the_middle_of_the_mean_colour() -> None:
    pixels = np.asarray(squared(plain((1, 2, 3), (4, 1)).decode()))
    assert pixels.shape == (4, 4, 3)
    assert (pixels[1] == (1, 2, 3)).all()
    assert (pixels[[0, 2, 3]] == (122, 116, 104)).all()


def test_a_long_question_is_cut(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judging.LENGTH == 2048
    monkeypatch.setattr(judging, "LENGTH", 300)
    judge = made(checkpoint)
    a, b, c = (judge.score([text], IMAGES[:1])[0] for text in ("x" * 300, "x" * 400, "x" * 100))
    assert a == b
    assert a != c


def test_a_broken_image_is_named(checkpoint: Path) -> None:
    with pytest.raises(ImageError):
        made(checkpoint).score(["a cat"], [Image(BytesPicture(b"no image"))])


def test_the_same_content_is_the_same_run(checkpoint: Path, tmp_path: Path) -> None:
    identity = made(checkpoint).identity()
    assert set(identity) == {"weights", "prompt", "device", "dtype"}
    assert identity["prompt"]["vqascore"]["origin"] == "own"
    assert str(checkpoint) not in str(identity)
    assert made(write_clip_t5(tmp_path / "copy")).identity() == identity


def test_without_the_official_prompt_the_way_to_it_is_named(checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match="run `pigeval prompts fetch vqascore-system`"):
        made(checkpoint, prompt="official")


@pytest.mark.parametrize("form", ["safetensors", "shards", "bfloat16", "tokenizer elsewhere"])
def test_other_forms_of_the_same_files(checkpoint: Path, tmp_path: Path, form: str) -> None:
    given: dict[str, str] = {}
    folder = write_clip_t5(tmp_path / "other")
    state: State = torch.load(folder / "pytorch_model.bin", weights_only=True)
    if form == "safetensors":
        (folder / "pytorch_model.bin").unlink()
        # As the library saves it: tensors in one memory once only.
        del state["embed_tokens.weight"], state["encoder.embed_tokens.weight"], state["decoder.embed_tokens.weight"]
        save_file(state, folder / "model.safetensors")
    elif form == "shards":
        (folder / "pytorch_model.bin").unlink()
        places = {key: f"pytorch_model-{1 + place % 2:05}-of-00002.bin" for place, key in enumerate(state)}
        for name in set(places.values()):
            torch.save({key: state[key] for key, place in places.items() if place == name}, folder / name)
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
    elif form == "bfloat16":
        torch.save({key: tensor.bfloat16() for key, tensor in state.items()}, folder / "pytorch_model.bin")
    else:
        (folder / "tokenizer.json").unlink()
        given = {"tokenizer": str(write_tokenizer(tmp_path / "flan"))}
    scores, expected = (made(place, **more).score(*pairs()) for place, more in ((folder, given), (checkpoint, {})))
    assert np.abs(np.log(scores / expected)).max() < (0.3 if form == "bfloat16" else 1e-4)


def without(key: str) -> Callable[[State], object]:
    return lambda state: state.pop(key)


def put(key: str, *shape: int) -> Callable[[State], object]:
    return lambda state: state.update({key: torch.zeros(shape)})


TOWER = "vision_tower.vision_tower.vision_model."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("lm_head.weight"), r"1 keys missing \(t5\.lm_head\.weight\)"),
        (without("mm_projector.2.bias"), r"missing \(projector\.2\.bias\)"),
        (put("mm_projector.4.weight", 2, 2), r"left over \(projector\.4\.weight\)"),
        (put("mm_projector.0.weight", 2, 2), r"projector\.0\.weight has shape \(2, 2\); expected \(32, 64\)"),
        (without(TOWER + "encoder.layers.1.mlp.fc1.bias"), r"missing \(vision\.encoder\.layers\.1\.mlp\.fc1\.bias\)"),
        (without(TOWER + "embeddings.patch_embedding.weight"), "is no vision tower of CLIP"),
        (put("shared.weight", 7, 32), rf"has 7 rows for the tokenizer's {3 + len(CHARACTERS)} tokens"),
        (put("visual.weight", 1), r"left over \(t5\.visual\.weight\)"),
        (State.clear, "is no vision tower of CLIP"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_by_key(
    tmp_path: Path, change: Callable[[State], object], message: str
) -> None:
    path = write_clip_t5(tmp_path) / "pytorch_model.bin"
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)
    with pytest.raises(ConfigError, match=message) as caught:
        made(tmp_path)
    assert "pytorch_model.bin" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "[1]", "holds a list; expected a table"),
        ("config.json", "{", "not JSON"),
        ("config.json", '{"d_model": 32}', "names no mm_vision_tower, so this is no CLIP-FlanT5"),
        ("config.json", '{"mm_vision_tower": "", "mm_projector_type": "linear"}', "is 'linear'; expected 'mlp2x_gelu'"),
        ("config.json", '{"mm_vision_tower": "x", "mm_vision_select_layer": -1}', "is -1; expected -2"),
        ("config.json", '{"mm_vision_tower": "x", "d_model": "wide"}', "no configuration of a T5"),
        ("tokenizer.json", "{}", "no tokenizer"),
        ("pytorch_model.bin", "text", "not a checkpoint of plain tensors"),
        ("model.safetensors.index.json", '{"weight_map": {"lm_head.weight": "../other.safetensors"}}',
         r"expected other\.safetensors"),
        ("model.safetensors.index.json", "{}", "lists no files in weight_map"),
    ],
)  # fmt: skip
def test_wrong_files(tmp_path: Path, name: str, content: str, message: str) -> None:
    (write_clip_t5(tmp_path) / name).write_text(content)
    with pytest.raises(ConfigError, match=message):
        made(tmp_path)


def test_a_tokenizer_that_ends_no_text_is_refused(tmp_path: Path) -> None:
    path = write_clip_t5(tmp_path) / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "post_processor": None}))
    with pytest.raises(ConfigError, match="ends a text with 's', not </s>"):
        made(tmp_path)


def test_what_is_not_there_is_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected model\.safetensors or pytorch_model\.bin; found nothing"):
        made(tmp_path)
    with pytest.raises(ConfigError, match=r"a file; expected a folder with config\.json"):
        made(checkpoint / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="hf download someone/something"):
        made(tmp_path, weights="someone/something")


def test_a_run_over_rated_images(checkpoint: Path, folder: Path) -> None:
    judge = made(checkpoint)
    report = evaluate(judge, f"ratings:path={folder}")
    assert set(report.table.status) == {"ok"}
    assert report.table.score_a.between(0, 1).all()
    assert 0 < judge.encoded <= 12
    assert judge.network.vision.config.patch_size == PATCH
