"""ImageReward's network: a ViT sees the image, a BERT reads the prompt while looking at it, a stack of affines scores.

Modules bear the names of the published checkpoint, so that its state dict fits as it is.
Source: Xu et al., ImageReward, NeurIPS 2023; repository THUDM/ImageReward, `models/BLIP/{vit,med,blip_pretrain}.py` and
`ImageReward.py`; BLIP is Li et al., ICML 2022.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

IMAGE = 224
"""Side of the image in pixels."""

PATCH = 16
"""Side of a patch in pixels."""

VISION_EPS = 1e-6
"""Of the vision encoder's layer norms (`vit.py`); the text encoder's is in its configuration."""

PROJECTED = 256
"""Width of BLIP's contrastive space (`blip_pretrain.py`, `embed_dim`)."""

HEAD = (1024, 128, 64, 16)
"""Widths between the features and the reward (`ImageReward.py`, `MLP`)."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the network, named as in `med_config.json`; the defaults are the published ones."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    vocab_size: int = 30524
    max_position_embeddings: int = 512
    layer_norm_eps: float = 1e-12
    vision_width: int = 1024
    """This and the next two are ViT-L/16; the published configuration does not state them, another one may."""
    vision_layers: int = 24
    vision_heads: int = 16


class ImageRewardNetwork(nn.Module):
    """Rewards in two steps, so that an image is seen once for all its prompts."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.blip = Blip(sizes)
        self.mlp = Head(sizes.hidden_size)

    def see(self, pixels: Tensor) -> Tensor:
        """Image tokens of shape (n, 197, vision width) for pixels of shape (n, 3, 224, 224)."""
        return self.blip.visual_encoder(pixels)  # type: ignore[no-any-return]

    def reward(self, ids: Tensor, real: Tensor, image: Tensor) -> Tensor:
        """Rewards of shape (n,), float32, before they are standardised.

        Args:
            ids: word pieces, shape (n, length), beginning with [CLS].
            real: False where a text is padded, shape (n, length).
            image: what `see` gives for the image beside each text.
        """
        return self.mlp(self.blip.text_encoder(ids, real, image)[:, 0].float())  # type: ignore[no-any-return]


class Blip(nn.Module):
    """BLIP with its contrastive projections, which are in the checkpoint but have no part in the reward."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.visual_encoder = VisionEncoder(sizes.vision_width, sizes.vision_layers, sizes.vision_heads)
        self.text_encoder = TextEncoder(sizes)
        self.vision_proj = nn.Linear(sizes.vision_width, PROJECTED)
        self.text_proj = nn.Linear(sizes.hidden_size, PROJECTED)


class Head(nn.Module):
    """Affine maps with dropouts and no activation between them; in float32 whatever the encoders are in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        a, b, c, d = HEAD
        self.layers = nn.Sequential(
            nn.Linear(width, a), nn.Dropout(0.2), nn.Linear(a, b), nn.Dropout(0.2), nn.Linear(b, c), nn.Dropout(0.1),
            nn.Linear(c, d), nn.Linear(d, 1),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        """Rewards of shape (n,) for features of shape (n, width)."""
        return self.layers(features).squeeze(-1)  # type: ignore[no-any-return]


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int, real: Tensor | None = None) -> Tensor:
    """Multi-head attention over inputs of shape (n, length, width); `real` is False at keys nobody may look at."""
    q, k, v = (x.reshape(*x.shape[:2], heads, -1).transpose(1, 2) for x in (query, key, value))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=real).transpose(1, 2).flatten(2)


class VisionEncoder(nn.Module):
    """A ViT with layer norms before its parts: pixels to tokens, the class token first."""

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + (IMAGE // PATCH) ** 2, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, PATCH, PATCH)})
        self.blocks = nn.ModuleList(VisionBlock(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width, VISION_EPS)

    def forward(self, pixels: Tensor) -> Tensor:
        """Tokens of shape (n, 197, width) for pixels of shape (n, 3, 224, 224)."""
        patches = self.patch_embed["proj"](pixels).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(len(pixels), -1, -1), patches), dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x)  # type: ignore[no-any-return]


