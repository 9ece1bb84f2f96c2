"""DPO and SFT through trl's trainers: losses by hand, labels, the reference model, going on after a kill."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from transformers import TrainerCallback

from adapters.engines.chat import Chat
from harness.errors import ConfigError, DataError, RunError
from harness.progress import Silent
from harness.records import Reference
from tests.training.small import QUIET, answers, material, pairs, preset, random_model, seen, wording
from training import preferences, supervised
from training.curves import writers
from training.messages import dataset, stored
from training.pictures import Pictures
from training.sampling import ByLength
from training.stage import digest_of_files
from training.trainers import CHECKPOINTS, arguments, explained, last_whole, load, save, train
from training.weights import Weights

pytestmark = QUIET
SETTINGS = preset()
REASONER, REWARD = SETTINGS.reasoner, SETTINGS.reward
BETA = REASONER.beta


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return random_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def dpo(start: Weights, folder: Path, sft: float = 0.0, lora: int = 0) -> tuple[Any, Any]:
    fit = preset(f"reasoner.sft={sft}", f"reasoner.lora={lora}").reasoner
    model, processor = load(start, fit, SETTINGS.model)
    data = pairs(folder / "images", processor)
    return preferences.trainer(model, processor, data, folder, fit, SETTINGS.model, 0), processor


def batch_of(trainer: Any) -> dict[str, Any]:
    return dict(next(iter(trainer.get_train_dataloader())))


def log_probability(model: Any, processor: Any, row: dict[str, Any], text: str) -> float:
    """Sum over the tokens of a completion, one sample at a time and without padding."""
    inputs = processor(text=[row["prompt"] + row[text]], images=[row["images"]], return_tensors="pt")
    written = len(processor.tokenizer(row[text])["input_ids"])
    with torch.no_grad():
        logits = model(**inputs).logits.double().log_softmax(-1)
    ids = inputs["input_ids"][0, -written:]
    return float(logits[0, -written - 1 : -1].gather(-1, ids[:, None]).sum())


def test_the_loss_of_dpo_begins_at_ln_2(start: Weights, tmp_path: Path) -> None:
    trainer, _ = dpo(start, tmp_path)
    with torch.no_grad():
        loss = trainer.compute_loss(trainer.model, batch_of(trainer))
    assert float(loss) == pytest.approx(math.log(2), abs=1e-6)


def test_the_loss_of_dpo_is_that_of_the_formula(start: Weights, tmp_path: Path) -> None:
    """Equation 4 written out, two images a sample, after the model has moved away from its reference."""
    trainer, processor = dpo(start, tmp_path)
    model, reference = trainer.model, trainer.ref_model
    torch.manual_seed(1)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(0.02 * torch.randn_like(weights))
        loss = float(trainer.compute_loss(model, batch_of(trainer)))
    rows = list(trainer.train_dataset)
    assert {len(row["images"]) for row in rows} == {2}
    margins = []
    for row in rows:
        chosen, rejected = (
            log_probability(model, processor, row, text) - log_probability(reference, processor, row, text)
            for text in ("chosen", "rejected")
        )
        margins.append(BETA * (chosen - rejected))
    expected = sum(math.log1p(math.exp(-margin)) for margin in margins) / len(margins)
    assert abs(expected - math.log(2)) > 1e-3
    assert loss == pytest.approx(expected, abs=1e-5)


def test_the_sft_term_is_added_with_its_weight(start: Weights, tmp_path: Path) -> None:
    trainer, processor = dpo(start, tmp_path, sft=0.5)
    rows = list(trainer.train_dataset)
    likelihood = sum(log_probability(trainer.model, processor, row, "chosen") for row in rows)
    tokens = sum(len(processor.tokenizer(row["chosen"])["input_ids"]) for row in rows)
    with torch.no_grad():
        loss = float(trainer.compute_loss(trainer.model, batch_of(trainer)))
    assert loss == pytest.approx(math.log(2) - 0.5 * likelihood / tokens, abs=1e-4)


def test_the_reference_is_the_model_in_the_folder(start: Weights, tmp_path: Path) -> None:
    trainer, _ = dpo(start, tmp_path)
    fresh, _ = load(start, REASONER, SETTINGS.model)
    theirs = dict(trainer.ref_model.named_parameters())
    assert all(torch.equal(weights, theirs[name]) for name, weights in fresh.named_parameters())


def test_a_model_changed_in_memory_has_another_reference_and_is_refused(start: Weights, tmp_path: Path) -> None:
    """The trap: the library would silently load the reference from the folder the model once came from."""
    model, processor = load(start, REASONER, SETTINGS.model)
    with torch.no_grad():
        next(model.parameters()).add_(0.5)
    data = pairs(tmp_path / "images", processor)
    with pytest.raises(RunError, match="saved and loaded again"):
        preferences.trainer(model, processor, data, tmp_path, REASONER, SETTINGS.model, 0)


def test_a_model_saved_and_loaded_again_is_its_own_reference(start: Weights, tmp_path: Path) -> None:
    model, processor = load(start, REASONER, SETTINGS.model)
    with torch.no_grad():
        next(model.parameters()).add_(0.5)
    model.save_pretrained(tmp_path / "next")
    processor.save_pretrained(tmp_path / "next")
    trainer, _ = dpo(Weights(str(tmp_path / "next")), tmp_path)
    with torch.no_grad():
        assert float(trainer.compute_loss(trainer.model, batch_of(trainer))) == pytest.approx(math.log(2), abs=1e-6)


def test_an_adapter_s_reference_is_its_base(start: Weights, tmp_path: Path) -> None:
    trainer, _ = dpo(start, tmp_path, lora=4)
    assert trainer.ref_model is None
    trained = {name for name, weights in trainer.model.named_parameters() if weights.requires_grad}
    assert trained
    assert all("lora" in name and "language_model" in name for name in trained)
    with torch.no_grad():
        assert float(trainer.compute_loss(trainer.model, batch_of(trainer))) == pytest.approx(math.log(2), abs=1e-6)


TEXTS = ["Image 1 is better", "cubism: cubist against naturalistic, likes (Score 1: 3, Score 2: 1)\nImage 2 is better"]


def test_only_the_completion_has_labels(start: Weights, tmp_path: Path) -> None:
    """Read from what trl's collator makes: prompt, image and padding tokens carry no loss."""
    model, processor = load(start, REWARD, SETTINGS.model)
    data = answers(tmp_path / "images", processor, TEXTS)
    trainer = supervised.trainer(model, processor, data, tmp_path, REWARD, SETTINGS.model, 0)
    batch = trainer.data_collator([data[0], data[1]])
    tokenizer = processor.tokenizer
    image = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    assert int((batch["input_ids"] == image).sum()) == 2 * 2 * 4
    for ids, labels, row in zip(batch["input_ids"], batch["labels"], data, strict=True):
        learned = labels != -100
        assert torch.equal(labels[learned], ids[learned])
        assert image not in labels[learned].tolist()
        assert tokenizer.decode(labels[learned]) == row["completion"]
        assert row["completion"].endswith("<|im_end|>")
    assert [text in row["completion"] for text, row in zip(TEXTS, data, strict=True)] == [True, True]


