"""The judge: a reasoner writes the user's context, a reward model scores both images by it and decides."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from adapters.generative.options import DECLARED, decoding_of, engine_of, libraries_of, model_options
from adapters.parsers import PARSERS
from adapters.pigreward.rationales import Rationales
from adapters.pigreward.wording import Wording
from harness.errors import ConfigError
from harness.generation import Message, Parser
from harness.generator import Generator
from harness.parameters import one_of, takes, whole
from harness.records import Comparison

CARD = "judge.json"
"""Says what a judge folder is and what it was made from."""

REWARD, REASONER = "jeongeunnn/pigreward", "jeongeunnn/pigreward-bootstrap"
"""The authors' checkpoints on the hub: the reward model and the preference reasoner."""

BASE = "Qwen/Qwen2-VL-7B-Instruct"
"""What both were trained from (arXiv 2511.19458, section on implementation)."""

CONTEXTS = ("rationales", "references", "none")
RULES = {"last-verdict": "pigreward", "totals": "pigreward-totals", "strict": "pigreward-strict"}
"""Which of an answer's dimensions, totals and verdict decides: the parsers of `adapters.parsers.pigreward`."""

OPTIONS = model_options(model="", max_tokens=1024, max_pixels=512 * 512)


@takes(OPTIONS)
class PigReward(Generator):
    """PIGReward (arXiv 2511.19458, section 3.1): user context by rationales, then dimensions, scores, totals, verdict.

    Args:
        weights: a judge folder (`judge.json`, `reasoner/`, `reward/`, `prompts/`); empty: the authors' checkpoints.
        reasoner: hub id or folder of the preference reasoner, or the name its server gives it; `base`: the model it was
            trained from; empty: the one of `weights`.
        reward: likewise, of the reward model.
        base: what `base` stands for.
        reasoner_url: address of the reasoner's server where it is another one than `base_url`.
        context: `rationales` as written by the reasoner, the `references` themselves (no reasoner), or `none`.
        cot: whether dimensions, scores and totals are asked for before the verdict.
        rule: one of `RULES`.
        rationale_tokens: length of a rationale at most.
        given: as `adapters.generative.options.model_options` lists them; `model` has no use here.
    """

    reads_references: bool = True
    window: ClassVar[int] = 32
    incidental: ClassVar[tuple[str, ...]] = (*DECLARED, "weights", "reasoner", "reward", "base", "reasoner_url")

    def __init__(  # noqa: PLR0913
        self,
        *,
        weights: str = "",
        reasoner: str = "",
        reward: str = "",
        base: str = "",
        reasoner_url: str = "",
        context: str = "rationales",
        cot: bool = True,
        rule: str = "last-verdict",
        rationale_tokens: int = 512,
        **given: Any,
    ) -> None:
        one_of("context", context, CONTEXTS)
        if not isinstance(cot, bool):
            raise ConfigError(f"parameter cot is {cot!r}; expected true or false")
        if given.get("model"):
            raise ConfigError("pigreward has two models; name them with reward= and reasoner=, or give weights=FOLDER")
        folder = Path(weights).expanduser() if weights else None
        card = read_card(folder) if folder else {}
        models = {"base": base or str(card.get("base", BASE))}
        options = OPTIONS(**{**given, "model": _model(reward, folder, "reward", REWARD, models)})
        super().__init__(engine_of(options), _parser(rule), decoding_of(options, ("1", "2")))
        self.libraries = libraries_of(options)
        self.wording = Wording.read(folder / "prompts") if folder else Wording.default()
        self.reads_references = context != "none"
        self._context, self._cot, self._card = context, cot, card
        self._rationales: Rationales | None = None
        if context == "rationales":
            writes = replace(options, model=_model(reasoner, folder, "reasoner", REASONER, models),
                             **({"base_url": reasoner_url} if reasoner_url else {}))  # fmt: skip
            self._reasoner = engine_of(writes)
            tokens = whole("rationale_tokens", rationale_tokens, 1)
            writing = replace(self.decoding, max_tokens=tokens, options=())
            self._rationales = Rationales(self._reasoner, writing, self.wording)

    def keep_in(self, folder: Path) -> None:
        """Where a run's rationales and contexts are kept."""
        if self._rationales:
            self._rationales.keep_in(folder)

    def prepare(self, comparisons: Sequence[Comparison]) -> None:
        """Has the rationales written that these comparisons need."""
        if self._rationales:
            self._rationales.prepare(comparison.references for comparison in comparisons)

    def messages(self, comparison: Comparison) -> Sequence[Message]:
        """The user's context, the caption, both images."""
        return self.wording.reward_messages(
            self._known(comparison), comparison.prompt, comparison.image_a, comparison.image_b, cot=self._cot
        )

    def _known(self, comparison: Comparison) -> Any:
        references = comparison.references if self.reads_references else ()
        if not references:
            return self.wording.context((), ())
        return self._rationales.of(references) if self._rationales else self.wording.shown(references)

    def prompt_hash(self) -> str:
        """Over all templates."""
        return self.wording.sha256

    def identity(self) -> Mapping[str, Any]:
        """Both models, decoding, parser, wording, and which way the judge works."""
        writes = {"reasoner": self._reasoner.identity()} if self._rationales else {}
        return {**super().identity(), **writes, "context": self._context, "cot": self._cot}


def read_card(folder: Path) -> dict[str, Any]:
    """`judge.json` of a judge folder. Raises `ConfigError` when the folder is none."""
    path = folder / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"weights {folder}: {CARD} cannot be read ({error}); expected a judge folder as `pigeval train export` "
            "makes it; single models are named with reward= and reasoner="
        ) from error
    if not isinstance(card, dict) or card.get("format") != 1:
        raise ConfigError(f"{path}: expected format 1, found {str(card)[:60]!r}")
    return card


def _model(named: str, folder: Path | None, part: str, preset: str, known: Mapping[str, str]) -> str:
    """Hub id, folder or served name of one of the two models."""
    if named:
        return known.get(named, named)
    return str(folder / part) if folder else preset


def _parser(rule: str) -> Parser:
    return PARSERS[RULES[one_of("rule", rule, RULES)]]
