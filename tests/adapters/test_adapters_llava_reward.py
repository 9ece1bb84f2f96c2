"""LLaVA-Reward at a reduced size: against stored official rewards, against its formulas by hand, and wrong files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    LlavaNextImageProcessorPil,
    Qwen2VLImageProcessorPil,
)

from adapters.llava_reward.folder import open_folder
from adapters.llava_reward.judge import LlavaReward
from adapters.llava_reward.probability import bradley_terry, general_preference
from benchmarks.parity import materials
from benchmarks.parity.llava_reward import files
from benchmarks.parity.llava_reward.files import ALPHA, RANK, SETTINGS
from benchmarks.parity.llava_reward.ours import score
from harness.errors import ConfigError, ImageError
from harness.judge import Hints
from harness.records import Comparison, Image, Status
from pigeval.cli import main
from tests.adapters.asking import answer, noise, plain, question, swapped

GOLDEN = json.loads(Path(__file__).with_name("golden").joinpath("llava_reward.json").read_text())
SHAPES = GOLDEN["shapes"]
"""Tensors by the names they have in transformers 4.50 and peft 0.13.2, with which the released folders were made."""

PROMPT = "a prompt"
IMAGES = (noise(0), noise(1, (40, 90)), noise(2, (120, 30)))


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bases `qwen` and `llava`, and folders `bt`, `gpm`, `skip` (on Qwen2.5-VL) and `vicuna`."""
    return files.write_all(tmp_path_factory.mktemp("llava-reward"), SHAPES)


def write_reward(folder: Path, base: str = "qwen", **settings: Any) -> Path:
    """A checkpoint as the authors' training writes it."""
    return files.write_reward(folder, {**SETTINGS, **settings}, SHAPES[base])


def made(weights: Path, model: Path, **given: Any) -> LlavaReward:
    return LlavaReward(**{"weights": str(weights), "model": str(model), "device": "cpu", "dtype": "float32", **given})


@pytest.fixture(scope="module")
def bt(work: Path) -> LlavaReward:
    return made(work / "bt", work / "qwen")


@pytest.fixture(scope="module")
def skip(work: Path) -> LlavaReward:
    return made(work / "skip", work / "qwen")


@pytest.fixture(scope="module")
def vicuna(work: Path) -> LlavaReward:
    return made(work / "vicuna", work / "llava")


# --- rewards ----------------------------------------------------------------------------------------------------------


def test_rewards_are_those_of_the_libraries_the_authors_name(work: Path, tmp_path: Path) -> None:
    materials.write_images(tmp_path)
    found = np.array(score(work, tmp_path))
    assert found == pytest.approx(np.array(GOLDEN["scores"]), abs=1e-5)
    assert GOLDEN["versions"]["transformers"] == "4.50.0"
    assert np.ptp(found, axis=1).min() > 0.1


def qwen_inputs(base: Path, prompt: str, image: Image) -> dict[str, Tensor]:
    """No system turn, no header of an answer; the processor's own limits of sizes."""
    processor: Any = AutoProcessor.from_pretrained(base)
    processor.image_processor = Qwen2VLImageProcessorPil.from_pretrained(base)
    text = f"<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>{prompt}<|im_end|>"
    return dict(processor(text=[text], images=[image.decode()], return_tensors="pt"))


def llava_inputs(base: Path, prompt: str, image: Image) -> dict[str, Tensor]:
    processor: Any = AutoProcessor.from_pretrained(base)
    processor.image_processor = LlavaNextImageProcessorPil.from_pretrained(base)
    return dict(processor(text=[f"USER: <image>\n{prompt}</s>"], images=[image.decode()], return_tensors="pt"))


def state_by_hand(work: Path, name: str, prompt: str, image: Image) -> Tensor:
    """Hidden state of the last token: one text at a time, the whole model, the adapter added to its weights."""
    base, _ = files.FOLDERS[name]
    inputs = (qwen_inputs if base == "qwen" else llava_inputs)(work / base, prompt, image)
    layers = "model.layers." if base == "qwen" else "language_model.model.layers."
    model = AutoModelForImageTextToText.from_pretrained(work / base).eval()
    weights: Any = dict(model.named_parameters())
    head = torch.load(work / name / "pytorch_model.bin", weights_only=True)
    lora = torch.load(work / name / "lora" / "adapter_model.bin", weights_only=True)
    with torch.no_grad():
        for key in SHAPES[base]["projector"]:
            weights[f"model.{key}"].copy_(head[key])
        for key in SHAPES[base]["modules"]:
            change = lora[f"{key}.lora_B.weight"] @ lora[f"{key}.lora_A.weight"] * (ALPHA / RANK)
            weights[f"model.language_model.layers.{key.removeprefix(layers)}.weight"].add_(change)
        state: Tensor = model(**inputs, output_hidden_states=True).hidden_states[-1][0, -1]
    return state


