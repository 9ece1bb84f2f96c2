"""ViPer's proxy metric (Salehi et al. 2024, EPFL-VILAB/ViPer, `metric.py`): how well an image fits a person's taste.

No chat: Idefics2 with a LoRA adapter reads liked and disliked images as one-token scores, and the score of a new image
is the probability it gives to `+` rather than `-`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from adapters.engines import checkpoints
from adapters.engines.bases import Base, shared_base
from adapters.engines.loading import load_processor, placed
from adapters.engines.local import LIBRARIES, LocalOptions
from harness.contexts import references_digest
from harness.errors import ConfigError, DataError
from harness.parameters import whole
from harness.records import Comparison, Image, Reference, Verdict, digest_of

SIGNS = {648: "+", 387: "-"}
"""Token ids the script compares, and what they stand for in the tokenizer of Idefics2."""

SIZE = {"longest_edge": 448, "shortest_edge": 378}
"""Pixels; images are not split into tiles."""

EXAMPLE = "User:<image>Score for this image?<end_of_utterance>\nAssistant: {sign}<end_of_utterance>\n"
QUERY = "User:<image>Score for this image?<end_of_utterance>\nAssistant: "
"""The form the adapter was trained on, with the space at its end."""


class Viper:
    """Scores A and B in the same context; the larger score wins. The prompt is not read.

    The context is a copy for each query (the script's own list grows with every call), and the score is
    sigmoid(l₊ - l₋), which is the script's exp(l₊) / (exp(l₊) + exp(l₋)) without its overflow in half precision.

    `context`: at most so many liked and as many disliked images are shown, disliked first and in turn. `permutations`:
    the score is the mean over so many orders of them: the given one and seeded ones. `dtype`: the script uses float32;
    `auto` is bfloat16 on a GPU.
    """

    reads_references: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = LIBRARIES
    incidental: ClassVar[tuple[str, ...]] = ("model", "adapter", "device", "dtype", "quantization")

    def __init__(
        self,
        *,
        model: str = "HuggingFaceM4/idefics2-8b",
        adapter: str = "EPFL-VILAB/Metric-ViPer",
        device: str = "auto",
        dtype: str = "auto",
        quantization: str = "",
        context: int = 8,
        permutations: int = 1,
        seed: int = 0,
    ) -> None:
        self.options = LocalOptions(model=model, adapter=adapter, device=device, dtype=dtype, quantization=quantization)
        self._context = whole("context", context, 1)
        self._permutations = whole("permutations", permutations, 1, 1000)
        self._seed = whole("seed", seed, 0)
        self._checkpoint = checkpoints.model(model)
        self._adapter = checkpoints.adapter(adapter) if adapter else None
        self._known: dict[tuple[str, str], float] = {}

    def compare(self, comparisons: Sequence[Comparison]) -> list[Verdict]:
        """One verdict each. Raises `DataError` where a user's liked or disliked images are not known."""
        return [self._verdict(comparison) for comparison in comparisons]

    def identity(self) -> Mapping[str, Any]:
        """What can change a score; no path."""
        device, dtype = placed(self.options.device, self.options.dtype)
        return {
            "model": self._checkpoint.identity,
            "adapter": self._adapter.identity if self._adapter else "",
            "device": device.type,
            "dtype": str(dtype).removeprefix("torch."),
            "quantization": self.options.quantization,
        }

    def _verdict(self, comparison: Comparison) -> Verdict:
        liked, disliked = examples(comparison.references, self._context)
        if not liked:
            raise DataError(f"comparison {comparison.id}: the references show no liked or no disliked image; expected "
                            "at least one of each")  # fmt: skip
        digest = references_digest(comparison.references)
        scores = []
        for image in (comparison.image_a, comparison.image_b):
            key = (digest, image.digest)
            if key not in self._known:
                orders = [self._order(liked, disliked, draw) for draw in range(self._permutations)]
                self._known[key] = math.fsum(self.score(order, image) for order in orders) / len(orders)
            scores.append(self._known[key])
        return Verdict.from_scores(*scores)

    def _order(self, liked: Sequence[Image], disliked: Sequence[Image], draw: int) -> list[tuple[Image, str]]:
        """(image, sign), negative first and in turn; `draw` 0 is the given order."""
        return [
            (image, sign)
            for pair in zip(self._shuffled(disliked, draw), self._shuffled(liked, draw), strict=True)
            for image, sign in zip(pair, "-+", strict=True)
        ]

    def _shuffled(self, images: Sequence[Image], draw: int) -> list[Image]:
        def place(image: Image) -> bytes:
            return digest_of(str(self._seed).encode(), str(draw).encode(), image.digest.encode())

        return sorted(images, key=place) if draw else list(images)

    def score(self, context: Sequence[tuple[Image, str]], image: Image) -> float:
        """The probability of `+`, from 0 to 1, after these examples."""
        import torch  # noqa: PLC0415

        text, images = prompt(context, image)
        inputs = self._processor(text=[text], images=[[shown.decode() for shown in images]], return_tensors="pt")
        device, dtype = placed(self.options.device, self.options.dtype)
        inputs = {k: v.to(device, dtype if v.is_floating_point() else v.dtype) for k, v in inputs.items()}
        self._base.use(self._adapter)
        with torch.inference_mode():
            logits = self._base.model(**inputs).logits[0, -1]
        plus, minus = (float(logits[token]) for token in SIGNS)
        return two_logits(plus, minus)

    @cached_property
    def _processor(self) -> Any:
        processor = load_processor(self._checkpoint)
        for token, sign in SIGNS.items():
            found = processor.tokenizer.decode([token]).strip()
            if found != sign:
                raise ConfigError(f"{self._checkpoint.identity}: token {token} is {found!r}; expected {sign!r}, as in "
                                  "the tokenizer of HuggingFaceM4/idefics2-8b")  # fmt: skip
        processor.image_processor.size = SIZE
        processor.image_processor.do_image_splitting = False
        return processor

    @cached_property
    def _base(self) -> Base:
        place = placed(self.options.device, self.options.dtype)
        return shared_base(self._checkpoint, self._adapter, *place, self.options.quantization)


def examples(references: Sequence[Reference], most: int) -> tuple[list[Image], list[Image]]:
    """Liked and disliked images in the order of the references: equally many of each, at most `most`."""
    liked = [image for reference in references for image in reference.preferred]
    disliked = [image for reference in references for image in reference.rejected]
    n = min(len(liked), len(disliked), most)
    return liked[:n], disliked[:n]


def prompt(context: Sequence[tuple[Image, str]], image: Image) -> tuple[str, list[Image]]:
    """The text with a slot for each image, and the images; `context` is left as it is."""
    text = "".join(EXAMPLE.replace("{sign}", sign) for _, sign in context) + QUERY
    return text, [*(shown for shown, _ in context), image]


def two_logits(plus: float, minus: float) -> float:
    """sigmoid(plus - minus), without overflow."""
    gap = plus - minus
    return 1 / (1 + math.exp(-gap)) if gap >= 0 else math.exp(gap) / (1 + math.exp(gap))
