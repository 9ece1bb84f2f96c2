"""CLIP-FlanT5's files: `config.json`, the weights in one file or in shards, and T5's `tokenizer.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import CLIPVisionConfig, T5Config

from adapters.vqascore.network import ClipT5
from adapters.weights import Weights, digest_of_files, fit, read_state
from harness.errors import ConfigError

CONFIG, TOKENIZER = "config.json", "tokenizer.json"
STATES = ("model.safetensors", "pytorch_model.bin")
INDEX = ".index.json"
"""Behind the name of a state: the file that lists its shards."""

SIZES = ("d_model", "d_kv", "d_ff", "num_layers", "num_decoder_layers", "num_heads", "relative_attention_num_buckets",
         "relative_attention_max_distance", "layer_norm_epsilon", "feed_forward_proj", "tie_word_embeddings",
         "pad_token_id", "eos_token_id", "decoder_start_token_id")  # fmt: skip
"""What of the config makes the T5."""

EXPECTED = {"mm_projector_type": "mlp2x_gelu", "mm_vision_select_layer": -2, "mm_vision_select_feature": "patch"}
"""What the config of the released checkpoints says of how the image comes in (`ModelArguments` in `clip_t5.py`)."""

TOWER, PROJECTOR = "vision_tower.vision_tower.", "mm_projector."
ALIASES = ("embed_tokens.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
"""T5 embeds with `shared.weight` everywhere; files may hold it under these names as well."""

HEAD = 64
"""Width of an attention head in every CLIP of OpenAI."""

WANTED = "expected the files of zhiqiulin/clip-flant5-xxl or -xl"

State = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The network with its weights and the tokenizer that goes with it."""

    network: ClipT5
    tokenizer: Tokenizer
    side: int
    """Of the square the vision tower sees, in pixels."""
    digest: str
    """Of weights, config and tokenizer."""

    @classmethod
    def load(cls, weights: str, tokenizer: str) -> Checkpoint:
        """Reads and checks everything; every tensor of the files is accounted for.

        Args:
            weights: folder in the official layout, or hub id.
            tokenizer: folder with `tokenizer.json`, that file itself, or hub id; not used when `weights` holds one.

        Raises:
            ConfigError: a file is missing, unreadable, or does not fit the others.
        """
        found = find(weights)
        files, config = states(found), read_config(found.file(CONFIG))
        words = found if found.has(TOKENIZER) else Weights.find(tokenizer, (TOKENIZER,))
        reader = read_tokenizer(words.file(TOKENIZER))
        state = {key: tensor for file in files for key, tensor in read_state(file).items()}
        network = read_network(state, config, reader.get_vocab_size(), files[0])
        digest = digest_of_files([*files, found.file(CONFIG), words.file(TOKENIZER)])
        return cls(network, reader, network.vision.config.image_size, digest)


def find(text: str) -> Weights:
    """The folder, or the files on the hub: safetensors where there are some, else the official pickles of tensors."""
    weights = Weights.find(text, (CONFIG, TOKENIZER, STATES[0], "model-*.safetensors", STATES[0] + INDEX))
    if weights.place.is_file():
        raise ConfigError(f"{weights.place}: a file; expected a folder with {CONFIG} and {STATES[1]}: {WANTED}")
    if weights.repository and not any(weights.has(name) for name in (STATES[0], STATES[0] + INDEX)):
        return Weights.find(text, (CONFIG, TOKENIZER, STATES[1], "pytorch_model-*.bin", STATES[1] + INDEX))
    return weights


def states(weights: Weights) -> list[Path]:
    """The files with the tensors: one, or those an index lists. Raises `ConfigError` when one is missing."""
    for name in STATES:
        if not weights.has(name) and weights.has(name + INDEX):
            index = _json(weights.file(name + INDEX))
            listed = index.get("weight_map")
            if not isinstance(listed, Mapping) or not listed:
                raise ConfigError(f"{weights.place / (name + INDEX)}: lists no files in weight_map; {WANTED}")
            # By name alone: an index says nothing of other folders.
            return [weights.file(Path(str(shard)).name) for shard in sorted(set(listed.values()), key=str)]
    return [weights.file(*STATES)]


