"""ImageReward's files: `ImageReward.pt` and `med_config.json`, and BERT's `vocab.txt`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from tokenizers import BertWordPieceTokenizer

from adapters.imagereward.network import ImageRewardNetwork, Sizes
from adapters.weights import Weights, digest_of_files, fit, read_state
from harness.errors import ConfigError
from harness.parameters import number, whole

STATE, CONFIG, VOCABULARY = "ImageReward.pt", "med_config.json", "vocab.txt"

ADDED = ("[DEC]", "[ENC]")
"""Special tokens BLIP adds to BERT's vocabulary (`blip.py`, `init_tokenizer`); the reward only meets them in a prompt
that spells them out."""

NEEDED = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

LENGTH = 35
"""Word pieces of a prompt with [CLS] and [SEP]; longer prompts are cut (`ImageReward.py`, `score`)."""

UNUSED = ("blip.text_encoder.embeddings.position_ids",)
"""0, 1, 2 …: a buffer of the official module."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The network with its weights and the tokenizer that goes with it."""

    network: ImageRewardNetwork
    tokenizer: BertWordPieceTokenizer
    identity: Mapping[str, Any]
    """What of it can change a score: sizes, digest of weights and vocabulary."""

    @classmethod
    def load(cls, weights: str, tokenizer: str) -> Checkpoint:
        """Reads and checks everything; every tensor of the file is accounted for.

        Args:
            weights: folder with the official files, `ImageReward.pt` itself, or a hub id.
            tokenizer: folder with `vocab.txt`, that file itself, or a hub id; not used when `weights` holds one.

        Raises:
            ConfigError: a file is missing, unreadable, or does not fit the others.
        """
        found = Weights.find(weights, (STATE, CONFIG))
        state, config = found.file(STATE), found.place / CONFIG
        sizes = read_sizes(config) if found.has(CONFIG) else Sizes()
        words = found if found.has(VOCABULARY) else Weights.find(tokenizer, (VOCABULARY,))
        vocabulary = words.file(VOCABULARY)
        reader = read_tokenizer(vocabulary, sizes.vocab_size)
        identity = {"weights": digest_of_files([state, vocabulary]), **asdict(sizes)}
        return cls(read_network(state, sizes), reader, identity)


def read_sizes(path: Path) -> Sizes:
    """Sizes from `med_config.json`. Its `encoder_width` is overridden by the vision encoder's, as officially."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        activation = config.get("hidden_act", "gelu")
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: not a configuration ({error}); expected the official {CONFIG}") from error
    if activation != "gelu":
        raise ConfigError(f"{path}: hidden_act is {activation!r}; expected 'gelu', as in the official {CONFIG}")
    stated = {field.name: config[field.name] for field in fields(Sizes) if field.name in config}
    for name, value in stated.items():
        if name == "layer_norm_eps":
            number(name, value, 0.0, 1.0)
        else:
            whole(name, value, 1)
    sizes = Sizes(**stated)
    if sizes.hidden_size % sizes.num_attention_heads or sizes.vision_width % sizes.vision_heads:
        raise ConfigError(f"{path}: {sizes}; expected widths that are multiples of their number of heads")
    return sizes


def read_network(path: Path, sizes: Sizes) -> ImageRewardNetwork:
    """The network with the weights of a file, on the CPU. Raises `ConfigError` for any key that does not fit."""
    with torch.device("meta"):
        network = ImageRewardNetwork(sizes)
    fit(network, read_state(path), path, unused=UNUSED)
    return network


def read_tokenizer(path: Path, rows: int) -> BertWordPieceTokenizer:
    """BERT's lower-casing WordPiece tokenizer, cutting to `LENGTH`. `rows`: word embeddings of the network."""
    try:
        # Not splitlines: some word pieces are characters at which it would split.
        words = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not a vocabulary ({error}); expected one word piece a line in UTF-8") from error
    if missing := [word for word in NEEDED if word not in words]:
        raise ConfigError(f"{path}: has no {', '.join(missing)}; expected the {VOCABULARY} of bert-base-uncased")
    if len(words) + len(ADDED) != rows:
        raise ConfigError(
            f"{path}: {len(words)} word pieces and {len(ADDED)} added ones for {rows} word embeddings; "
            f"expected the {VOCABULARY} of bert-base-uncased"
        )
    tokenizer = BertWordPieceTokenizer({word: index for index, word in enumerate(words)})
    tokenizer.add_special_tokens([*ADDED])
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding(pad_id=words.index("[PAD]"))
    return tokenizer
