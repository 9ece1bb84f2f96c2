"""Folders of LLaVA-Reward with drawn weights, written tensor by tensor as the authors' training writes them.

Nothing here calls the judge. Names are those of transformers 4.50, in which the released folders were made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from benchmarks.parity.materials import draw
from tests.adapters.engines.tiny import tiny_qwen2_5_vl

State = dict[str, Tensor]

HIDDEN, RANK, ALPHA, LAYERS = 32, 3, 6, 2
SETTINGS: Mapping[str, Any] = {
    "general_preference_tau": 0.1, "value_head_dim": 2, "add_cross_attention": False, "is_general_preference": False,
}  # fmt: skip

LLAVA_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}"
    "{% for part in message['content'] if part['type'] == 'image' %}{{ '<image>\n' }}{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] + ' ' }}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
"""Writes what the published template of llava-v1.6-vicuna writes."""


@dataclass(frozen=True)
class Kind:
    """What differs between the bases."""

    layers: str
    """Where the language model's layers were."""
    now: str
    """Where they are in a whole model today."""
    projector: Mapping[str, tuple[int, ...]]
    """Tensors of the projector as they were called, and their shapes."""


QWEN = Kind("model.layers", "model.language_model.layers", {
    "visual.merger.ln_q.weight": (HIDDEN,), "visual.merger.mlp.0.weight": (4 * HIDDEN, 4 * HIDDEN),
    "visual.merger.mlp.0.bias": (4 * HIDDEN,), "visual.merger.mlp.2.weight": (HIDDEN, 4 * HIDDEN),
    "visual.merger.mlp.2.bias": (HIDDEN,),
})  # fmt: skip
LLAVA = Kind("language_model.model.layers", "model.language_model.layers", {
    f"multi_modal_projector.linear_{n}.{part}": (HIDDEN, HIDDEN)[: 2 if part == "weight" else 1]
    for n in (1, 2) for part in ("weight", "bias")
})  # fmt: skip