def read_config(path: Path) -> T5Config:
    """The T5's sizes. Raises `ConfigError` for another model, or one whose image comes in otherwise."""
    stated = _json(path)
    if "mm_vision_tower" not in stated:
        raise ConfigError(f"{path}: names no mm_vision_tower, so this is no CLIP-FlanT5; {WANTED}")
    for name, value in EXPECTED.items():
        if stated.get(name, value) != value:
            raise ConfigError(f"{path}: {name} is {stated[name]!r}; expected {value!r}: {WANTED}")
    try:
        return T5Config(**{"decoder_start_token_id": 0, **{name: stated[name] for name in SIZES if name in stated}})
    except Exception as error:
        raise ConfigError(f"{path}: no configuration of a T5 ({type(error).__name__}: {error}); {WANTED}") from error


def read_tokenizer(path: Path) -> Tokenizer:
    """T5's tokenizer, which ends every text with the end of text. Raises `ConfigError` for another one."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
        end = tokenizer.encode("yes").tokens[-1]
    except Exception as error:
        raise ConfigError(f"{path}: no tokenizer ({error}); expected the {TOKENIZER} of google/flan-t5-xxl") from error
    if end != "</s>":
        raise ConfigError(f"{path}: ends a text with {end!r}, not </s>; expected the {TOKENIZER} of google/flan-t5-xxl")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def read_network(state: State, text: T5Config, tokens: int, path: Path) -> ClipT5:
    """The network with the weights, on the CPU. Raises `ConfigError` for any key that does not fit.

    Args:
        state: tensors by the names of the official files.
        text: the T5's sizes but for its vocabulary.
        tokens: how many the tokenizer knows. T5 has some more embeddings than that; as officially, they are cut off,
            so that none of them has a share of the probability.
        path: names the file in messages.
    """
    vision = vision_config(state, path)
    text.vocab_size = tokens
    with torch.device("meta"):
        network = ClipT5(text, vision)
    fit(network, renamed(state, tokens, vision.num_hidden_layers, path), path)
    for stack in (network.t5.encoder, network.t5.decoder):
        stack.embed_tokens = network.t5.shared
    # The running numbers of the positions are in no checkpoint.
    places = network.vision.embeddings.num_positions
    network.vision.embeddings.position_ids = torch.arange(places).expand((1, -1))
    return network


def vision_config(state: State, path: Path) -> CLIPVisionConfig:
    """The vision tower's sizes, read off its tensors, without its last layer. Raises `ConfigError` without a tower."""
    tower = {_inner(key): tensor for key, tensor in state.items() if key.startswith(TOWER)}
    try:
        kernel, positions = tower["embeddings.patch_embedding.weight"], tower["embeddings.position_embedding.weight"]
        between = tower["encoder.layers.0.mlp.fc1.weight"]
        layers = 1 + max(int(key.split(".")[2]) for key in tower if key.startswith("encoder.layers."))
        (width, _, _, patch), side = kernel.shape, round((len(positions) - 1) ** 0.5)
        return CLIPVisionConfig(
            hidden_size=width, intermediate_size=len(between), num_hidden_layers=layers - 1,
            num_attention_heads=width // HEAD, patch_size=patch, image_size=side * patch,
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{path}: {TOWER}* is no vision tower of CLIP ({error}); {WANTED}") from error


def renamed(state: State, tokens: int, layers: int, path: Path) -> State:
    """The tensors by the names of `ClipT5`: embeddings cut to the tokenizer's, the tower to so many layers."""
    beyond = (f"encoder.layers.{layers}.", "embeddings.position_ids")
    found: State = {}
    for key, tensor in state.items():
        if key.startswith(TOWER):
            found |= {} if _inner(key).startswith(beyond) else {"vision." + _inner(key): tensor}
        elif key.startswith(PROJECTOR):
            found["projector." + key.removeprefix(PROJECTOR)] = tensor
        elif key not in ALIASES:
            found["t5." + key] = tensor
    for key in {"t5.shared.weight", "t5.lm_head.weight"} & found.keys():
        if len(found[key]) < tokens:
            raise ConfigError(f"{path}: {key} has {len(found[key])} rows for the tokenizer's {tokens} tokens; {WANTED}")
        found[key] = found[key][:tokens]
    shared = {f"t5.{key}": found["t5.shared.weight"] for key in ALIASES[1:] if "t5.shared.weight" in found}
    return found | shared


def _inner(key: str) -> str:
    return key.removeprefix(TOWER).removeprefix("vision_model.")


def _json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not JSON ({error}); {WANTED}") from error
    if not isinstance(content, Mapping):
        raise ConfigError(f"{path}: holds a {type(content).__name__}; expected a table: {WANTED}")
    return content