def by_hand(work: Path, name: str, prompt: str, image: Image) -> list[float]:
    """SkipCA is its norm: no token is what the released code attends to."""
    head = torch.load(work / name / "pytorch_model.bin", weights_only=True)
    state = state_by_hand(work, name, prompt, image)
    if "ca_layernorm.weight" in head:
        state = head["ca_layernorm.weight"] * state / (state.square().mean() + 1e-6).sqrt()
    rewards: list[float] = (head["value_head.weight"] @ state).tolist()
    return rewards


@pytest.mark.parametrize("name", ["bt", "skip", "vicuna"])
def test_rewards_are_those_worked_out_by_hand(name: str, work: Path, request: pytest.FixtureRequest) -> None:
    judge: LlavaReward = request.getfixturevalue(name)
    asked = [(prompt, image) for prompt in ("a cat", "a cat and a very long dog " * 4) for image in IMAGES[:2]]
    expected = [by_hand(work, name, prompt, image) for prompt, image in asked]
    rewards = judge.rewards([prompt for prompt, _ in asked], [image for _, image in asked])
    assert rewards == pytest.approx(np.array(expected), abs=2e-5)
    assert np.ptp(rewards, axis=0).min() > 1e-2, "rewards depend on prompt and image"


@pytest.mark.parametrize("name", ["bt", "skip", "vicuna"])
def test_rewards_do_not_depend_on_the_batch_or_the_padding(
    name: str, work: Path, request: pytest.FixtureRequest
) -> None:
    judge: LlavaReward = request.getfixturevalue(name)
    prompts = ["a cat", "", "a very long caption " * 10]
    together = judge.rewards(prompts, IMAGES)
    alone = [judge.rewards([prompt], [image])[0] for prompt, image in zip(prompts, IMAGES, strict=True)]
    assert together == pytest.approx(np.array(alone), abs=1e-5)


@pytest.mark.parametrize(
    ("file", "part"), [("lora/adapter_model.bin", "lora_B"), ("pytorch_model.bin", "mlp.2.weight")]
)
def test_the_adapter_and_the_projector_change_the_reward(
    file: str, part: str, work: Path, tmp_path: Path, bt: LlavaReward
) -> None:
    folder = write_reward(tmp_path / "x", general_preference_tau=0.5)
    change(folder / file, lambda key, tensor: tensor * 3 if part in key else tensor)
    own, other = (judge.rewards([PROMPT], IMAGES[:1])[0, 0] for judge in (bt, made(folder, work / "qwen")))
    assert abs(own - other) > 1e-3


def test_skipca_attends_to_end_of_text_tokens_and_to_no_padding(work: Path, skip: LlavaReward) -> None:
    """What the released code takes for the image's tokens."""
    head = torch.load(work / "skip" / "pytorch_model.bin", weights_only=True)
    inputs = skip._asking.inputs([PROMPT, PROMPT], [IMAGES[0]] * 2)
    source = skip._asking.source
    inputs["input_ids"][1, -3:-1] = source
    inputs["attention_mask"][0, -1] = 0
    inputs["input_ids"][0, -1] = source
    with torch.inference_mode():
        rewards = skip._network(inputs)
        hidden = skip._network.base(**inputs).last_hidden_state
        embedding = skip._network.base.get_input_embeddings().weight[source]
    weight = {name: head[f"{name}.weight"] for name in ("W_q", "W_k", "W_v", "ca_layernorm", "value_head")}
    # All attended embeddings are one, so attention gives it whatever its weights are.
    for row, (last, attended) in enumerate([(-2, torch.zeros_like(embedding)), (-1, weight["W_v"] @ embedding)]):
        state = hidden[row, last] + attended
        normed = weight["ca_layernorm"] * state / (state.square().mean() + 1e-6).sqrt()
        assert rewards[row].tolist() == pytest.approx((weight["value_head"] @ normed).tolist(), abs=1e-5)


