"""What the generative judges share: a model's options, a wording and a parser of the answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from adapters.generative.options import DECLARED, decoding_of, engine_of, libraries_of
from adapters.prompts.wording import Wording
from harness.generation import Parser
from harness.generator import Generator


class ModelJudge(Generator):
    """A generator made from `model_options`.

    What can change a verdict is told by `identity`: engine, decoding, parser, and the texts by hash and origin. So no
    option of the model and no folder is part of a run's identity under its own name, and a default that is spelled out
    makes no other run.
    """

    reads_references: bool = False
    libraries: tuple[str, ...] = ()
    incidental: ClassVar[tuple[str, ...]] = (*DECLARED, "prompt")

    def __init__(self, options: Any, parser: Parser, wordings: Sequence[Wording], words: tuple[str, ...] = ()) -> None:
        """`words`: the two words an answer decides between, image A's first; see `Decoding.options`."""
        super().__init__(engine_of(options), parser, decoding_of(options, words))
        self.libraries = libraries_of(options)
        self.wordings = tuple(wordings)

    def prompt_hash(self) -> str:
        """Over the wordings in order: 64 hex digits."""
        return hashlib.sha256("".join(wording.sha256 for wording in self.wordings).encode()).hexdigest()

    def identity(self) -> Mapping[str, Any]:
        """As for any generator, and whose the wordings are."""
        return {**super().identity(), "prompts": {wording.name: wording.origin for wording in self.wordings}}
