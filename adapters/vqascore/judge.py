"""VQAScore as a judge: an image is seen once, each of its prompts is asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torchvision import transforms

from adapters.backbones.base import THREADS
from adapters.devices import Batched, Device
from adapters.prompts.wording import wording
from adapters.recent import Recent
from adapters.vqascore import LIBRARIES
from adapters.vqascore.checkpoint import Checkpoint
from harness.judge import Scorer
from harness.records import Image

PIXEL_MEAN, PIXEL_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of OpenAI's CLIP."""

GROUND = (122, 116, 104)
"""Fills an image up to a square: CLIP's mean colour, cut to whole levels (`clip_t5_model.py`, `load_images`)."""

LENGTH = 2048
"""Tokens of a question, the image counted as one; longer ones are cut (`constants.py`, CONTEXT_LEN)."""

ANSWER = "Yes"
"""Whose probability is the score (`clip_t5_model.py`, `default_answer_template`)."""

PROMPTS = ("vqascore-system", "vqascore")
"""What stands before the image, and the question."""

KEPT = 128
"""Images whose patches are kept for further prompts; 2.4 MB each at the published size."""


class VQAScore(Scorer):
    """Prefers the image that CLIP-FlanT5 is surer to show what the prompt says.

    score = exp of the mean log probability of the tokens of "Yes" and the end of text, so in [0, 1], as the answer to
    whether the figure shows the prompt (Lin et al., ECCV 2024; linzhiqiu/t2v_metrics, `clip_t5_model.py`). Questions
    are cut to 2048 tokens; an empty prompt is asked about like any other.

    Args:
        weights: hub id or folder of `zhiqiulin/clip-flant5-xxl` or `-xl`.
        tokenizer: hub id or folder of `google/flan-t5-xxl`, of which `tokenizer.json` is read; not needed when the
            folder of the weights holds that file.
        prompt: `official`, which `pigeval prompts fetch` gets; `own` wording of the same structure, whose scores are
            not the official ones; or `auto`: official where it was fetched.
        device: as in `adapters.devices.Device`.
        dtype: bfloat16 is the official one and needs 23 GB for `-xxl`.
        batch: pairs of prompt and image a forward pass.

    Raises:
        ConfigError: a parameter out of range, or weights, tokenizer or prompt that cannot be used.
    """

    libraries: ClassVar[tuple[str, ...]] = LIBRARIES
    incidental: ClassVar[tuple[str, ...]] = ("weights", "tokenizer", "device", "batch", "prompt")

    def __init__(
        self,
        *,
        weights: str = "zhiqiulin/clip-flant5-xxl",
        tokenizer: str = "google/flan-t5-xxl",
        prompt: str = "official",
        device: str = "auto",
        dtype: str = "bfloat16",
        batch: int = 8,
    ) -> None:
        self._device = Device(device, dtype, batch)
        self._batched = Batched(self._device)
        self._wording = [wording(name, prompt) for name in PROMPTS]
        self._system, self._question = (part.text.strip() for part in self._wording)
        checkpoint = Checkpoint.load(weights, tokenizer)
        self._digest = checkpoint.digest
        self._tokenizer = checkpoint.tokenizer
        self.network = self._device.place(checkpoint.network)
        self.preprocess = preprocessing(checkpoint.side)
        self._before = self._ids(f"{self._system} USER: ")
        self._answer = self._ids(ANSWER)
        self._patches: Recent[str, Tensor] = Recent(KEPT)
        self.encoded = 0
        """How many images went through the vision tower."""

    def identity(self) -> Mapping[str, Any]:
        """Digest of the checkpoint, whose wording and its hash, precision and kind of device."""
        return {
            "weights": self._digest,
            "prompt": {part.name: {"origin": part.origin, "sha256": part.sha256} for part in self._wording},
            **self._device.identity(),
        }

    def unread(self, digests: Sequence[str]) -> set[str]:
        """Those of the images whose patches are not at hand: the others need no pixels."""
        return {digest for digest in digests if digest not in self._patches}

    def score(self, prompts: Sequence[str], images: Sequence[Image]) -> NDArray[np.float64]:
        """Probabilities of shape (n,), in [0, 1]. Raises `ImageError` for an image that cannot be decoded."""
        chances = self._batched(self._forward, list(zip(prompts, images, strict=True)))
        return np.exp(chances.astype(np.float64))

    def _forward(self, pairs: Sequence[tuple[str, Image]]) -> Tensor:
        seen = self._seen({image.digest: image for _, image in pairs})
        # Two texts, not one around a placeholder: a prompt that spells the placeholder is a prompt.
        most = LENGTH - 1 - len(self._before)
        after = [self._ids(f"\n{self._question.format(prompt)} ASSISTANT: ")[:most] for prompt, _ in pairs]
        real = pad_sequence([torch.ones_like(ids, dtype=torch.bool) for ids in after], batch_first=True)
        patches = torch.stack([seen[image.digest] for _, image in pairs])
        ids = pad_sequence(after, batch_first=True)
        return self.network.log_probability(self._before, patches, ids, real, self._answer)

    def _seen(self, images: Mapping[str, Image]) -> dict[str, Tensor]:
        """Patches by digest; those of images not seen lately are made."""
        kept = {digest: self._patches.get(digest) for digest in images}
        found = {digest: patches for digest, patches in kept.items() if patches is not None}
        fresh = [digest for digest in images if digest not in found]
        if fresh:
            with ThreadPoolExecutor(THREADS, thread_name_prefix="pigeval-preprocess") as pool:
                pixels = list(pool.map(lambda digest: self.preprocess(images[digest].decode()), fresh))
            made = self.network.see(torch.stack(pixels).to(self._device.device, self._device.torch_dtype))
            self.encoded += len(fresh)
            for digest, patches in zip(fresh, made, strict=True):
                # A copy: a row of the batch would hold all of it in memory.
                found[digest] = patches.clone()
                self._patches.put(digest, found[digest])
        return found

    def _ids(self, text: str) -> Tensor:
        """Token ids of shape (length,), the end of text included: officially each side of the image has its own."""
        return torch.tensor(self._tokenizer.encode(text).ids, device=self._device.device)


def preprocessing(side: int) -> transforms.Compose:
    """The official preparation: Pillow image to pixels of shape (3, side, side); the whole image is seen."""
    return transforms.Compose(
        [
            squared,
            transforms.Resize(side, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.ToTensor(),
            transforms.Normalize(PIXEL_MEAN, PIXEL_STD),
        ]
    )


def squared(image: PIL.Image.Image) -> PIL.Image.Image:
    """The image in the middle of a square as wide as its longer side (`mm_utils.py`, `expand2square`)."""
    side = max(image.size)
    ground = PIL.Image.new("RGB", (side, side), GROUND)
    ground.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return ground
