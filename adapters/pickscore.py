"""PickScore: CLIP ViT-H/14, trained on the choices of users of a web application."""

from __future__ import annotations

import math

from adapters.backbones.hf_clip import PIXELS, PROCESSOR, HfClip, find_hf_clip
from adapters.devices import Device
from adapters.encoding import DualJudge
from adapters.weights import Weights

OFFICIAL_PROCESSOR = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K@1c2b8495b28150b8a4922ee1c8edee224c284c0c"
"""Where the official code takes tokenizer and image processor from (yuvalkirstain/PickScore, README)."""


class PickScore(DualJudge):
    """Prefers the image of the higher PickScore (Kirstain et al., Pick-a-Pic, NeurIPS 2023).

    score = exp(logit_scale) · cos(prompt, image), about 16 to 25; p_a = 1 / (1 + exp(score_b - score_a)), the softmax
    over the two scores. Prompts are cut to 77 tokens, the end of text kept; an empty prompt is the empty text.

    Args:
        weights: hub id or folder in transformers' layout.
        processor: hub id or folder of tokenizer and image processor; empty: the folder `weights` where it holds them,
            else the official one.
        device: `auto`, `cpu`, `cuda` …
        dtype: one of `adapters.devices.DTYPES`; official inference is in float32.
        batch: images a forward pass.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether image vectors are kept on disk.
    """

    incidental = (*DualJudge.incidental, "processor")

    def __init__(
        self,
        *,
        weights: str = "yuvalkirstain/PickScore_v1@a4e4367c6dfa7288a00c550414478f865b875800",
        processor: str = "",
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        model = find_hf_clip(weights)
        own = not processor and not model.repository and model.has(PIXELS)
        files = model if own else Weights.find(processor or OFFICIAL_PROCESSOR, PROCESSOR)
        backbone = HfClip(model, Device(device, dtype, batch), processor=files, decode=decode, cache=cache)
        super().__init__(backbone)

    def score(self, cosine: float) -> float:
        """The logit: exp(logit_scale) times the cosine."""
        return self.backbone.scale * cosine

    def probability(self, score_a: float, score_b: float) -> float:
        """The softmax over the two scores, taken so that it does not overflow."""
        return 0.5 * (1 + math.tanh((score_a - score_b) / 2))
