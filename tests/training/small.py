"""What the tests of training share: the test preset, a model of random weights, samples of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.pigreward.wording import Wording
from harness.records import Image, Reference
from training import tiny_model
from training.language import Levels, rationale
from training.material import Material, open_dataset
from training.messages import dataset, stored
from training.pictures import Pictures
from training.presets import Preset, read_preset
from training.session import Session
from training.stage import Work
from training.weights import Weights, wording_of

QUIET = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning"),
]
"""What the libraries say to each other."""


def preset(*changes: str) -> Preset:
    return read_preset("test", changes)


def session(folder: Path, *changes: str, **options: Any) -> Session:
    return Session(Work(folder), preset(*changes), say=lambda _: None, **options)


def wording() -> Wording:
    return wording_of(preset().model)


def material(spec: str = "simulated-flat:users=6,sets=12,rankings=6,noise_free=true") -> Material:
    return Material(open_dataset(spec), preset().data, 0)


def seen(of: Material, n: int) -> list[tuple[Image, Levels]]:
    """Images and what they show."""
    return [(of.store.image(code), tuple(of.dataset.attributes(of.table.images[code]))) for code in range(n)]


def random_model(folder: Path, seed: int = 0) -> Weights:
    """0.2 million random weights."""
    tiny_model.make(folder, preset().tiny, wording(), preset().rationales.hint, seed)
    return Weights(str(folder))


def pairs(folder: Path, processor: Any, n: int = 4) -> Any:
    """Preference pairs of two images each, as the trainer takes them."""
    images, pictures = seen(material(), 2 * n), Pictures(folder)
    rows = []
    for (one, a), (other, b) in zip(images[::2], images[1::2], strict=True):
        messages = stored(wording().reasoner_messages(Reference("", (one,), (other,))), pictures)
        rows.append({"messages": messages, "chosen": rationale(a, b), "rejected": rationale(b, a) + ", rich over rich"})
    return dataset(rows, ("chosen", "rejected"), processor, pictures)


def answers(folder: Path, processor: Any, texts: Sequence[str]) -> Any:
    """Questions with different numbers of references and a completion each."""
    images, pictures = seen(material(), 2 * len(texts)), Pictures(folder)
    rows = []
    for number, text in enumerate(texts):
        (one, a), (other, b) = images[2 * number], images[2 * number + 1]
        context = "\n".join([rationale(a, b)] * number)
        rows.append(
            {"messages": stored(wording().reward_messages(context, "", one, other), pictures), "completion": text}
        )
    return dataset(rows, ("completion",), processor, pictures)
