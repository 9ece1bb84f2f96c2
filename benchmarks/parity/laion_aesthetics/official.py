"""The steps of simple_inference.py: OpenAI's image vector, normalised in numpy, through the layers of the head.

The script is no installable module: its head is a stack of torch's own layers, made here from the same list.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.parity import openai_clip

import clip  # isort: skip
import numpy as np
import PIL.Image
import torch

from benchmarks.parity.clip_files import HEAD_SCALE, HEAD_SHAPES, drawn
from benchmarks.parity.materials import prompts
from benchmarks.parity.results import official

HEAD, BACKBONE = "sac+logos+ava1-l14-linearMSE.pth", "ViT-L-14.pt"


class Head(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        linear, dropout = torch.nn.Linear, torch.nn.Dropout
        self.layers = torch.nn.Sequential(
            linear(768, 1024), dropout(0.2), linear(1024, 128), dropout(0.2), linear(128, 64), dropout(0.1),
            linear(64, 16), linear(16, 1),
        )  # fmt: skip


def make(folder: Path, small: bool) -> None:
    torch.save(openai_clip.make_state(small), folder / BACKBONE)
    head = {name: torch.from_numpy(values) for name, values in drawn(HEAD_SHAPES, HEAD_SCALE).items()}
    torch.save(head, folder / HEAD)


@torch.no_grad()
def score(folder: Path, images: Path) -> list[list[float]]:
    head = Head().eval()
    head.load_state_dict(torch.load(folder / HEAD))
    model, transform = clip.load(str(folder / BACKBONE), device="cpu")
    row = []
    for path in sorted(images.iterdir()):
        vector = model.encode_image(transform(PIL.Image.open(path)).unsqueeze(0)).numpy()
        vector = vector / np.linalg.norm(vector, 2, axis=-1, keepdims=True)
        row.append(float(head.layers(torch.from_numpy(vector).float())[0, 0]))
    return [row] * len(prompts())


if __name__ == "__main__":
    official(make, score, ("torch", "torchvision", "clip-anytorch", "numpy", "pillow"))