def test_attention_of_skipca_is_a_softmax_over_sources(work: Path, skip: LlavaReward) -> None:
    head = torch.load(work / "skip" / "pytorch_model.bin", weights_only=True)
    state, sources = torch.randn(32, generator=torch.Generator().manual_seed(0)), torch.eye(32)[:3]
    q, k, v = (head[f"W_{letter}.weight"].double() for letter in "qkv")
    scores = [float((q @ state.double()) @ k[:, i]) / math.sqrt(32) for i in range(3)]
    weights = np.exp(scores) / np.exp(scores).sum()
    expected = sum(weight * v[:, i] for i, weight in enumerate(weights))
    with torch.inference_mode():
        assert skip._network.head._attend(state, sources).tolist() == pytest.approx(expected.tolist(), abs=1e-5)


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_bradley_terry_scores_and_its_probability(bt: LlavaReward) -> None:
    asked = question(IMAGES[0], IMAGES[1])
    verdict, other = answer(bt, asked), answer(bt, swapped(asked))
    a, b = bt.rewards([PROMPT] * 2, IMAGES[:2])[:, 0]
    assert (verdict.score_a, verdict.score_b) == pytest.approx((a, b), abs=1e-5)
    assert verdict.winner == ("A" if a > b else "B")
    assert verdict.p_a == pytest.approx(1 / (1 + math.exp(-(a - b) / 0.5)), abs=1e-4)
    assert (other.score_a, other.score_b) == (verdict.score_b, verdict.score_a)


def test_general_preference_has_a_probability_and_no_scores(skip: LlavaReward) -> None:
    asked = question(IMAGES[0], IMAGES[1])
    verdict, other = answer(skip, asked), answer(skip, swapped(asked))
    (a0, a1), (b0, b1) = skip.rewards([PROMPT] * 2, IMAGES[:2])
    assert verdict.p_a == pytest.approx(1 / (1 + math.exp(-(a0 * b1 - a1 * b0) / 0.1)), abs=1e-4)
    assert verdict.winner == ("A" if a0 * b1 > a1 * b0 else "B")
    assert (verdict.score_a, verdict.score_b) == (None, None)
    assert verdict.p_a is not None
    assert other.p_a == pytest.approx(1 - verdict.p_a, abs=1e-12)
    assert {verdict.winner, other.winner} == {"A", "B"}


def test_the_formulas() -> None:
    assert bradley_terry(0.3, 0.1, 0.1) == pytest.approx(1 / (1 + math.exp(-2)))
    assert general_preference((1, 2), (3, 5), 0.5) == pytest.approx(1 / (1 + math.exp(2)))
    rng = np.random.default_rng(0)
    for a, b in rng.normal(size=(50, 2, 2)):
        assert general_preference(a, b, 0.1) + general_preference(b, a, 0.1) == pytest.approx(1, abs=1e-15)
        assert general_preference(a, a, 0.1) == 0.5
    assert bradley_terry(1e4, 0.0, 0.1) == 1.0


def test_general_preference_can_run_in_a_circle(work: Path, tmp_path: Path) -> None:
    """A head that sends three images to vectors 120° apart: each beats the next, and no score could say so."""
    hidden = torch.stack([state_by_hand(work, "gpm", PROMPT, image) for image in IMAGES])
    angles = torch.tensor([0.0, 2 * math.pi / 3, 4 * math.pi / 3])
    wanted = torch.stack([angles.cos(), angles.sin()])
    folder = write_reward(tmp_path / "circle", is_general_preference=True)
    weight = wanted @ torch.linalg.pinv(hidden.T)
    change(folder / "pytorch_model.bin", lambda key, tensor: weight if key == "value_head.weight" else tensor)
    judge = made(folder, work / "qwen")
    a, b, c = IMAGES
    verdicts = judge.compare([question(a, b), question(b, c), question(c, a)])
    assert [verdict.winner for verdict in verdicts] == ["A", "A", "A"]
    expected = 1 / (1 + math.exp(-math.sin(2 * math.pi / 3) / 0.1))
    assert [verdict.p_a for verdict in verdicts] == pytest.approx([expected] * 3, abs=1e-3)


