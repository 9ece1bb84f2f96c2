"""MPS's cross model: image tokens look at the kept tokens of the caption, then at one another.

Layers as in CoCa (Yu et al., "CoCa: Contrastive captioners are image-text foundation models", TMLR 2022): attention and
feed-forward run side by side on one normalised input; keys and values have a single head (Shazeer, "Fast transformer
decoding", 2019); the feed-forward is SwiGLU (Shazeer, "GLU variants improve transformer", 2020). Parameter names are
those of the official checkpoint (Kwai-Kolors/MPS, trainer/models/cross_modeling.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import ConfigError

THETA = 10000.0
"""Base of the rotary frequencies (Su et al., "RoFormer", 2021, section 3.2.2)."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of a cross model."""

    width: int
    heads: int
    head: int
    """Width of a head, even."""
    inner: int
    """Width of the feed-forward."""
    layers: int

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Sizes:
        """Reads them off a state dict of `CrossModel`. Raises `ConfigError` for a key that is missing."""
        try:
            queries, width = state["layers.0.0.fn.to_q.weight"].shape
            head = state["layers.0.0.fn.to_kv.weight"].shape[0] // 2
            inner = state["layers.0.0.fn.ff.2.weight"].shape[1]
        except KeyError as error:
            raise ConfigError(f"no tensor cross_model.{error.args[0]}; expected a checkpoint of MPS") from error
        layers = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("layers."))
        return cls(width, queries // head, head, inner, layers)


class CrossModel(nn.Module):
    """Official size: 4 layers, width 1024, 16 heads of 64, feed-forward 4096; 118.5 million parameters."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        # `fn` is what the official residual wrapper calls its content.
        self.layers = nn.ModuleList(
            nn.ModuleList(nn.ModuleDict({"fn": block(sizes)}) for block in (CrossBlock, SelfBlock))
            for _ in range(sizes.layers)
        )

    def forward(self, image: Tensor, text: Tensor, kept: Tensor) -> Tensor:
        """Image tokens that have seen the text.

        Args:
            image: tokens, shape (n, i, width).
            text: tokens, shape (n, t, width).
            kept: which text tokens are looked at, bool of shape (n, t); a row without any gives NaN.

        Returns:
            Shape (n, i, width).
        """
        blocks: Any = self.layers
        for cross, own in blocks:
            image = image + cross["fn"](image, text, kept)
            image = image + own["fn"](image)
        return image


class CrossBlock(nn.Module):
    """Cross-attention beside a feed-forward of the queries."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.norm = nn.LayerNorm(sizes.width)
        self.to_q = nn.Linear(sizes.width, sizes.heads * sizes.head, bias=False)
        self.to_kv = nn.Linear(sizes.width, 2 * sizes.head, bias=False)
        self.to_out = nn.Linear(sizes.heads * sizes.head, sizes.width, bias=False)
        self.ff = nn.Sequential(
            nn.Linear(sizes.width, 2 * sizes.inner, bias=False),
            SwiGLU(),
            nn.Linear(sizes.inner, sizes.width, bias=False),
        )

    def forward(self, image: Tensor, text: Tensor, kept: Tensor) -> Tensor:
        """What is added to the image tokens; the text is not normalised."""
        image = self.norm(image)
        key, value = self.to_kv(text).chunk(2, dim=-1)
        added: Tensor = self.to_out(attend(self.to_q(image), key, value, self.heads, kept)) + self.ff(image)
        return added


class SelfBlock(nn.Module):
    """Self-attention with rotary positions beside a feed-forward, both from one projection."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.parts = [sizes.heads * sizes.head, sizes.head, sizes.head, 2 * sizes.inner]
        self.norm = nn.LayerNorm(sizes.width)
        self.rotary_emb = Rotary(sizes.head)
        self.fused_attn_ff_proj = nn.Linear(sizes.width, sum(self.parts), bias=False)
        self.attn_out = nn.Linear(sizes.heads * sizes.head, sizes.width, bias=False)
        self.ff_out = nn.Sequential(SwiGLU(), nn.Linear(sizes.inner, sizes.width, bias=False))

    def forward(self, image: Tensor) -> Tensor:
        """What is added to the image tokens."""
        query, key, value, feed = self.fused_attn_ff_proj(self.norm(image)).split(self.parts, dim=-1)
        query = self.rotary_emb(by_head(query, self.heads)).transpose(1, 2).flatten(2)
        added: Tensor = self.attn_out(attend(query, self.rotary_emb(key), value, self.heads)) + self.ff_out(feed)
        return added


class SwiGLU(nn.Module):
    """silu of the second half times the first."""

    def forward(self, x: Tensor) -> Tensor:
        """Shape (..., 2 d) to (..., d)."""
        value, gate = x.chunk(2, dim=-1)
        return nn.functional.silu(gate) * value


class Rotary(nn.Module):
    """Rotary positions; the frequencies are part of the checkpoint, and angles have their precision."""

    inv_freq: Tensor

    def __init__(self, head: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", THETA ** -(torch.arange(0, head, 2) / head))

    def forward(self, x: Tensor) -> Tensor:
        """Turns shape (..., tokens, head): dimension i and i + head/2 by the angle position × frequency i."""
        positions = torch.arange(x.shape[-2], device=x.device, dtype=self.inv_freq.dtype)
        angles = torch.outer(positions, self.inv_freq).repeat(1, 2)
        first, second = x.chunk(2, dim=-1)
        return x * angles.cos() + torch.cat((-second, first), dim=-1) * angles.sin()


def by_head(x: Tensor, heads: int) -> Tensor:
    """Shape (n, tokens, heads × head) to (n, heads, tokens, head)."""
    return x.view(*x.shape[:-1], heads, -1).transpose(1, 2)


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int, kept: Tensor | None = None) -> Tensor:
    """Attention of many query heads on one key and value head.

    Args:
        query: shape (n, i, heads × head).
        key: shape (n, t, head).
        value: shape (n, t, head).
        heads: of the query.
        kept: which keys are looked at, bool of shape (n, t); None: all.

    Returns:
        Shape (n, i, heads × head).
    """
    similarity = by_head(query, heads) @ key.unsqueeze(1).transpose(-1, -2) * key.shape[-1] ** -0.5
    if kept is not None:
        similarity = similarity.masked_fill(~kept[:, None, None, :], -torch.inf)
    seen: Tensor = similarity.softmax(dim=-1) @ value.unsqueeze(1)
    return seen.transpose(1, 2).flatten(2)