class VisionBlock(nn.Module):
    """Self-attention and a perceptron four times as wide, each added to what it was given."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, VISION_EPS)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.norm2 = nn.LayerNorm(width, VISION_EPS)
        self.mlp = nn.Sequential(
            OrderedDict(fc1=nn.Linear(width, 4 * width), act=nn.GELU(), fc2=nn.Linear(4 * width, width))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Tokens of the same shape (n, length, width)."""
        query, key, value = self.attn["qkv"](self.norm1(x)).chunk(3, dim=-1)
        x = x + self.attn["proj"](attend(query, key, value, self.heads))
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


class TextEncoder(nn.Module):
    """A BERT whose every layer also looks at the image."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.embeddings = TextEmbeddings(sizes)
        layers = nn.ModuleList(TextLayer(sizes) for _ in range(sizes.num_hidden_layers))
        self.encoder = nn.ModuleDict({"layer": layers})

    def forward(self, ids: Tensor, real: Tensor, image: Tensor) -> Tensor:
        """Hidden states of shape (n, length, width); arguments as for `ImageRewardNetwork.reward`."""
        x = self.embeddings(ids)
        for layer in self.encoder["layer"].children():
            x = layer(x, real[:, None, None, :], image)
        return x  # type: ignore[no-any-return]


class TextEmbeddings(nn.Module):
    """Words and their places."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(sizes.vocab_size, sizes.hidden_size)
        self.position_embeddings = nn.Embedding(sizes.max_position_embeddings, sizes.hidden_size)
        self.LayerNorm = nn.LayerNorm(sizes.hidden_size, sizes.layer_norm_eps)

    def forward(self, ids: Tensor) -> Tensor:
        """Vectors of shape (n, length, width) for word pieces of shape (n, length)."""
        places = self.position_embeddings.weight[: ids.shape[1]]
        return self.LayerNorm(self.word_embeddings(ids) + places)  # type: ignore[no-any-return]


class TextLayer(nn.Module):
    """Attention to the text, attention to the image, a perceptron; layer norms after each."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width, inner = sizes.hidden_size, sizes.intermediate_size
        self.attention = TextAttention(sizes, width)
        self.crossattention = TextAttention(sizes, sizes.vision_width)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = AddedTo(inner, width, sizes.layer_norm_eps)

    def forward(self, x: Tensor, real: Tensor, image: Tensor) -> Tensor:
        """Hidden states of the same shape; `real`, of shape (n, 1, 1, length), is False where a text is padded."""
        x = self.attention(x, x, real)
        x = self.crossattention(x, image)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)  # type: ignore[no-any-return]


class TextAttention(nn.Module):
    """Attention of the text to itself or to the image."""

    def __init__(self, sizes: Sizes, seen: int) -> None:
        super().__init__()
        width = sizes.hidden_size
        self.heads = sizes.num_attention_heads
        self.self = nn.ModuleDict(
            {"query": nn.Linear(width, width), "key": nn.Linear(seen, width), "value": nn.Linear(seen, width)}
        )
        self.output = AddedTo(width, width, sizes.layer_norm_eps)

    def forward(self, x: Tensor, seen: Tensor, real: Tensor | None = None) -> Tensor:
        """Hidden states of the shape of `x`, which looks at `seen` where that is `real`."""
        query, key, value = self.self["query"](x), self.self["key"](seen), self.self["value"](seen)
        return self.output(attend(query, key, value, self.heads, real), x)  # type: ignore[no-any-return]


class AddedTo(nn.Module):
    """An affine map of `x`, added to `before`, then normalised."""

    def __init__(self, inner: int, width: int, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(inner, width)
        self.LayerNorm = nn.LayerNorm(width, eps)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        """Of shape (n, length, width), for `x` of shape (n, length, inner)."""
        return self.LayerNorm(self.dense(x) + before)  # type: ignore[no-any-return]
