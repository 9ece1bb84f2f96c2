"""ImageReward as a judge: an image is seen once, each of its prompts is read beside what was seen."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision import transforms

from adapters.devices import Batched, Device
from adapters.imagereward.checkpoint import Checkpoint
from adapters.imagereward.network import IMAGE
from harness.judge import Scorer
from harness.records import Image

MEAN, STD = 0.16717362830052426, 1.0333394966054072
"""Of the rewards, by which they are standardised (`ImageReward.py`)."""

PIXEL_MEAN, PIXEL_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of OpenAI's CLIP; ImageReward prepares images in the same way (`ImageReward.py`, `_transform`)."""

KEPT = 128
"""Images whose tokens are kept for further prompts; 0.8 MB each at the published size."""

THREADS = min(8, os.cpu_count() or 1)


class ImageReward(Scorer):
    """The published reward, about standard normal over generated images.

    Prompts are cut to 33 word pieces; an empty one is scored as the empty text. Source: Xu et al., ImageReward, NeurIPS
    2023; repository THUDM/ImageReward.

    Args:
        weights: hub id, folder with `ImageReward.pt` and `med_config.json`, or `ImageReward.pt` itself.
        tokenizer: hub id or folder of `bert-base-uncased`, of which `vocab.txt` is read; not needed when the folder of
            the weights holds that file.
        device: `auto`, `cpu`, `cuda` …
        dtype: precision of the two encoders; the head is always float32, as officially.
        batch: images, then pairs of prompt and image, that are worked on at once.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch", "torchvision", "tokenizers", "pillow", "numpy")
    incidental: ClassVar[tuple[str, ...]] = ("weights", "tokenizer", "device", "batch")

    def __init__(
        self,
        *,
        weights: str = "THUDM/ImageReward",
        tokenizer: str = "google-bert/bert-base-uncased",
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
    ) -> None:
        self._device = Device(device, dtype, batch)
        self._batched = Batched(self._device)
        checkpoint = Checkpoint.load(weights, tokenizer)
        self.network = checkpoint.network
        self._device.place(self.network.blip)
        self.network.mlp.to(self._device.device, torch.float32).eval().requires_grad_(False)
        self.tokenizer = checkpoint.tokenizer
        self._checkpoint = checkpoint.identity
        self.preprocess = preprocessing()
        self._tokens: OrderedDict[str, torch.Tensor] = OrderedDict()
        self.encoded = 0
        """How many images went through the vision encoder."""

    def identity(self) -> Mapping[str, Any]:
        """The checkpoint, the device and the precision."""
        return {**self._checkpoint, **self._device.identity()}

    def unread(self, digests: Sequence[str]) -> set[str]:
        """Those of the images whose tokens are not at hand: the others need no pixels."""
        return set(digests) - self._tokens.keys()

    def score(self, prompts: Sequence[str], images: Sequence[Image]) -> NDArray[np.float64]:
        """Rewards of shape (n,); higher is better. Raises `ImageError` for an image that cannot be decoded."""
        rows: dict[str, list[int]] = {}
        for row, image in enumerate(images):
            rows.setdefault(image.digest, []).append(row)
        rewards = np.empty(len(images))
        distinct = list(rows.values())
        for start in range(0, len(distinct), KEPT):
            some = distinct[start : start + KEPT]
            self._see([images[same[0]] for same in some])
            order = [row for same in some for row in same]
            rewards[order] = self._batched(self._reward, [(prompts[row], images[row].digest) for row in order])
        return (rewards - MEAN) / STD

    def _see(self, images: Sequence[Image]) -> None:
        """Makes the images' tokens the latest of those kept. All are decoded first: a bad file costs no forward."""
        fresh = [image for image in images if image.digest not in self._tokens]
        if fresh:
            with ThreadPoolExecutor(THREADS, thread_name_prefix="pigeval-preprocess") as pool:
                pixels = list(pool.map(lambda image: self.preprocess(image.decode()), fresh))
            seen = self._batched(lambda some: self.network.see(self._placed(some)), pixels)
            self.encoded += len(fresh)
            # Copies: a row of the batch would hold all of it in memory.
            self._tokens.update((i.digest, torch.from_numpy(row.copy())) for i, row in zip(fresh, seen, strict=True))
        for image in images:
            self._tokens.move_to_end(image.digest)
        while len(self._tokens) > KEPT:
            self._tokens.popitem(last=False)

    def _reward(self, pairs: Sequence[tuple[str, str]]) -> torch.Tensor:
        """Rewards of pairs (prompt, digest of an image that was seen)."""
        texts = self.tokenizer.encode_batch([prompt for prompt, _ in pairs])
        ids = torch.tensor([text.ids for text in texts], device=self._device.device)
        real = torch.tensor([text.attention_mask for text in texts], dtype=torch.bool, device=self._device.device)
        return self.network.reward(ids, real, self._placed([self._tokens[digest] for _, digest in pairs]))

    def _placed(self, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        return torch.stack(list(tensors)).to(self._device.device, self._device.torch_dtype)


def preprocessing() -> transforms.Compose:
    """The official preparation: Pillow image to pixels of shape (3, 224, 224); non-square images lose their borders."""
    return transforms.Compose(
        [
            transforms.Resize(IMAGE, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(IMAGE),
            transforms.ToTensor(),
            transforms.Normalize(PIXEL_MEAN, PIXEL_STD),
        ]
    )