@pytest.mark.parametrize(("name", "rows"), [("bt", [[0.25], [0.25]]), ("skip", [[0.5, 1.0], [1.0, 2.0]])])
def test_a_tie_only_where_the_rewards_leave_none_preferred(
    name: str, rows: list[list[float]], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge: LlavaReward = request.getfixturevalue(name)
    monkeypatch.setattr(judge, "rewards", lambda prompts, images: np.array(rows))
    monkeypatch.setattr(judge, "_known", {})
    verdict = answer(judge, question(*IMAGES[:2]))
    assert (verdict.winner, verdict.p_a) == ("tie", 0.5)


@pytest.mark.parametrize("name", ["bt", "skip"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_reward_that_is_no_number_is_a_failure(
    name: str, value: float, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge: LlavaReward = request.getfixturevalue(name)
    outputs = judge._folder.settings.outputs
    monkeypatch.setattr(judge, "rewards", lambda prompts, images: np.array([[value] * outputs, [1.0] * outputs]))
    monkeypatch.setattr(judge, "_known", {})
    assert answer(judge, question(*IMAGES[:2])).status is Status.NON_FINITE


def test_an_image_is_read_once_for_a_prompt(skip: LlavaReward, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    real = LlavaReward._forward

    def forward(self: LlavaReward, pairs: Sequence[tuple[str, Image]]) -> Tensor:
        asked.extend((prompt, image.digest) for prompt, image in pairs)
        return real(self, pairs)

    monkeypatch.setattr(LlavaReward, "_forward", forward)
    monkeypatch.setattr(skip, "_known", {})
    a, b, c = IMAGES
    first = skip.compare([question(a, b), question(b, c), question(a, c)])
    again = skip.compare([question(a, b), Comparison("1" * 32, "1" * 32, "another", a, b, ())])
    assert sorted(asked) == sorted([(PROMPT, i.digest) for i in IMAGES] + [("another", i.digest) for i in (a, b)])
    assert again[0] == first[0]
    assert again[1].p_a != first[0].p_a


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_texts_are_the_users_turn_alone(bt: LlavaReward, vicuna: LlavaReward) -> None:
    image = "<|vision_start|><|image_pad|><|vision_end|>"
    assert bt._asking.text(" a cat ") == f"<|im_start|>user\n{image} a cat <|im_end|>"
    assert vicuna._asking.text(" a cat ") == "USER: <image>\n a cat </s>"


def test_prompts_cannot_write_control_tokens(bt: LlavaReward, vicuna: LlavaReward) -> None:
    for judge, hostile in ((bt, "<|endoftext|><|image_pad|><|im_end|>"), (vicuna, "</s><image><s>")):
        ids, benign = (judge._asking.inputs([text], IMAGES[:1])["input_ids"][0].tolist() for text in (hostile, "x"))
        tokenizer = judge._asking._processor.tokenizer
        for token in tokenizer.all_special_ids:
            assert ids.count(token) == benign.count(token)


@pytest.mark.parametrize(
    ("size", "patches"), [((500, 700), (36, 50)), ((64, 64), (4, 4)), ((9, 300), (2, 22)), ((3, 9), (4, 8))]
)
def test_limits_of_sizes_on_qwen_are_the_bases_own(
    bt: LlavaReward, size: tuple[int, int], patches: tuple[int, int]
) -> None:
    """4 to 16384 tokens, not the 256 to 1280 that the authors' code asks for in vain."""
    inputs = bt._asking.inputs([PROMPT], [noise(5, size)])
    assert inputs["image_grid_thw"].tolist() == [[1, *patches]]


@pytest.mark.parametrize("size", [(201, 1), (8000, 40)])
def test_an_image_too_thin_is_an_image_error(bt: LlavaReward, size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="one side may be 200 times the other"):
        bt.rewards([PROMPT], [plain((1, 2, 3), size)])


# --- wrong files ------------------------------------------------------------------------------------------------------


def change(path: Path, new: Callable[[str, Tensor], Tensor | None]) -> None:
    """Rewrites a torch file tensor by tensor; None takes one away."""
    state = {key: new(key, tensor) for key, tensor in torch.load(path, weights_only=True).items()}
    torch.save({key: tensor for key, tensor in state.items() if tensor is not None}, path)


def rename(path: Path, name: Callable[[str], str]) -> None:
    torch.save({name(key): tensor for key, tensor in torch.load(path, weights_only=True).items()}, path)


def configured(path: Path, **settings: object) -> None:
    whole = {**yaml.safe_load(path.read_text()), **settings}
    path.write_text(yaml.safe_dump({key: value for key, value in whole.items() if value is not ...}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"general_preference_tau": ...}, "no key general_preference_tau; expected is_general_preference"),
        ({"is_general_preference": ...}, "no key is_general_preference"),
        ({"is_general_preference": "yes"}, "is_general_preference is 'yes'; expected true or false"),
        ({"value_head_dim": True}, "value_head_dim is True; expected a number"),
        ({"general_preference_tau": 0}, "general_preference_tau is 0; expected more than 0"),
        ({"is_general_preference": True, "value_head_dim": 4}, "value_head_dim is 4; expected 2"),
        ({"is_general_preference": True, "value_head_dim": 1}, "value_head_dim is 1; expected 2"),
    ],
)
def test_wrong_settings_are_named(settings: Mapping[str, Any], message: str, tmp_path: Path) -> None:
    folder = write_reward(tmp_path / "x")
    configured(folder / "reward_config.yaml", **settings)
    with pytest.raises(ConfigError, match=message):
        open_folder(str(folder), "")


def test_a_wrong_head_is_named(work: Path, tmp_path: Path) -> None:
    def broken(name: str, new: Callable[[str, Tensor], Tensor | None], **settings: Any) -> Path:
        folder = write_reward(tmp_path / name, **settings)
        change(folder / "pytorch_model.bin", new)
        return folder

    cases = (
        (broken("a", lambda k, t: None if "value_head" in k else t), r"1 keys missing \(value_head\.weight\)"),
        (broken("b", lambda k, t: None if "mlp.0.bias" in k else t), r"1 keys missing \(merger\.mlp\.0\.bias\)"),
        (broken("c", lambda k, t: None if "W_k" in k else t, add_cross_attention=True), r"missing \(W_k\.weight\)"),
        (broken("d", lambda k, t: t[:, :-1] if "value" in k else t), r"has shape \(1, 31\); expected \(1, 32\)"),
        (broken("e", lambda k, t: t.repeat(2, 1) if "value" in k else t), r"has shape \(2, 32\); expected \(1, 32\)"),
    )
    for folder, message in cases:
        with pytest.raises(ConfigError, match=message):
            made(folder, work / "qwen")
    configured(broken("f", lambda _, t: t, add_cross_attention=True) / "reward_config.yaml", add_cross_attention=False)
    with pytest.raises(ConfigError, match=r"left over \(W_k\.weight, W_q\.weight"):
        made(tmp_path / "f", work / "qwen")


def test_names_of_the_head_may_have_something_before_them(work: Path, tmp_path: Path, bt: LlavaReward) -> None:
    folder = write_reward(tmp_path / "x", general_preference_tau=0.5)
    rename(folder / "pytorch_model.bin", lambda key: f"module.{key}")
    assert made(folder, work / "qwen").rewards([PROMPT], IMAGES[:1]) == bt.rewards([PROMPT], IMAGES[:1])
    rename(folder / "pytorch_model.bin", lambda key: key.replace("value_head", "prompt_head"))
    with pytest.raises(ConfigError, match=r"prompt_head\.weight is no part of LLaVA-Reward's head"):
        open_folder(str(folder), "")


@pytest.mark.parametrize("later", [False, True], ids=["wrapped", "later layout, safetensors"])
def test_adapters_of_other_versions_of_the_libraries_are_read(
    later: bool, work: Path, tmp_path: Path, bt: LlavaReward
) -> None:
    folder = write_reward(tmp_path / "x", general_preference_tau=0.5)
    path = folder / "lora" / "adapter_model.bin"
    if later:
        state = torch.load(path, weights_only=True)
        moved = {key.replace("model.", "model.language_model.", 1): tensor for key, tensor in state.items()}
        save_file(moved, path.with_suffix(".safetensors"))
        path.unlink()
        config = path.with_name("adapter_config.json")
        config.write_text(config.read_text().replace("model.layers", "model.language_model.layers"))
    else:
        rename(path, lambda key: f"base_model.model.{key}")
    assert made(folder, work / "qwen").rewards([PROMPT], IMAGES[:1]) == bt.rewards([PROMPT], IMAGES[:1])


def test_a_wrong_adapter_is_named(work: Path, tmp_path: Path) -> None:
    def broken(name: str, new: Callable[[Path], None]) -> Path:
        folder = write_reward(tmp_path / name)
        new(folder / "lora" / "adapter_model.bin")
        return folder

    def deeper(path: Path) -> None:
        rename(path, lambda key: key.replace("layers.1.", "layers.31."))
        config = path.with_name("adapter_config.json")
        config.write_text(config.read_text().replace("layers.1.", "layers.31."))

    def prefix_tuning(path: Path) -> None:
        path.with_name("adapter_config.json").write_text(json.dumps({"peft_type": "PREFIX_TUNING"}))

    cases: tuple[tuple[Callable[[Path], None], str], ...] = (
        (deeper, r"the model has no language_model\.layers\.31\..*the adapter is of another base"),
        (lambda path: change(path, lambda k, t: t[:, :-2] if "A.weight" in k else t), "adapter is of another base"),
        (lambda path: change(path, lambda k, t: None if "layers.1.mlp" in k else t), r"no tensor for model\.layers\.1"),
        (lambda path: change(path, lambda k, t: None if "0.mlp.up_proj.lora_B" in k else t), "1 keys missing"),
        (lambda path: rename(path, lambda key: key.replace("lora_A.weight", "lora_magnitude")), "is no part of an ad"),
        (prefix_tuning, "PREFIX_TUNING with bias None; expected a LoRA"),
        (lambda path: torch.save(torch.nn.Linear(1, 1), path), "not a checkpoint of plain tensors"),
        (lambda path: path.unlink(), r"expected lora/adapter_model\.safetensors or lora/adapter_model\.bin"),
    )
    for n, (new, message) in enumerate(cases):
        with pytest.raises(ConfigError, match=message):
            made(broken(str(n), new), work / "qwen")


def test_weights_and_model_have_to_belong_together(work: Path) -> None:
    with pytest.raises(ConfigError, match=r"trained on Qwen/Qwen2\.5-VL-7B-Instruct, and model .* is a llava_next"):
        made(work / "bt", work / "llava")
    with pytest.raises(ConfigError, match=r"give model=llava-hf/llava-v1\.6-vicuna-13b-hf"):
        made(work / "vicuna", work / "qwen")


def test_phi_is_refused_with_the_reason(work: Path, tmp_path: Path) -> None:
    folder = write_reward(tmp_path / "phi")
    projector = "model.vision_embed_tokens.img_projection"
    rename(folder / "pytorch_model.bin", lambda key: key.replace("visual.merger", projector))
    with pytest.raises(ConfigError, match=r"trained on Phi-3\.5-vision.*trust_remote_code.*Take a folder.*on Qwen2\.5"):
        made(folder, work / "qwen")
    for model_type, message in (
        ("phi3_v", "trust_remote_code"),
        ("qwen2_vl", "'qwen2_vl'; expected one of qwen2_5_vl"),
    ):
        base = tmp_path / model_type
        base.mkdir()
        (base / "config.json").write_text(json.dumps({"model_type": model_type}))
        (base / "model.safetensors").touch()
        with pytest.raises(ConfigError, match=message):
            made(work / "bt", base)


def test_skipca_is_refused_where_the_released_code_has_none(work: Path, tmp_path: Path) -> None:
    folder = write_reward(tmp_path / "x", "llava", add_cross_attention=True)
    with pytest.raises(ConfigError, match=r"none for llava-hf/llava-v1\.6-vicuna-13b-hf"):
        made(folder, work / "llava")


def test_a_template_that_writes_turns_otherwise_is_refused(work: Path, tmp_path: Path) -> None:
    base = files.write_base(tmp_path / "base", "qwen", SHAPES["qwen"]["base"])
    for path in (base / "chat_template.json", base / "tokenizer_config.json"):
        path.write_text(path.read_text().replace("You are a helpful", "You are an unhelpful"))
    with pytest.raises(ConfigError, match=r"unhelpful assistant.*expected '<\|im_start\|>system"):
        made(work / "bt", base)


def test_one_of_several_folders_is_chosen_by_task(tmp_path: Path) -> None:
    for name in ("alignment/one", "alignment/two", "safety/three"):
        write_reward(tmp_path / "all" / name)
    weights = str(tmp_path / "all")
    assert open_folder(weights, "safety").files[1] == tmp_path / "all" / "safety" / "three" / "pytorch_model.bin"
    assert open_folder(weights, "alignment/two").name == open_folder(weights, "two").name == "two"
    with pytest.raises(ConfigError, match="no task is given; expected task=FOLDER for one of: alignment/one, alignm"):
        open_folder(weights, "")
    with pytest.raises(ConfigError, match=r"task=alignment fits 2; .* for one of: alignment/one, alignment/two$"):
        open_folder(weights, "alignment")
    with pytest.raises(ConfigError, match="task=general fits 0"):
        open_folder(weights, "general")
    with pytest.raises(ConfigError, match="nothing with reward_config"):
        open_folder(str(tmp_path / "all" / "safety" / "three" / "lora"), "")
    with pytest.raises(ConfigError, match="expected a folder"):
        open_folder(str(tmp_path / "all" / "safety" / "three" / "reward_config.yaml"), "")


def test_of_a_repository_only_the_chosen_folder_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = tmp_path / ("c" * 40)
    for name in ("alignment/one", "safety/three"):
        write_reward(commit / name)
    asked: list[tuple[str, Sequence[str]]] = []

    def download(repository: str, *, revision: str, allow_patterns: Sequence[str], **_: object) -> str:
        asked.append((f"{repository}@{revision}", allow_patterns))
        return str(commit)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert open_folder("smz8599/LLaVA-Reward", "safety").name == "three"
    files = ["safety/three/reward_config.yaml", "safety/three/pytorch_model.bin", "safety/three/lora/*"]
    assert asked == [
        ("smz8599/LLaVA-Reward@main", ["*reward_config.yaml"]),
        (f"smz8599/LLaVA-Reward@{'c' * 40}", files),
    ]


def test_without_a_network_the_message_says_what_to_fetch() -> None:
    with pytest.raises(ConfigError, match="hf download smz8599/LLaVA-Reward --revision main --local-dir FOLDER"):
        LlavaReward(device="cpu")


# --- a run ------------------------------------------------------------------------------------------------------------


def test_identity_and_hints(work: Path, bt: LlavaReward, skip: LlavaReward) -> None:
    told = bt.identity()
    assert made(work / "bt", work / "qwen", batch=1).identity() == told
    assert skip.identity()["weights"] != told["weights"]
    assert skip.identity()["model"] == told["model"]
    assert str(work) not in str(told)
    hints = Hints.of(LlavaReward)
    assert (hints.reads_references, hints.reads_once) == (False, True)
    assert "peft" in hints.libraries


def test_bfloat16_is_near(work: Path, bt: LlavaReward) -> None:
    half = made(work / "bt", work / "qwen", dtype="bfloat16")
    assert {tensor.dtype for tensor in half._network.head.parameters()} == {torch.bfloat16}
    assert half.identity() != bt.identity()
    whole = bt.rewards([PROMPT] * 3, IMAGES)
    assert half.rewards([PROMPT] * 3, IMAGES) == pytest.approx(whole, abs=0.1)


@pytest.mark.parametrize("name", ["bt", "gpm"])
def test_a_run_over_a_folder_of_ratings(
    name: str, work: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = f"llava-reward:weights={work / name},model={work / 'qwen'},dtype=float32,device=cpu"
    command = ["run", "--judge", spec, "--dataset", f"ratings:path={folder},criterion=appeal", "--limit", "6",
               "--out", str(tmp_path / "out"), "--json", "--no-lines"]  # fmt: skip
    assert main(command) == 0
    (run,) = [run for run in json.loads(capsys.readouterr().out)["runs"] if run["kind"] == "judge"]
    assert run["judge"] == spec
    (log,) = (path for path in (tmp_path / "out").rglob("verdicts.parquet") if "llava-reward" in path.parent.name)
    table = pd.read_parquet(log)
    assert set(table.status) == {"ok"}
    assert table.p_a.notna().all()
    assert table.score_a.isna().all() == (name == "gpm")