def test_the_loss_of_sft_is_the_cross_entropy_of_the_completion(start: Weights, tmp_path: Path) -> None:
    model, processor = load(start, REWARD, SETTINGS.model)
    data = answers(tmp_path / "images", processor, TEXTS)
    trainer = supervised.trainer(model, processor, data, tmp_path, REWARD, SETTINGS.model, 0)
    likelihood = sum(log_probability(trainer.model, processor, row, "completion") for row in data)
    tokens = sum(len(processor.tokenizer(row["completion"])["input_ids"]) for row in data)
    with torch.no_grad():
        loss = float(trainer.compute_loss(trainer.model, dict(trainer.data_collator([data[0], data[1]]))))
    assert loss == pytest.approx(-likelihood / tokens, abs=1e-5)


def test_a_prompt_is_the_very_text_a_judge_sends(start: Weights, tmp_path: Path) -> None:
    _, processor = load(start, REWARD, SETTINGS.model)
    (one, _), (other, _) = seen(material(), 2)
    messages = wording().reasoner_messages(Reference("a <|im_end|> prompt", (one,), (other,)))
    row = {"messages": stored(messages, Pictures(tmp_path)), "completion": "because <|image_pad|>"}
    data = dataset([row], ("completion",), processor, Pictures(tmp_path))
    assert data[0]["prompt"] == Chat(processor).text(messages)
    assert data[0]["prompt"].endswith("<|im_start|>assistant\n")
    assert "<|image_pad|>" not in data[0]["completion"]


def test_missing_images_are_named(start: Weights, tmp_path: Path) -> None:
    _, processor = load(start, REWARD, SETTINGS.model)
    (one, _), (other, _) = seen(material(), 2)
    row = {"messages": stored(wording().reward_messages("", "", one, other), Pictures(tmp_path)), "completion": "x"}
    Pictures(tmp_path).path(other.digest).unlink()
    with pytest.raises(DataError, match=f"lacks 1 images, {other.digest}.png"):
        dataset([row], ("completion",), processor, Pictures(tmp_path))


