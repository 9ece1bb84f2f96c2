"""The texts between which PIGReward's two models work. Training and judging use the same ones, from here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from adapters.generative.messages import Filling, caption, filled, labelled
from harness.errors import ConfigError
from harness.generation import Message, Part
from harness.records import Image, Reference, digest_of

OWN = Path(__file__).parent / "prompts"
"""Our own wording. The authors published none with their checkpoints."""

SLOTS = {
    "reasoner": ("image_1", "image_2", "preferred"),
    "liked": ("image_1",),
    "context": ("rationale",),
    "references": ("preferred", "rejected"),
    "reward": ("context", "image_1", "image_2"),
    "direct": ("context", "image_1", "image_2"),
}
"""Slots each template must have; `prompt` and `number` may be left out."""

NOTHING = "(nothing is known of this person)"
"""Stands for the context of a person without references."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Templates by name, each a text with `{slots}`; other braces stay as they are."""

    texts: dict[str, str]

    @classmethod
    def default(cls) -> Self:
        """Our own."""
        return cls.read(OWN)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The templates of a folder, `NAME.txt` each; those it lacks are our own. Raises `ConfigError`."""
        texts = {}
        for name, slots in SLOTS.items():
            path = folder / f"{name}.txt"
            texts[name] = (path if path.is_file() else OWN / path.name).read_text(encoding="utf-8").rstrip("\n")
            for slot in slots:
                if f"{{{slot}}}" not in texts[name]:
                    raise ConfigError(f"{path}: has no {{{slot}}}; expected the slots {', '.join(slots)}")
        return cls(texts)

    @property
    def sha256(self) -> str:
        """64 hex digits over all texts."""
        return hashlib.sha256("\0".join(f"{n}\0{t}" for n, t in sorted(self.texts.items())).encode()).hexdigest()

    def reasoner_messages(self, reference: Reference) -> list[Message]:
        """Asks why a user preferred what they preferred. Of several images on a side the first is shown."""
        liked = reference.preferred[0]
        if not reference.rejected:
            return self._asked("liked", prompt=caption(reference.prompt), image_1=liked)
        first = preferred_first(reference)
        pair = (liked, reference.rejected[0]) if first else (reference.rejected[0], liked)
        return self._asked(
            "reasoner",
            prompt=caption(reference.prompt),
            image_1=pair[0],
            image_2=pair[1],
            preferred="1" if first else "2",
        )

    def context(self, rationales: Sequence[str], references: Sequence[Reference]) -> str:
        """C_u: the rationales in the order of the references."""
        blocks = []
        for number, (rationale, reference) in enumerate(zip(rationales, references, strict=True), 1):
            slots: dict[str, Filling] = {
                "number": str(number),
                "prompt": caption(reference.prompt),
                "rationale": rationale,
            }
            blocks.append("".join(part for part in filled(self.texts["context"], slots) if isinstance(part, str)))
        return "\n".join(blocks) or NOTHING

    def shown(self, references: Sequence[Reference]) -> tuple[Part, ...]:
        """The references themselves, in place of what a reasoner would write of them."""
        parts: list[Part] = []
        for number, reference in enumerate(references, 1):
            slots: dict[str, Filling] = {
                "number": str(number),
                "prompt": caption(reference.prompt),
                "preferred": tuple(labelled(reference.preferred, "Preferred image")),
                "rejected": tuple(labelled(reference.rejected, "Rejected image")),
            }
            parts += [*filled(self.texts["references"], slots), "\n"]
        return tuple(parts) or (NOTHING,)

    def reward_messages(
        self, context: str | Sequence[Part], prompt: str, image_1: Image, image_2: Image, *, cot: bool = True
    ) -> list[Message]:
        """Asks which of two images the user of a context prefers; without `cot`, for the answer alone."""
        name = "reward" if cot else "direct"
        return self._asked(name, context=context, prompt=caption(prompt), image_1=image_1, image_2=image_2)

    def _asked(self, name: str, **slots: Filling) -> list[Message]:
        return [Message("user", filled(self.texts[name], slots))]


def preferred_first(reference: Reference) -> bool:
    """Which image of a reference is shown first: a coin that is a function of both images, so that the place of the
    preferred one tells nothing.
    """
    pair = sorted((reference.preferred[0].digest, reference.rejected[0].digest))
    first = pair[digest_of("|".join(pair).encode())[0] % 2]
    return first == reference.preferred[0].digest
