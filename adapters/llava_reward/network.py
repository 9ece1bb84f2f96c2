"""LLaVA-Reward's network: a base model with LoRA, and a head that reads the last token of a text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLRMSNorm

from adapters.devices import Device
from adapters.engines.checkpoints import Checkpoint
from adapters.engines.loading import load_base
from adapters.llava_reward.folder import Folder
from adapters.llava_reward.lora import add_lora
from adapters.weights import fit

EPSILON = 1e-6
"""Of SkipCA's norm on Qwen2.5-VL (eval/reward_adaptor_loader.py)."""


class Head(nn.Module):
    """What `pytorch_model.bin` holds: the linear head, SkipCA where there is one, and the base's projector."""

    def __init__(self, folder: Folder, base: Any) -> None:
        super().__init__()
        width = base.get_input_embeddings().embedding_dim
        with torch.device("meta"):
            self.value_head = nn.Linear(width, folder.settings.outputs, bias=False)
            if folder.settings.add_cross_attention:
                self.W_q, self.W_k, self.W_v = (nn.Linear(width, width, bias=False) for _ in range(3))
                self.ca_layernorm = Qwen2_5_VLRMSNorm(width, eps=EPSILON)
        # The base goes on using it: tensors that are read into it are read into the base.
        self.add_module(folder.family.anchor, base.get_submodule(folder.family.projector))
        self.skips = folder.settings.add_cross_attention

    def forward(self, states: Tensor, sources: Sequence[Tensor]) -> Tensor:
        """Rewards of shape (n, outputs).

        Args:
            states: last hidden states of the last tokens, of shape (n, width).
            sources: for each, what SkipCA attends to: embeddings of shape (any number, width).
        """
        if self.skips:
            attended = [self._attend(state, source) for state, source in zip(states, sources, strict=True)]
            states = self.ca_layernorm(states + torch.stack(attended))
        rewards: Tensor = self.value_head(states)
        return rewards

    def _attend(self, state: Tensor, source: Tensor) -> Tensor:
        """softmax(W_q h · W_k e / √width) W_v e, with a single head; zero where there is nothing to attend to."""
        weights = (self.W_k(source) @ self.W_q(state) / math.sqrt(len(state))).softmax(0)
        attended: Tensor = weights @ self.W_v(source)
        return attended


class RewardNetwork:
    """Rewards of images for their texts (`custom_forward` in llava_reward/models/rw_model_general_preference.py)."""

    def __init__(self, base: Any, head: Head, source: int) -> None:
        self.base = base
        self.head = head
        self._source = source

    def __call__(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Rewards of shape (n, outputs), in the precision of the model, read at the last attended token.

        SkipCA was meant to attend to the image. On Qwen2.5-VL the released code looks for its tokens by the id of
        `<|endoftext|>`, which is what texts are padded with, not by the id of an image's slot. The released script
        evaluates one text at a time, without padding: there is nothing to attend to, and SkipCA is its norm. So it is
        here, whatever the batch; padding is not attended to.

        Args:
            inputs: what the family takes, padded on either side.
        """
        ids, mask = inputs["input_ids"], inputs["attention_mask"].bool()
        hidden = self.base(**inputs, use_cache=False).last_hidden_state
        last = mask.shape[1] - 1 - mask.long().flip(1).argmax(1)
        embed = self.base.get_input_embeddings()
        sources = [embed(row[kept & (row == self._source)]) for row, kept in zip(ids, mask, strict=True)]
        rewards: Tensor = self.head(hidden[torch.arange(len(ids), device=ids.device), last], sources)
        return rewards


def load(folder: Folder, base: Checkpoint, device: Device, source: int) -> RewardNetwork:
    """The network on the device, for inference; `source` is the id of what SkipCA attends to. Raises `ConfigError`."""
    model = load_base(base, torch.device(device.device), device.torch_dtype, "").model
    head = Head(folder, model)
    state = {key: tensor.to(device.device, device.torch_dtype) for key, tensor in folder.head.items()}
    fit(head, state, folder.files[1])
    add_lora(model, folder.family, *folder.files[2:])
    return RewardNetwork(model.eval().requires_grad_(False), device.place(head), source)
