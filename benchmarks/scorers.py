"""What reuse is worth: our scorers beside loops that do what official code does. `python -m benchmarks.scorers`.

Both sides hold the same network of drawn weights, of medium size, and run in turns in one process. The loops look at a
pair as the official functions do: both images decoded, prepared and encoded, the prompt encoded, nothing kept. Times
are of the processor, networks on one thread, so that what else the machine does is not measured.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, Generic, TypeVar

import numpy as np
import PIL.Image
import torch
from safetensors.torch import save_file
from tabulate import tabulate
from transformers import CLIPConfig, CLIPModel

from adapters.imagereward.judge import MEAN, STD, ImageReward
from adapters.pickscore import PickScore
from benchmarks.parity import clip_files
from benchmarks.parity.imagereward import files
from benchmarks.parity.imagereward.ours import judge as imagereward
from benchmarks.parity.imagereward.ours import shapes_of
from harness.judge import Judge
from harness.pictures import BytesPicture
from harness.records import Comparison, Image
from harness.runner import BATCH

J = TypeVar("J", bound=Judge)
Scores = tuple[float, float]

ROUNDS = 3
GROUPS, IMAGES, SIDE = 2, 12, 512
"""Prompts, images of each, and their side in pixels."""

FEW, SOME, MANY = 1, 6, 10
"""Pairs an image stands in."""

GROWTH = 1.1
"""How many times as much `MANY` pairs an image may take as `FEW`."""

PICKSCORE: dict[str, Any] = {
    "embed_dim": 256,
    "vision_cfg": {"image_size": 224, "layers": 6, "width": 384, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 8192, "width": 256, "heads": 4, "layers": 4},
}
IMAGEREWARD: dict[str, Any] = {
    **files.SMALL, "hidden_size": 192, "intermediate_size": 768, "num_attention_heads": 3, "num_hidden_layers": 3,
    "vision_width": 384, "vision_layers": 6, "vision_heads": 6,
}  # fmt: skip


def pickscore(folder: Path) -> Callable[[], PickScore]:
    """Writes a checkpoint and says how to open it."""
    config = clip_files.hf_config(PICKSCORE)
    with torch.device("meta"):
        shapes = {name: tuple(tensor.shape) for name, tensor in CLIPModel(CLIPConfig(**config)).state_dict().items()}
    state = {name: torch.from_numpy(values) for name, values in clip_files.drawn(shapes).items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))
    clip_files.write_processor(folder, "open_clip_torch", PICKSCORE["text_cfg"]["vocab_size"])
    return partial(PickScore, weights=str(folder), device="cpu", cache=False)


def pickscore_alone(judge: PickScore, pair: Comparison) -> Scores:
    """The two images of a pair in one forward pass, the prompt in another (yuvalkirstain/PickScore, README)."""
    backbone = judge.backbone
    pixels = torch.stack([backbone.preprocess(image.decode()) for image in (pair.image_a, pair.image_b)])
    with torch.inference_mode():
        images, text = (torch.nn.functional.normalize(x) for x in (
            backbone.forward_images(pixels), backbone.forward_texts([pair.prompt])))  # fmt: skip
        a, b = (backbone.scale * images @ text[0]).tolist()
    return a, b


def imagereward_of(folder: Path) -> Callable[[], ImageReward]:
    """Writes a checkpoint and says how to open it."""
    files.write_checkpoint(folder, shapes_of(IMAGEREWARD), IMAGEREWARD)
    return partial(imagereward, folder)


def imagereward_alone(judge: ImageReward, pair: Comparison) -> Scores:
    """Each image by itself, with its prompt (THUDM/ImageReward, `ImageReward.py`, `score`)."""
    a, b = (_reward(judge, pair.prompt, image) for image in (pair.image_a, pair.image_b))
    return a, b


def _reward(judge: ImageReward, prompt: str, image: Image) -> float:
    with torch.inference_mode():
        text = judge.tokenizer.encode(prompt)
        seen = judge.network.see(judge.preprocess(image.decode())[None])
        reward = judge.network.reward(torch.tensor([text.ids]), torch.ones(1, len(text.ids), dtype=torch.bool), seen)
    return (float(reward) - MEAN) / STD


@dataclass(frozen=True, slots=True)
class Case(Generic[J]):
    """A judge and the loop it stands beside."""

    name: str
    write: Callable[[Path], Callable[[], J]]
    alone: Callable[[J, Comparison], Scores]
    faster: float
    """How many times as fast as the loop it has to be, each image in `SOME` pairs."""


CASES: tuple[Case[Any], ...] = (
    Case("pickscore", pickscore, pickscore_alone, 4.0),
    Case("imagereward", imagereward_of, imagereward_alone, 2.0),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table; times are processor seconds, medians of `ROUNDS`."""

    judge: str
    what: str
    ours: float
    reference: float
    ratio: float
    limit: str
    held: bool


