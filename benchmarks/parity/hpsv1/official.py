"""The read-me's snippet: OpenAI's ViT-L/14 with the state dict of hpc.pth put into it.

Its tokenizer refuses texts of more than 77 tokens; they are cut here by the tokenizer's own option for that.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.parity import openai_clip

import clip  # isort: skip
import PIL.Image
import torch

from benchmarks.parity.materials import prompts
from benchmarks.parity.results import official

FILE = "hpc.pth"


def make(folder: Path, small: bool) -> None:
    torch.save({"state_dict": openai_clip.make_state(small)}, folder / FILE)


@torch.no_grad()
def score(folder: Path, images: Path) -> list[list[float]]:
    state = torch.load(folder / FILE)["state_dict"]
    base = folder / "base.pt"
    torch.save(state, base)
    model, transform = clip.load(str(base), device="cpu")
    model.load_state_dict(state)
    pixels = torch.cat([transform(PIL.Image.open(path)).unsqueeze(0) for path in sorted(images.iterdir())])
    image_vectors = model.encode_image(pixels)
    image_vectors = image_vectors / image_vectors.norm(dim=-1, keepdim=True)
    text_vectors = model.encode_text(clip.tokenize(prompts(), truncate=True))
    text_vectors = text_vectors / text_vectors.norm(dim=-1, keepdim=True)
    scores: list[list[float]] = (text_vectors @ image_vectors.T).tolist()
    return scores


if __name__ == "__main__":
    official(make, score, ("torch", "torchvision", "clip-anytorch", "pillow"))
