"""From messages to the text a model reads: parts stay in order, and data cannot write control tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from harness.errors import ConfigError
from harness.generation import Message, Part

PROBE = ("\ue000", "\ue001")
"""Private characters that no template writes by itself."""


class Chat:
    """A model's chat template. Raises `ConfigError` for one without image slots.

    A control token spelled out in a text part would be read as the token itself: a prompt could open an image slot or
    end the turn. So every one of them in a text part, also where adjacent parts spell it together, gets a space after
    its first character (`<|im_end|>` becomes `< |im_end|>`), until none is left.

    Some templates put a turn's images before its text (LLaVA-OneVision). For these the image token is written into the
    text where the image belongs, followed by a newline as the template has it.
    """

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self.image_token: str = processor.image_token
        self._control = re.compile("|".join(map(re.escape, _control_tokens(processor))))
        self._inline = not self._keeps_order()

    def text(self, messages: Sequence[Message]) -> str:
        """The prompt, one image token for each image. Goes on from an assistant turn at the end, else opens one."""
        unfinished = messages[-1].role == "assistant"
        turns = [{"role": message.role, "content": list(self._content(message.parts))} for message in messages]
        return self._render(turns, add_generation_prompt=not unfinished, continue_final_message=unfinished)

    def plain(self, text: str) -> str:
        """The text with every control token made harmless."""
        while (harmless := self._control.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)) != text:
            text = harmless
        return text

    def _content(self, parts: Sequence[Part]) -> Iterator[dict[str, str]]:
        pieces = [
            self.plain("".join(map(str, some))) if is_text else some
            for is_text, group in groupby(parts, key=lambda part: isinstance(part, str))
            for some in [list(group)]
        ]
        if self._inline:
            yield _text("".join(p if isinstance(p, str) else f"{self.image_token}\n" * len(p) for p in pieces))
            return
        for piece in pieces:
            if isinstance(piece, str):
                yield _text(piece)
            else:
                yield from ({"type": "image"} for _ in piece)

    def _keeps_order(self) -> bool:
        before, after = PROBE
        content = [_text(before), {"type": "image"}, _text(after)]
        rendered = self._render([{"role": "user", "content": content}], add_generation_prompt=True)
        if rendered.count(self.image_token) != 1:
            raise ConfigError(
                f"the chat template writes no {self.image_token} for an image; expected one as Qwen-VL models have it"
            )
        return rendered.index(before) < rendered.index(self.image_token) < rendered.index(after)

    def _render(self, turns: list[dict[str, Any]], **how: bool) -> str:
        return str(self._processor.apply_chat_template(turns, tokenize=False, **how))


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _control_tokens(processor: Any) -> list[str]:
    """Longest first, so that a token that begins with another one is found whole."""
    tokenizer = processor.tokenizer
    added = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    slots = {getattr(processor, name, None) for name in ("image_token", "video_token", "audio_token")}
    return sorted({*added, *tokenizer.all_special_tokens, *slots} - {None, ""}, key=len, reverse=True)
