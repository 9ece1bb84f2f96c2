"""HPSv3's network: Qwen2-VL without its language head, and a small head that reads one position."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Qwen2VLConfig, Qwen2VLModel

from adapters.devices import Device
from adapters.weights import fit, read_state
from harness.errors import ConfigError

HOMES = (
    ("model.visual.", "model.visual."),
    ("model.language_model.", "model.language_model."),
    ("visual.", "model.visual."),
    ("model.", "model.language_model."),
    ("rm_head.", "rm_head."),
)
"""Where keys of a checkpoint are here, the first that fits. The released file has the layout of transformers 4.45
(`visual.*`, `model.layers.*`); files of later versions have `model.visual.*` and `model.language_model.*`."""

LANGUAGE_HEAD = "lm_head.weight"
"""In the checkpoint, and not needed."""

EMBEDDINGS = "model.language_model.embed_tokens.weight"


class RewardNetwork(nn.Module):
    """Mean and log spread of an image's score (MizzenAI/HPSv3, Qwen2VLRewardModelBT in hpsv3/model/qwen2vl_trainer.py).

    The head has three layers of 1024, 16 and 2 at the official size; it always works in float32.
    """

    def __init__(self, config: Qwen2VLConfig, hidden: int, last: int, outputs: int) -> None:
        super().__init__()
        self.model = Qwen2VLModel(config)
        # Places 2 and 4 are a dropout and a second ReLU, so the layers are called 0, 3 and 5.
        self.rm_head = nn.Sequential(
            nn.Linear(config.text_config.hidden_size, hidden),
            nn.ReLU(),
            nn.Dropout(0.05),
            nn.Linear(hidden, last),
            nn.ReLU(),
            nn.Linear(last, outputs),
        )

    def forward(self, inputs: Mapping[str, Tensor], token: int) -> Tensor:
        """The head's outputs at the one place of each row where `token` stands, float32 of shape (n, outputs).

        Positions simply count up. The model would number image tokens by row and column, but the official code hands
        it embeddings without the ids it needs for that, in training as in inference.

        Args:
            inputs: `input_ids` and `attention_mask` of shape (n, tokens), padded on the right; `pixel_values`;
                `image_grid_thw`.
            token: its id; it stands once in each row.
        """
        ids = inputs["input_ids"]
        positions = torch.arange(ids.shape[1], device=ids.device).expand(3, *ids.shape)
        hidden = self.model(**inputs, position_ids=positions, use_cache=False).last_hidden_state
        outputs: Tensor = self.rm_head(hidden[ids == token].float())
        return outputs


def load(path: Path, config: Qwen2VLConfig, token: int, device: Device) -> RewardNetwork:
    """The network of a checkpoint, on the device, for inference.

    Raises:
        ConfigError: not a checkpoint of plain tensors, with other keys or shapes, or without an embedding for `token`.
    """
    state = renamed(read_state(path, inside=("model",)), path)
    rows = len(state.get(EMBEDDINGS, ()))
    if rows <= token:
        raise ConfigError(
            f"{path}: {rows} token embeddings; expected one for <|Reward|>, which has id {token} in the processor's "
            "vocabulary: weights of HPSv3 with the processor of Qwen2-VL"
        )
    config.text_config.vocab_size = rows
    with torch.device("meta"):
        network = RewardNetwork(config, *(_rows(state, f"rm_head.{layer}.weight") for layer in (0, 3, 5)))
    fit(network, state, path)
    _compute_frequencies(network.model, config)
    network.rm_head.to(device.device, torch.float32)
    device.place(network.model)
    return network.eval().requires_grad_(False)


def renamed(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors by the keys of `RewardNetwork`, without the language head. Raises `ConfigError` for a stray key."""
    found = {}
    for key, tensor in state.items():
        home = next(((old, new) for old, new in HOMES if key.startswith(old)), None)
        if home is not None:
            found[home[1] + key.removeprefix(home[0])] = tensor
        elif key != LANGUAGE_HEAD:
            raise ConfigError(f"{path}: {key} is no part of HPSv3; expected visual.*, model.*, rm_head.* and lm_head")
    return found


def _rows(state: Mapping[str, Tensor], key: str) -> int:
    # A missing key is reported by `fit`, with all others.
    return len(state.get(key, ())) or 1


def _compute_frequencies(model: Any, config: Any) -> None:
    """Rotary frequencies are in no checkpoint, so the meta device left them without content.

    They are rounded to bfloat16 whatever the precision of the rest: the released settings cast the whole module, for
    training as for inference, so the network knows no others. Exact ones would turn a token 600 places on by up to a
    radian more or less.
    """
    model.language_model.rotary_emb = type(model.language_model.rotary_emb)(config.text_config).bfloat16()
    model.visual.rotary_pos_emb = type(model.visual.rotary_pos_emb)(config.vision_config).bfloat16()