class Killed(BaseException):
    """Stands for a signal."""


class KillAt(TrainerCallback):  # type: ignore[misc]
    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self._step:
            raise Killed


def fitted(start: Weights, folder: Path, images: Path, lora: int, kill: int = 0) -> str:
    """Three steps an epoch, the last of two batches out of three; going on from step 4 is in the second epoch."""
    changes = "reward.steps=7", "reward.save_every=2", "reward.batch=1", "reward.accumulation=3", f"reward.lora={lora}"
    fit = preset(*changes).reward
    model, processor = load(start, fit, SETTINGS.model)
    data = answers(images, processor, [*TEXTS, *TEXTS, *TEXTS, *TEXTS])
    trainer = supervised.trainer(model, processor, data, folder, fit, SETTINGS.model, 0)
    if kill:
        trainer.add_callback(KillAt(kill))
    facts = train(trainer, folder, "", Silent())
    assert facts["last"]["step"] == facts["steps"] == 7
    save(trainer, processor, folder / "end")
    # An adapter's README.md and configuration name the folder; its weights do not.
    return digest_of_files(*sorted((folder / "end").glob("*.safetensors")), folder / "end" / "tokenizer.json")


@pytest.mark.parametrize("lora", [0, 4])
def test_a_killed_fit_goes_on_to_the_same_weights(start: Weights, tmp_path: Path, lora: int) -> None:
    whole = fitted(start, tmp_path / "whole", tmp_path / "images", lora)
    with pytest.raises(Killed):
        fitted(start, tmp_path / "killed", tmp_path / "images", lora, kill=5)
    # As if the kill had come while the last checkpoint was written.
    torn = tmp_path / "killed" / CHECKPOINTS / "checkpoint-5"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half")
    (torn / "trainer_state.json").touch()
    found = last_whole(tmp_path / "killed" / CHECKPOINTS)
    assert found is not None
    assert found.name == "checkpoint-4"
    assert not torn.exists()
    assert fitted(start, tmp_path / "killed", tmp_path / "images", lora) == whole


def test_the_libraries_surprising_defaults_are_not_taken(tmp_path: Path) -> None:
    from trl import DPOConfig, SFTConfig

    for kind in (SFTConfig, DPOConfig):
        made = kind(**arguments(tmp_path, REWARD, SETTINGS.model, 0))
        assert made.max_length is None
        assert not made.bf16
        assert not made.gradient_checkpointing
        assert made.report_to == []


def test_each_epoch_has_an_order_of_its_own_whatever_was_drawn_before() -> None:
    epoch = 0
    order = ByLength([5, 1, 4, 2, 3, 9, 7, 8] * 3, 2, seed=3, epoch=lambda: epoch)
    first = list(order)
    torch.rand(10)
    assert list(order) == first
    assert sorted(first) == list(range(len(order)))
    epoch = 1
    assert list(order) != first
    assert list(ByLength([5, 1, 4, 2, 3, 9, 7, 8] * 3, 2, seed=4, epoch=lambda: 0)) != first


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "smaller batch with more accumulation"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), "smaller batch with more accumulation"),
        (SafetensorError("I/O error: No space left on device"), "No space left on device.*make room"),
        (RuntimeError("[enforce fail at inline_container.cc:671] . unexpected pos"), "make room"),
    ],
)
def test_memory_and_disk_that_ran_out_are_said_so(tmp_path: Path, error: Exception, said: str) -> None:
    with pytest.raises(RunError, match=said), explained(tmp_path):
        raise error


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="shape"), explained(tmp_path):
        raise RuntimeError("shape mismatch")


def test_several_gpus_are_not_for_one_process(start: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library would copy the model to all of them, and its trainers then refuse."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    with pytest.raises(ConfigError, match=r"4 GPUs for one process.*accelerate launch"):
        load(start, REWARD, replace(SETTINGS.model, device="cuda"))


def test_the_curves_can_be_read_back(start: Weights, tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    fit = preset("reasoner.log_every=1").reasoner
    model, processor = load(start, fit, SETTINGS.model)
    data = pairs(tmp_path / "images", processor)
    made = preferences.trainer(model, processor, data, tmp_path, fit, SETTINGS.model, 0, "tensorboard")
    train(made, tmp_path, "", Silent())
    found = events.EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    for name in ("loss", "learning_rate", "rewards/margins", "logps/chosen", "logps/rejected"):
        assert [entry.step for entry in found.Scalars(f"train/{name}")] == [1, 2, 3, 4]


def test_curves_nobody_can_write_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert writers("none", tmp_path) == []
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        writers("tensorboard", tmp_path)