def measure(case: Case[J], folder: Path) -> list[Line]:
    """Both ratios of a judge. Raises `RuntimeError` when the loop finds other scores: it did other work then."""
    make, groups = case.write(folder), pictures()
    few, some, many = (pairs(groups, degree) for degree in (FEW, SOME, MANY))
    _check_equal(case, make(), few)
    rounds = [(_looping(case, make(), some), *(_asking(make(), asked) for asked in (some, few, many)))
              for _ in range(ROUNDS)]  # fmt: skip
    loop, ours, once, often = (median(column) for column in zip(*rounds, strict=True))
    gain = median(loop / ours for loop, ours, _, _ in rounds)
    growth = median(often / once for _, _, once, often in rounds)
    return [
        Line(case.name, f"{SOME} pairs an image, beside the official loop", ours, loop, gain,
             f">= {case.faster:g}", gain >= case.faster),
        Line(case.name, f"{MANY} pairs an image, beside {FEW}", often, once, growth,
             f"<= {GROWTH:g}", growth <= GROWTH),
    ]  # fmt: skip


def _looping(case: Case[J], judge: J, questions: Sequence[Comparison]) -> float:
    return _busy(lambda: [case.alone(judge, pair) for pair in questions])


def _asking(judge: Judge, questions: Sequence[Comparison]) -> float:
    return _busy(lambda: ask(judge, questions))


def _busy(action: Callable[[], object]) -> float:
    began = process_time()
    action()
    return process_time() - began


def ask(judge: Judge, questions: Sequence[Comparison]) -> list[Scores]:
    """As a run asks: in batches."""
    batches = (questions[start : start + BATCH] for start in range(0, len(questions), BATCH))
    verdicts = [verdict for batch in batches for verdict in judge.compare(batch)]
    return [(verdict.score_a or 0.0, verdict.score_b or 0.0) for verdict in verdicts]


def _check_equal(case: Case[J], judge: J, questions: Sequence[Comparison]) -> None:
    alone = [case.alone(judge, pair) for pair in questions]
    if (gap := float(np.abs(np.subtract(ask(judge, questions), alone)).max())) > 1e-4:
        raise RuntimeError(f"{case.name}: scores of the loop differ by {gap:.1e}; expected the same work on both sides")


def pairs(groups: Sequence[tuple[str, list[Image]]], degree: int) -> list[Comparison]:
    """Pairs of images of one prompt, every image in `degree` of them: 1, or its even number of neighbours in a ring."""
    found = []
    for prompt, images in groups:
        sides = [(at, at + 1) for at in range(0, len(images), 2)]
        if degree > 1:
            sides = [(at, at + step) for at in range(len(images)) for step in range(1, degree // 2 + 1)]
        found += [Comparison("0" * 32, "0" * 32, prompt, images[a], images[b % len(images)]) for a, b in sides]
    return found


def pictures() -> list[tuple[str, list[Image]]]:
    """Prompts with their images: JPEG files of smooth noise."""
    return [(f"a watercolor of castle number {group} by the ocean", [_picture(group, i) for i in range(IMAGES)])
            for group in range(GROUPS)]  # fmt: skip


def _picture(group: int, index: int) -> Image:
    coarse = np.random.default_rng([group, index]).integers(0, 256, (24, 24, 3), np.uint8)
    buffer = io.BytesIO()
    PIL.Image.fromarray(coarse).resize((SIDE, SIDE), PIL.Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=92)
    return Image(BytesPicture(buffer.getvalue()))


def main() -> int:
    """Prints the table; 1 when a limit is missed."""
    torch.set_num_threads(1)
    lines = []
    for case in CASES:
        with TemporaryDirectory() as folder:
            lines += measure(case, Path(folder))
    rows = [[line.judge, line.what, line.ours, line.reference, line.ratio, line.limit, "pass" if line.held else "MISS"]
            for line in lines]  # fmt: skip
    headers = ["judge", "what", "ours (s)", "reference (s)", "ratio", "limit", ""]
    print(f"{GROUPS * IMAGES} images of {SIDE} × {SIDE} pixels, processor time, median of {ROUNDS} rounds")
    print(tabulate(rows, headers, tablefmt="github", floatfmt=".3g"))
    return int(not all(line.held for line in lines))


if __name__ == "__main__":
    sys.exit(main())
