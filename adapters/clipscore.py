"""CLIPScore: how well an image fits its prompt, as the cosine of their CLIP vectors."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.backbones.clip import load_clip
from adapters.devices import Device
from adapters.encoding import DualJudge
from harness.parameters import one_of


@dataclass(frozen=True, slots=True)
class Variant:
    """A published way to make a score of the cosine."""

    prefix: str = ""
    """Stands before every prompt."""
    factor: float = 1.0
    clamped: bool = False
    """Whether a negative cosine counts as 0, so that two of them tie."""


VARIANTS = {
    "hessel": Variant("A photo depicts ", 2.5, clamped=True),
    "cosine": Variant(),
    "torchmetrics": Variant(factor=100.0),
    "tailored-visions": Variant(factor=2.5, clamped=True),
}
"""`hessel`: jmhessel/clipscore, clipscore.py. `cosine`: the CLIP baseline of THUDM/ImageReward. `torchmetrics`:
functional/multimodal/clip_score.py, where the clamp is on the mean over a batch and so on no image. `tailored-visions`:
zzjchen/Tailored-Visions, metrics.py."""


class ClipScore(DualJudge):
    """Prefers the image whose CLIP vector is nearer to the prompt's (Hessel et al., CLIPScore, EMNLP 2021).

    score = factor · cos(prefix + prompt, image), or factor · max(cos, 0), with the constants of `VARIANTS`. Prompts of
    more than 77 tokens are cut in the tokenizer, so that the end of text stays, the token whose vector is the text's.
    torchmetrics (1.9) cuts the token ids instead and loses it: all long prompts then have one and the same vector. The
    variant of that name differs there. An empty prompt is scored as the empty text.

    Args:
        weights: hub id (`owner/name` or `owner/name@revision`), folder or file, in the layout of `library`.
        library: one of `adapters.backbones.clip.LIBRARIES`.
        variant: one of `VARIANTS`.
        device: `auto`, `cpu`, `cuda` …
        dtype: one of `adapters.devices.DTYPES`.
        batch: images a forward pass.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether image vectors are kept on disk.
    """

    def __init__(
        self,
        *,
        weights: str = "openai/clip-vit-base-patch32@3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
        library: str = "transformers",
        variant: str = "hessel",
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        self._variant = VARIANTS[one_of("variant", variant, VARIANTS)]
        super().__init__(load_clip(weights, library, Device(device, dtype, batch), decode=decode, cache=cache))

    def text(self, prompt: str) -> str:
        """The prompt after the variant's prefix."""
        return self._variant.prefix + prompt

    def score(self, cosine: float) -> float:
        """From 0 to `factor` where clamped, else from -`factor` to `factor`."""
        return self._variant.factor * (max(cosine, 0.0) if self._variant.clamped else cosine)
