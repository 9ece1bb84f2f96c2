"""The judge: a reasoner writes the user's context, a reward model scores both images by it and decides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from adapters.generative.options import DECLARED, decoding_of, engine_of, libraries_of, model_options
from adapters.parsers import PARSERS
from adapters.pigreward.rationales import Rationales, References
from adapters.pigreward.wording import NOTHING, Wording
from harness.errors import ConfigError
from harness.generation import Engine, Message, Parser, Part, Request
from harness.generator import Generator
from harness.parameters import one_of, takes, whole
from harness.records import Comparison

CARD = "judge.json"
"""Says what a judge folder is and what it was made from."""

REWARD, REASONER = "jeongeunnn/pigreward", "jeongeunnn/pigreward-bootstrap"
"""The authors' checkpoints on the hub: the reward model and the preference reasoner."""

BASE = "Qwen/Qwen2-VL-7B-Instruct"
"""What both were trained from (arXiv 2511.19458, section on implementation)."""

RATIONALE = 512
"""Tokens of a rationale at most, where nothing else is said."""

SHIPPED = Path(__file__).parent / "tiny"
"""A judge folder of 2 M weights, trained on simulated users by the preset `tiny`."""

CONTEXTS = ("rationales", "references", "none")
RULES = {"last-verdict": "pigreward", "totals": "pigreward-totals", "strict": "pigreward-strict"}
"""Which of an answer's dimensions, totals and verdict decides: the parsers of `adapters.parsers.pigreward`."""

Context = str | Sequence[Part]
"""What is known of a user, as the reward model gets it."""

OPTIONS = model_options(model="", max_tokens=1024, max_pixels=512 * 512)


@dataclass(frozen=True, slots=True)
class Models:
    """Which models the names of a spec mean."""

    base: str
    folder: Path | None
    """A judge folder; each part of it is a whole model, or a LoRA adapter on the base."""

    def of(self, part: str, named: str, preset: str, url: str) -> dict[str, str]:
        """`base_url`, `model` and `adapter` of one of the two. Behind a server an adapter has a name as models have."""
        if named or self.folder is None:
            return {"base_url": url, "model": self.base if named == "base" else named or preset, "adapter": ""}
        own = self.folder / part
        if not url and (own / "adapter_config.json").is_file():
            return {"base_url": url, "model": self.base, "adapter": str(own)}
        return {"base_url": url, "model": str(own), "adapter": ""}


@takes(OPTIONS)
class PigReward(Generator):
    """PIGReward (arXiv 2511.19458, section 3.1): user context by rationales, then dimensions, scores, totals, verdict.

    Args:
        weights: a judge folder (`judge.json`, `reasoner/`, `reward/`, `prompts/`), or `tiny`: the one that comes with
            this package; empty: the authors' checkpoints.
        reasoner: hub id or folder of the preference reasoner, or the name its server gives it; `base`: the model it was
            trained from; empty: the one of `weights`. Two LoRA adapters on one base share its weights in memory.
        reward: likewise, of the reward model.
        base: what `base` stands for.
        reasoner_url: address of the reasoner's server where it is another one than `base_url`.
        context: `rationales` as written by the reasoner, the `references` themselves (no reasoner), or `none`.
        cot: whether dimensions, scores and totals are asked for before the verdict; None: as `weights` were trained.
        rule: one of `RULES`.
        rationale_tokens: length of a rationale at most; None: as `weights` were trained, else 512.
        given: as `adapters.generative.options.model_options` lists them; `model` and `adapter` have no use
            here, `max_pixels` and `max_tokens` are those `weights` were trained with, and a budget is for each model.
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
        cot: bool | None = None,
        rule: str = "last-verdict",
        rationale_tokens: int | None = None,
        **given: Any,
    ) -> None:
        one_of("context", context, CONTEXTS)
        if not isinstance(cot, bool | None):
            raise ConfigError(f"parameter cot is {cot!r}; expected true or false")
        if given.get("model") or given.get("adapter"):
            raise ConfigError("pigreward has two models; name them with reward= and reasoner=, or give weights=FOLDER")
        parser = _parser(rule)
        folder = _folder(weights)
        card = read_card(folder) if folder else {}
        trained = card.get("parameters", {})
        tokens = trained.get("rationale_tokens", RATIONALE) if rationale_tokens is None else rationale_tokens
        whole("rationale_tokens", tokens, 1)
        wording = Wording.read(folder / "prompts") if folder else Wording.default()
        models, url = Models(base or _base_of(folder, card), folder), given.get("base_url", "")
        usual = {name: trained[name] for name in ("max_pixels", "max_tokens") if name in trained}
        options = OPTIONS(**{**usual, **given, **models.of("reward", reward, REWARD, url)})
        super().__init__(engine_of(options), parser, decoding_of(options, ("1", "2")))
        self.libraries = libraries_of(options)
        self.wording = wording
        self.reads_references = context != "none"
        self._context, self._cot = context, trained.get("cot", True) if cot is None else cot
        self.rationales: Rationales | None = None
        if context == "rationales":
            writes = models.of("reasoner", reasoner, REASONER, reasoner_url or url)
            self._reasoner = engine_of(replace(options, **writes))
            writing = replace(self.decoding, max_tokens=tokens, options=())
            self.rationales = Rationales(self._reasoner, writing, wording)

    def keep_in(self, folder: Path) -> None:
        """Where a run's rationales and contexts are kept."""
        if self.rationales:
            self.rationales.keep_in(folder)

    def prepare(self, comparisons: Sequence[Comparison]) -> None:
        """Has the rationales written that these comparisons need."""
        if self.rationales:
            self.rationales.prepare(comparison.references for comparison in comparisons)

    def foreseen(self, comparisons: Sequence[Comparison]) -> Iterator[tuple[Engine, Request]]:
        """The rationales, each once, then the comparisons."""
        if self.rationales is None:
            yield from super().foreseen(comparisons)
            return
        for request in self.rationales.missing(comparison.references for comparison in comparisons).values():
            yield self._reasoner, request
        for comparison in comparisons:
            yield self.engine, Request(self._asking(comparison, self.rationales.expected), self.decoding)

    def messages(self, comparison: Comparison) -> Sequence[Message]:
        """The user's context, the caption, both images."""
        return self._asking(comparison, self.rationales.of if self.rationales else self.wording.shown)

    def _asking(self, comparison: Comparison, known: Callable[[References], Context]) -> tuple[Message, ...]:
        references = comparison.references if self.reads_references else ()
        context = known(references) if references else NOTHING
        images = (comparison.image_a, comparison.image_b)
        return tuple(self.wording.reward_messages(context, comparison.prompt, *images, cot=self._cot))

    def prompt_hash(self) -> str:
        """Over all templates."""
        return self.wording.sha256

    def identity(self) -> Mapping[str, Any]:
        """Both models, decoding, parser, wording, and which way the judge works."""
        writes: dict[str, Any] = {}
        if self.rationales:
            writes = {"reasoner": self._reasoner.identity(), "rationale tokens": self.rationales.longest}
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


def _folder(weights: str) -> Path | None:
    if weights == SHIPPED.name:
        return SHIPPED
    return Path(weights).expanduser() if weights else None


def _base_of(folder: Path | None, card: Mapping[str, Any]) -> str:
    """What the models of a judge folder were trained from; it may be part of the folder."""
    if folder and (folder / "base").is_dir():
        return str(folder / "base")
    return str(card.get("base", BASE))


def _parser(rule: str) -> Parser:
    return PARSERS[RULES[one_of("rule", rule, RULES)]]
