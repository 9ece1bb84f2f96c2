"""A tokenizer over a closed vocabulary: a token is a word with the comma or the space before it, so nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

PATTERN = r"\n|,? ?[A-Za-z0-9-]+| ?[^\sA-Za-z0-9]|\s"
"""`warm over cool, rich` is `warm`, ` over`, ` cool`, `, rich`: joined tokens are the text again."""

PAD, UNKNOWN, BEGIN, END = "<|endoftext|>", "<|unknown|>", "<|im_start|>", "<|im_end|>"
IMAGE, VIDEO, IMAGE_BEGIN, IMAGE_END = "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"
SPECIALS = (PAD, UNKNOWN, BEGIN, END, IMAGE_BEGIN, IMAGE_END, IMAGE, VIDEO)
"""The control tokens of Qwen2-VL that its classes need, and one for words outside of the vocabulary."""

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""As Qwen2-VL's, without its system message."""


def pieces(text: str) -> list[str]:
    """The words of a text, each with what stands before it."""
    return re.findall(PATTERN, text)


def build(texts: Iterable[str], longest: int) -> Any:
    """A fast tokenizer that knows the words of some texts and the chat roles; `longest`: tokens of a sequence."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    known = {piece for text in texts for piece in pieces(text)} | {"user", "assistant", "system", "\n"}
    vocabulary = {token: index for index, token in enumerate([*SPECIALS, *sorted(known)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN, eos_token=END, model_max_length=longest,
        additional_special_tokens=[token for token in SPECIALS if token not in (PAD, UNKNOWN, END)],
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
