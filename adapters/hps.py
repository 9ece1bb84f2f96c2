"""Human Preference Scores, versions 1, 2 and 2.1: CLIP models trained on human choices between generated images."""

from __future__ import annotations

from adapters.backbones.openclip import OPENAI, Layout, OpenClip
from adapters.devices import Device
from adapters.encoding import DualJudge
from adapters.weights import Weights
from harness.errors import ConfigError
from harness.parameters import one_of

V1_FILE = "hpc.pth"

V2_FILES = {"v2.0": "HPS_v2_compressed.pt", "v2.1": "HPS_v2.1_compressed.pt"}
"""tgxs002/HPSv2, hpsv2/utils.py, `hps_version_map`."""

VIT_H_14 = Layout(quick_gelu=False, head_width=80)
"""tgxs002/HPSv2, hpsv2/src/open_clip/model_configs/ViT-H-14.json."""


class HpsV1(DualJudge):
    """Prefers the image of the higher HPS (Wu et al., Human Preference Score, ICCV 2023).

    The score is the cosine of image and prompt in a tuned ViT-L/14, without logit scale; the paper shows it times 100.
    The official snippet (tgxs002/align_sd, README) fails for prompts of more than 77 tokens; here they are cut and the
    end-of-text token kept, as version 2 does. An empty prompt is the empty text.

    Args:
        weights: the file hpc.pth, or a folder that holds it. It is on no hub: the read-me of tgxs002/align_sd links it.
        device: `auto`, `cpu`, `cuda` …
        dtype: one of `adapters.devices.DTYPES`.
        batch: images a forward pass.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether image vectors are kept on disk.
    """

    def __init__(
        self,
        *,
        weights: str = "",
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        if not weights:
            raise ConfigError(f"weights is empty; download {V1_FILE} by the link in the read-me of "
                              f"github.com/tgxs002/align_sd, then give weights=FOLDER/{V1_FILE}")  # fmt: skip
        file = Weights.find(weights, (V1_FILE,)).file(V1_FILE)
        super().__init__(OpenClip(file, Device(device, dtype, batch), layout=OPENAI, decode=decode, cache=cache))


class HpsV2(DualJudge):
    """Prefers the image of the higher HPSv2 (Wu et al., Human Preference Score v2, arXiv 2306.09341, 2023).

    The score is the cosine of image and prompt in a tuned ViT-H/14, without logit scale: about 0.2 to 0.35, as
    `hpsv2.score` gives it; the paper's tables show it times 100. Computed in float32 unless told otherwise, where the
    official code on a GPU works in half precision and may tie. The image is letterboxed, not cropped; see
    `adapters.backbones.letterbox`. Prompts are cut to 77 tokens, the end of text kept; an empty one is the empty text.

    Args:
        weights: hub id, a folder that holds the version's checkpoint, or the checkpoint.
        version: one of `V2_FILES`; scores of different versions are not comparable.
        device: `auto`, `cpu`, `cuda` …
        dtype: one of `adapters.devices.DTYPES`.
        batch: images a forward pass.
        decode: one of `adapters.backbones.base.DECODES`.
        cache: whether image vectors are kept on disk.
    """

    def __init__(
        self,
        *,
        weights: str = "xswu/HPSv2@697403c78157020a1ae59d23f111aa58ced35b0a",
        version: str = "v2.0",
        device: str = "auto",
        dtype: str = "float32",
        batch: int = 32,
        decode: str = "exact",
        cache: bool = True,
    ) -> None:
        wanted = V2_FILES[one_of("version", version, V2_FILES)]
        file = Weights.find(weights, (wanted,)).file(wanted)
        if file.name != wanted and file.name in V2_FILES.values():
            raise ConfigError(f"{file}: the checkpoint of another version; expected {wanted} for version={version}")
        super().__init__(
            OpenClip(file, Device(device, dtype, batch), layout=VIT_H_14, boxed=True, decode=decode, cache=cache)
        )
