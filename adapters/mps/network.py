"""The network behind MPS: CLIP ViT-H/14 in transformers' layout (`model.*`) and a cross model (`cross_model.*`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel

from adapters.backbones.hf_clip import UNUSED
from adapters.mps.cross import CrossModel, Sizes
from adapters.weights import fit, read_state
from harness.errors import ConfigError

LARGEST_ID = 2
"""As `eos_token_id`, transformers pools a text at its largest id: what the library did when MPS was trained (4.27)."""

REUPLOAD = "mps."
"""Before every key of the re-upload RE-N-Y/mpsv1, whose class keeps the network under that name."""

CONVERT = "the official whole-module pickle is made into plain tensors by: python -m adapters.mps.convert IN OUT"


class Network(nn.Module):
    """Encodes images and texts token by token and scores them (Kwai-Kolors/MPS, trainer/models/clip_model.py)."""

    def __init__(self, config: CLIPConfig, sizes: Sizes) -> None:
        super().__init__()
        self.model = CLIPModel(config)
        self.cross_model = CrossModel(sizes)

    def image_tokens(self, pixels: Tensor) -> Tensor:
        """Projected tokens (n, 257, d) of pixels (n, 3, 224, 224); CLIP's last LayerNorm is left out, as officially."""
        tokens: Tensor = self.model.visual_projection(self.model.vision_model(pixels).last_hidden_state)
        return tokens

    def text_tokens(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Projected tokens (n, 77, d), padding and all, and the projected end-of-text token (n, d)."""
        encoded = self.model.text_model(ids)
        project = self.model.text_projection
        return project(encoded.last_hidden_state), project(encoded.pooler_output)

    def scores(self, image: Tensor, text: Tensor, pooled: Tensor, kept: Tensor) -> Tensor:
        """exp(logit_scale) × cosine of caption and image, float32 of shape (n,).

        Args:
            image: as from `image_tokens`.
            text: as from `text_tokens`.
            pooled: as from `text_tokens`.
            kept: as from `kept_tokens`.
        """
        seen = self.cross_model(image, text, kept)[:, 0].float()
        cosine = nn.functional.cosine_similarity(pooled.float(), seen, dim=-1, eps=0.0)
        scores: Tensor = cosine * self.model.logit_scale.float().exp()
        return scores


def kept_tokens(text: Tensor, condition: Tensor, threshold: float) -> Tensor:
    """Which tokens of each text have to do with the condition, bool of shape (n, 77).

    A token's relevance is its largest dot product with a token of the condition, neither normalised, padding included.
    Kept are those above `threshold` times the largest relevance in the same text. The official code divides by the
    largest of the batch; it is evaluated with one text at a time, where that is the same.

    Args:
        text: as from `Network.text_tokens`.
        condition: tokens of the condition, shape (77, d).
        threshold: share of the largest relevance, in [0, 1).
    """
    relevance = (text @ condition.T).amax(dim=-1)
    return relevance / relevance.amax(dim=-1, keepdim=True) > threshold


def load(path: Path, config: CLIPConfig) -> Network:
    """The network of a checkpoint, on the CPU in the precision of the file.

    Raises:
        ConfigError: not a checkpoint of plain tensors, or one with other keys or shapes.
    """
    state = _state(path)
    prefix = "cross_model."
    sizes = Sizes.of({key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)})
    config.text_config.eos_token_id = LARGEST_ID
    with torch.device("meta"):
        network = Network(config, sizes)
    fit(network, state, path, unused=[f"model.{key}" for key in UNUSED])
    for side in (network.model.text_model, network.model.vision_model):
        _count_positions(side.embeddings)
    return network


def _state(path: Path) -> Mapping[str, Tensor]:
    try:
        state = read_state(path, inside=("state_dict",))
    except ConfigError as error:
        raise ConfigError(f"{error}; {CONVERT}") from error
    if all(key.startswith(REUPLOAD) for key in state):
        return {key.removeprefix(REUPLOAD): tensor for key, tensor in state.items()}
    return state


def _count_positions(embeddings: Any) -> None:
    """Position numbers are a buffer no checkpoint holds, so the meta device left it without content."""
    positions = torch.arange(embeddings.position_ids.shape[-1]).unsqueeze(0)
    embeddings.register_buffer("position_ids", positions, persistent=False)
