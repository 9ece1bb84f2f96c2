"""A tiny CLIP-FlanT5 with drawn weights in the official file layout, and a plain reading of the official recipe."""

from __future__ import annotations

import json
import string
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor, nn
from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModel, T5Config, T5ForConditionalGeneration

State = dict[str, Tensor]

SIDE, PATCH, WIDTH, LAYERS, MODEL = 28, 14, 64, 3, 32
CHARACTERS = [*sorted(set(string.printable) - set(string.whitespace)), "▁"]
SPARE = 5
"""Embeddings beyond the tokenizer's tokens, as T5 has them."""

CONFIG: dict[str, Any] = {
    "model_type": "t5", "architectures": ["CLIPT5ForConditionalGeneration"], "d_model": MODEL, "d_kv": 8, "d_ff": 48,
    "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4, "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False, "decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0,
    "vocab_size": 3 + len(CHARACTERS) + SPARE, "mm_hidden_size": WIDTH, "mm_projector_type": "mlp2x_gelu",
    "mm_vision_tower": "openai/clip-vit-large-patch14-336", "mm_vision_select_layer": -2,
    "mm_vision_select_feature": "patch",
}  # fmt: skip


class Parts:
    """The three networks, drawn with gains at which scores differ."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        sizes = {name: CONFIG[name] for name in ("d_model", "d_kv", "d_ff", "num_layers", "num_heads", "vocab_size")}
        options = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "decoder_start_token_id": 0}
        self.t5: Any = T5ForConditionalGeneration(T5Config(**sizes, **options)).eval()
        self.vision: Any = CLIPVisionModel(
            CLIPVisionConfig(hidden_size=WIDTH, intermediate_size=96, num_hidden_layers=LAYERS, num_attention_heads=1,
                             image_size=SIDE, patch_size=PATCH)
        ).eval()  # fmt: skip
        self.projector = nn.Sequential(nn.Linear(WIDTH, MODEL), nn.GELU(), nn.Linear(MODEL, MODEL))
        # The library ties them whatever the config says; the published ones are two matrices.
        self.t5.config.tie_word_embeddings = False
        self.t5.lm_head.weight = nn.Parameter(torch.empty_like(self.t5.shared.weight))
        with torch.no_grad():
            for part in (self.t5, self.vision, self.projector):
                for parameter in part.parameters():
                    if parameter.dim() > 1:
                        parameter.normal_(0, 1.5 * torch.Size(parameter.shape[1:]).numel() ** -0.5)

    def state(self) -> State:
        """Under the names of the released files, aliases of the embeddings included."""
        t5 = {**self.t5.state_dict(), "embed_tokens.weight": self.t5.shared.weight.data}
        vision = {name.removeprefix("vision_model."): tensor for name, tensor in self.vision.state_dict().items()}
        named = {"vision_tower.vision_tower.vision_model." + name: tensor for name, tensor in vision.items()}
        return {**t5, **named, **{"mm_projector." + n: tensor for n, tensor in self.projector.state_dict().items()}}


def write_tokenizer(folder: Path) -> Path:
    """Like T5's: pieces begin at ▁, every text ends with </s>. Here each character is a piece."""
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), *((character, -2.0) for character in CHARACTERS)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def write_clip_t5(folder: Path) -> Path:
    """`config.json`, `pytorch_model.bin` and `tokenizer.json`."""
    write_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    torch.save(_state(), folder / "pytorch_model.bin")
    return folder


@cache
def _state() -> State:
    return Parts().state()


def official_score(parts: Parts, tokenizer: Tokenizer, system: str, question: str, image: PIL.Image.Image) -> float:
    """One pair, nothing shared or padded: exp(-loss) of "Yes", with the library's own loss and its whole tower."""
    width, height = image.size
    side = max(width, height)
    canvas = np.full((side, side, 3), [int(x * 255) for x in (0.48145466, 0.4578275, 0.40821073)], np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    canvas[top : top + height, left : left + width] = np.asarray(image)
    process = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    pixels = process(images=PIL.Image.fromarray(canvas), return_tensors="pt")["pixel_values"]
    patches = parts.vision(pixel_values=pixels, output_hidden_states=True).hidden_states[-2][:, 1:]
    ids = [torch.tensor(tokenizer.encode(text).ids) for text in (system + " USER: ", f"\n{question} ASSISTANT: ")]
    embedded = [parts.t5.shared(ids[0]), parts.projector(patches)[0], parts.t5.shared(ids[1])]
    labels = torch.tensor([tokenizer.encode("Yes").ids])
    loss = parts.t5(inputs_embeds=torch.cat(embedded)[None], labels=labels).loss
    return float(torch.exp(-loss))
