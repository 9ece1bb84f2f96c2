"""A vision-language model asked which image a person prefers, given the person's past choices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from adapters.generative.judge import ModelJudge
from adapters.generative.messages import caption, filled, joined, labelled, sections
from adapters.generative.options import model_options
from adapters.generative.profiles import Profiles, References
from adapters.generative.shots import lines, shots
from adapters.parsers import PARSERS
from adapters.prompts.wording import wording
from harness.errors import ConfigError
from harness.generation import Engine, Message, Part, Request
from harness.parameters import one_of, takes, whole
from harness.records import Comparison

PROTOCOLS = ("ppd", "plain", "profile", "none")

ProfileOf = Callable[[References], str]
"""Gives the text about a user."""

OPTIONS = model_options(max_pixels=512 * 512)


@takes(OPTIONS)
class Lvlm(ModelJudge):
    """Any chat model that sees images, in this process or behind an endpoint.

    What the comparisons of a user share, instructions and references, stands first and the two images last, so that a
    prefix cache serves all of them; a reference looks the same in every question (see `shuffled`).

    `protocol`:

    - `ppd`: each past choice as its images and the line `Prediction of user preference: 1`, in the order of Dang et al.
      (Personalized Preference Fine-tuning of Diffusion Models, arXiv 2501.06655), section on evaluation; the authors
      ask each pair in both orders (`--orders both`).
    - `plain`: liked and disliked images, called so.
    - `profile`: a first question for each set of references has a text about the user's taste written, a second one
      shows the text and the two images (Ryan et al., SynthesizeMe, 2025, in its simplest form). The texts stay with the
      run, in `contexts.jsonl`.
    - `none`: no references are shown.

    A comparison without references is asked as under `none`, whatever the protocol. `reasoning`: the model writes
    before it answers. `profile_tokens`: length of a profile at most.
    """

    # A window's profiles are written together.
    window: ClassVar[int] = 32

    def __init__(
        self,
        *,
        protocol: str = "ppd",
        reasoning: bool = False,
        prompt: str = "auto",
        profile_tokens: int = 768,
        **given: Any,
    ) -> None:
        one_of("protocol", protocol, PROTOCOLS)
        if not isinstance(reasoning, bool):
            raise ConfigError(f"parameter reasoning is {reasoning!r}; expected true or false")
        whole("profile_tokens", profile_tokens, 1)
        names = dict.fromkeys((f"lvlm-{protocol}", "lvlm-none"))
        super().__init__(OPTIONS(**given), PARSERS["ppd" if protocol == "ppd" else "lvlm"],
                         [wording(name, prompt) for name in names], words=("1", "2"))  # fmt: skip
        self.reads_references = protocol != "none"
        self._texts, self._blind = (sections(self.wordings[place].text) for place in (0, -1))
        self._task = "reasoning" if reasoning else "answer"
        writing = replace(self.decoding, max_tokens=profile_tokens, options=())
        self._profiles = Profiles(self.engine, writing, self._writing) if protocol == "profile" else None

    def keep_in(self, folder: Path) -> None:
        """Where a run's profiles are kept."""
        if self._profiles:
            self._profiles.keep_in(folder)

    def prepare(self, comparisons: Sequence[Comparison]) -> None:
        """Has the profiles written that these comparisons need."""
        if self._profiles:
            self._profiles.prepare(comparison.references for comparison in comparisons if comparison.references)

    def foreseen(self, comparisons: Sequence[Comparison]) -> Iterator[tuple[Engine, Request]]:
        """The profiles, each once, then the comparisons."""
        if self._profiles is None:
            yield from super().foreseen(comparisons)
            return
        for request in self._profiles.missing(c.references for c in comparisons if c.references).values():
            yield self.engine, request
        for comparison in comparisons:
            yield self.engine, Request(self._asking(comparison, self._profiles.expected), self.decoding)

    def messages(self, comparison: Comparison) -> Sequence[Message]:
        """System, then one turn: what is known of the user, the task, the two images."""
        return self._asking(comparison, self._profiles.of if self._profiles else None)

    def _asking(self, comparison: Comparison, profile: ProfileOf | None) -> tuple[Message, ...]:
        references = comparison.references if self.reads_references else ()
        texts = self._texts if references else self._blind
        query = filled(
            texts["query"],
            {
                "number": str(len(references) + 1),
                "caption": caption(comparison.prompt),
                "images": tuple(labelled((comparison.image_a, comparison.image_b))),
            },
        )
        known = self._known(references, profile) if references else []
        return _turns(texts["system"], [*known, *lines(texts[self._task]), *query])

    def _known(self, references: References, profile: ProfileOf | None) -> list[Part]:
        if profile is None:
            return [*lines(self._texts["opening"]), *shots(self._texts, references, self.decoding.seed)]
        return [*lines(filled(self._texts["profile"], {"profile": profile(references)}))]

    def _writing(self, references: References) -> Sequence[Message]:
        """Asks for a profile."""
        shown = shots(self._texts, references, self.decoding.seed)
        return _turns(self._texts["system"], [*lines(self._texts["opening"]), *shown, self._texts["writing"]])


def _turns(system: str, user: Sequence[Part]) -> tuple[Message, ...]:
    return Message("system", (system,)), Message("user", joined(user))
