"""A judge's prompt: the text, and whose it is. Its hash is part of a run's identity."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from adapters.prompts.official import official, table
from harness.errors import ConfigError
from harness.parameters import one_of

OWN = Path(__file__).parent / "own"

CHOICES = ("auto", "own", "official")
"""What a judge's parameter `prompt` may say; `auto`: official where it was fetched, else our own."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A prompt's text."""

    name: str
    origin: str
    """`own`, or `owner/repository@commit` of the official text."""
    text: str

    @property
    def sha256(self) -> str:
        """64 hex digits, of the text in UTF-8."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def wording(name: str, prompt: str = "own") -> Wording:
    """The prompt of a name, as `prompt`, one of `CHOICES`, says.

    Raises `ConfigError` for an official text that is not known or not fetched yet, and where there is none of our own.
    """
    one_of("prompt", prompt, CHOICES)
    template = table().get(name)
    text = official(name) if template is not None and prompt != "own" else None
    if template is not None and text is not None:
        return Wording(name, f"{template.repository}@{template.commit}", text)
    own = OWN / f"{name}.txt"
    if prompt != "official" and own.is_file():
        return Wording(name, "own", own.read_text(encoding="utf-8"))
    if template is None:
        raise ConfigError(f"no official prompt is known for {name}; use prompt=own")
    if prompt == "own":
        raise ConfigError(f"there is no wording of our own for {name}; run `pigeval prompts fetch {name}`")
    instead = ", or use prompt=own" if own.is_file() else ""
    raise ConfigError(f"the official prompt {name} was not fetched yet; run `pigeval prompts fetch {name}`{instead}")


def own_names() -> list[str]:
    """The names of our own prompts."""
    return sorted(path.stem for path in OWN.glob("*.txt"))
