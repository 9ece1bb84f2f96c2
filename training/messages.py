"""Samples as they are stored, with digests for images, and as a trainer takes them: the text a judge would send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters.engines.chat import Chat
from harness.generation import Message, Part
from training.pictures import Pictures

Stored = list[dict[str, Any]]
"""Turns: `role` and `parts`, each part {"text": …} or {"digest": …}."""


def stored(messages: Iterable[Message], pictures: Pictures) -> Stored:
    """Messages for a JSON line; their images are written to the folder. Raises `ImageError`."""
    return [{"role": m.role, "parts": [_part(part, pictures) for part in m.parts]} for m in messages]


def _part(part: Part, pictures: Pictures) -> dict[str, str]:
    return {"text": part} if isinstance(part, str) else {"digest": pictures.keep(part)}


def digests(messages: Stored) -> list[str]:
    """The images in order of appearance."""
    return [part["digest"] for message in messages for part in message["parts"] if "digest" in part]


def dataset(rows: Sequence[Mapping[str, Any]], texts: Sequence[str], processor: Any, pictures: Pictures) -> Any:
    """A `datasets.Dataset` with `prompt`, `images` and the columns named by `texts`.

    Prompts are rendered by the engine's own `Chat`, so that what is trained on is what a judge sends; completions end
    with the token that ends a turn. Raises `DataError` when an image is missing.
    """
    from datasets import Dataset, Image, List, disable_progress_bars  # noqa: PLC0415

    disable_progress_bars()
    pictures.check(digest for row in rows for digest in digests(row["messages"]))
    chat, end = Chat(processor), processor.tokenizer.eos_token
    columns: dict[str, list[Any]] = {
        "prompt": [chat.text(_messages(row["messages"])) for row in rows],
        "images": [[str(pictures.path(digest)) for digest in digests(row["messages"])] for row in rows],
    }
    for name in texts:
        columns[name] = [chat.plain(row[name]) + end for row in rows]
    # What is about as long is put into one batch: less padding, and no short text drowns among long ones.
    columns["length"] = [
        sum(map(len, row)) for row in zip(*(columns[name] for name in ("prompt", *texts)), strict=True)
    ]
    # Decoded one batch at a time, by Pillow.
    return Dataset.from_dict(columns).cast_column("images", List(Image()))


class _Shown:
    """Stands for an image where only its place matters."""


def _messages(turns: Stored) -> list[Message]:
    # The chat template writes an image slot for whatever is no text.
    place: Any = _Shown()
    return [Message(t["role"], tuple(part.get("text", place) for part in t["parts"])) for t in turns]