SHAPES = {"q_proj": (HIDDEN, HIDDEN), "k_proj": (HIDDEN // 2, HIDDEN), "v_proj": (HIDDEN // 2, HIDDEN),
          "o_proj": (HIDDEN, HIDDEN), "gate_proj": (2 * HIDDEN, HIDDEN), "up_proj": (2 * HIDDEN, HIDDEN),
          "down_proj": (HIDDEN, 2 * HIDDEN)}  # fmt: skip
"""Rows and columns of the weights that are adapted."""


def adapted(kind: Kind) -> dict[str, tuple[int, int]]:
    """Every adapted module by its old name."""
    return {
        f"{kind.layers}.{layer}.{'mlp' if name in ('gate_proj', 'up_proj', 'down_proj') else 'self_attn'}.{name}": shape
        for layer in range(LAYERS)
        for name, shape in SHAPES.items()
    }


def drawn(name: str, shape: tuple[int, ...], scale: float = 0.2) -> Tensor:
    return torch.from_numpy(draw(name, shape, scale=scale))


def head_tensors(kind: Kind, settings: Mapping[str, Any]) -> State:
    rows = settings["value_head_dim"] if settings["is_general_preference"] else 1
    state = {"value_head.weight": drawn("value_head", (rows, HIDDEN), 0.05)}
    if settings["add_cross_attention"]:
        state |= {f"{name}.weight": drawn(name, (HIDDEN, HIDDEN)) for name in ("W_q", "W_k", "W_v")}
        state["ca_layernorm.weight"] = 1 + drawn("ca_layernorm", (HIDDEN,))
    for name, shape in kind.projector.items():
        state[name] = drawn(name, shape, 1 / math.sqrt(shape[-1])) + (1.0 if "ln_q" in name else 0.0)
    return state


def lora_tensors(kind: Kind) -> State:
    state = {}
    for name, (rows, columns) in adapted(kind).items():
        state[f"{name}.lora_A.weight"] = drawn(f"{name}A", (RANK, columns))
        state[f"{name}.lora_B.weight"] = drawn(f"{name}B", (rows, RANK))
    return state


def write_reward(folder: Path, kind: Kind = QWEN, **settings: Any) -> Path:
    """`reward_config.yaml`, `pytorch_model.bin` and `lora/`, in the authors' file formats."""
    (folder / "lora").mkdir(parents=True)
    chosen = {**SETTINGS, **settings}
    (folder / "reward_config.yaml").write_text(yaml.safe_dump(chosen))
    torch.save(head_tensors(kind, chosen), folder / "pytorch_model.bin")
    torch.save(lora_tensors(kind), folder / "lora" / "adapter_model.bin")
    config = {"peft_type": "LORA", "task_type": None, "base_model_name_or_path": None, "r": RANK, "lora_alpha": ALPHA,
              "lora_dropout": 0.05, "bias": "none", "fan_in_fan_out": False, "init_lora_weights": "gaussian",
              "inference_mode": False, "use_rslora": False, "use_dora": False, "modules_to_save": None,
              "rank_pattern": {}, "alpha_pattern": {}, "target_modules": sorted(adapted(kind))}  # fmt: skip
    (folder / "lora" / "adapter_config.json").write_text(json.dumps(config))
    return folder


def write_qwen(folder: Path) -> Path:
    return tiny_qwen2_5_vl(folder, hidden=HIDDEN)


def write_llava(folder: Path) -> Path:
    """A LLaVA-1.6 of two layers on tiles of 28 × 28 pixels; texts begin with `<s>` as vicuna's do."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaNextConfig,
        LlavaNextForConditionalGeneration,
        LlavaNextImageProcessorPil,
        LlavaNextProcessor,
        PreTrainedTokenizerFast,
    )

    specials = ("<unk>", "<s>", "</s>", "<pad>", "<image>")
    words = {word: index for index, word in enumerate((*specials, *sorted(pre_tokenizers.ByteLevel.alphabet())))}
    raw = Tokenizer(models.BPE(words, [], unk_token="<unk>"))
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    raw.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", bos_token="<s>", eos_token="</s>",
                                        pad_token="<pad>", additional_special_tokens=["<image>"])  # fmt: skip
    tiles = [[28, 56], [56, 28], [56, 56]]
    narrow = {"hidden_size": HIDDEN, "intermediate_size": 2 * HIDDEN, "num_hidden_layers": LAYERS,
              "num_attention_heads": 2}  # fmt: skip
    text = LlamaConfig(**narrow, num_key_value_heads=1, vocab_size=len(words), pad_token_id=3)
    vision = CLIPVisionConfig(**narrow, image_size=28, patch_size=14)
    config = LlavaNextConfig(text_config=text, vision_config=vision, image_grid_pinpoints=tiles, image_token_index=4)
    processor = LlavaNextProcessor(
        LlavaNextImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28},
                                   image_grid_pinpoints=tiles),
        tokenizer, patch_size=14, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=LLAVA_TEMPLATE,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = LlavaNextForConditionalGeneration(config).eval()
        for name, weights in model.named_parameters():
            if weights.dim() > 1:
                torch.nn.init.normal_(weights, std=1.0 if "embed_tokens" in name else weights[0].numel() ** -0.5)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    processor.image_processor.save_pretrained(folder)
    return folder


def last_hidden_state(base: Path, reward: Path, kind: Kind, inputs: Mapping[str, Tensor]) -> Tensor:
    """Last hidden states (n, tokens, width) of the whole model, the adapter added to its weights by hand."""
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(base).eval()
    weights: Any = dict(model.named_parameters())
    head = torch.load(reward / "pytorch_model.bin", weights_only=True)
    lora = torch.load(reward / "lora" / "adapter_model.bin", weights_only=True)
    with torch.no_grad():
        for name in kind.projector:
            weights[f"model.{name}"].copy_(head[name])
        for name in adapted(kind):
            change = lora[f"{name}.lora_B.weight"] @ lora[f"{name}.lora_A.weight"] * (ALPHA / RANK)
            weights[f"{kind.now}{name.removeprefix(kind.layers)}.weight"].add_(change)
        states: Sequence[Tensor] = model(**inputs, output_hidden_states=True).hidden_states
    return states[-1]
