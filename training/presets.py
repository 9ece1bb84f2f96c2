"""A preset: every setting of every stage, from a TOML file. What is not known is refused, with the nearest names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from adapters.engines.local import DEVICES
from harness.errors import ConfigError, unknown
from harness.parameters import number, one_of, whole
from harness.protocol import Protocol
from training.curves import KINDS as CURVES

FOLDER = Path(__file__).parent / "presets"
OWN_PROMPTS = Path(__file__).parent / "prompts"
FORMAT = 1
SCHEDULES = ("cosine", "linear", "constant_with_warmup", "inverse_sqrt")
"""Courses of the learning rate that need no further setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Where choices come from and how they are shared out."""

    dataset: str
    """Spec of a harness data set, such as `simulated-flat:users=300,noise_free=true`."""
    reasoner: float
    """Share of the users whose choices train the reasoner; `reward` and `evaluation` likewise. They add up to 1."""
    reward: float
    evaluation: float
    users: int = 0
    """At most this many users, a seeded draw; 0: all."""
    k: int = 8
    """References of a question, as for the judge."""
    protocol: str = "auto"
    """Name of the harness protocol, as for the judge."""
    questions: int = 0
    """Questions the reward model is taught with, before the filter, at most; 0: all of its part."""

    def __post_init__(self) -> None:
        for name in ("reasoner", "reward", "evaluation"):
            number(f"data.{name}", getattr(self, name), 0, 1)
        if abs(self.reasoner + self.reward + self.evaluation - 1) > 1e-6:
            raise ConfigError("data.reasoner, data.reward and data.evaluation are shares; expected a sum of 1")
        whole("data.users", self.users, 0)
        whole("data.k", self.k, 0, 1000)
        Protocol(name=self.protocol)  # type: ignore[arg-type]
        whole("data.questions", self.questions, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The model both are trained from."""

    base: str = ""
    """Hub id `owner/name@revision` or a folder; empty: what the stage `base` makes."""
    prompts: str = ""
    """Name of a set of templates in `training/prompts`, or a folder; empty: the judge's own."""
    device: str = "auto"
    dtype: str = "auto"
    """Of the frozen weights under LoRA and when generating; full training keeps float32 weights."""
    max_pixels: int = 512 * 512
    """A larger image is made smaller, in training as in judging."""
    attention: str = "sdpa"

    def __post_init__(self) -> None:
        whole("model.max_pixels", self.max_pixels, 1)
        if not DEVICES.fullmatch(self.device):
            raise ConfigError(f"model.device is {self.device!r}; expected auto, cpu, mps, cuda or cuda:NUMBER")
        one_of("model.dtype", self.dtype, ("auto", "float32", "bfloat16", "float16"))
        one_of("model.attention", self.attention, ("sdpa", "eager", "flash_attention_2"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiny:
    """Size of the model that the stage `base` makes."""

    width: int = 96
    layers: int = 3
    heads: int = 4
    vision_width: int = 64
    vision_layers: int = 2
    seeing: int = 20_000
    """Captions of a round in which it learns to see, before anything else."""
    rounds: int = 1
    """Rounds of each lesson at most; a model may take longer to learn one thing than others with another seed."""
    sees: float = 0.0
    """Share of captions that must be right before the next thing is taught."""
    argues: float = 0.0
    """Share of rationales with a hint that must be right in the end."""
    samples: int = 20_000
    """Of a round after that: the shares below are captions and rationales; the rest shows the format of an answer."""
    captions: float = 0.4
    rationales: float = 0.3
    images: int = 4_000
    """Distinct images at most."""

    def __post_init__(self) -> None:
        for name in ("heads", "seeing", "samples", "rounds"):
            whole(f"tiny.{name}", getattr(self, name), 1)
        # It is made in memory before anything can be forecast.
        for name, most in (("width", 1024), ("layers", 32), ("vision_width", 1024), ("vision_layers", 32)):
            whole(f"tiny.{name}", getattr(self, name), 1, most)
        whole("tiny.images", self.images, 2)
        number("tiny.sees", self.sees, 0, 1)
        number("tiny.argues", self.argues, 0, 1)
        number("tiny.captions + tiny.rationales", self.captions + self.rationales, 0, 1)
        if self.width % (8 * self.heads):
            raise ConfigError(f"tiny.width is {self.width}; expected a multiple of 8 · tiny.heads = {8 * self.heads}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One run of an optimiser (AdamW)."""

    epochs: float = 1.0
    steps: int = 0
    """Instead of epochs, where it is not 0."""
    batch: int = 8
    """Samples a device takes at once; `accumulation` of these make a step."""
    accumulation: int = 1
    lr: float
    schedule: str = "cosine"
    warmup: int = 0
    """Steps."""
    weight_decay: float = 0.0
    beta2: float = 0.999
    """AdamW's second decay."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    save_every: int = 200
    """Steps between two checkpoints; a killed stage repeats at most these."""
    log_every: int = 10
    lora: int = 0
    """Rank of a LoRA adapter; 0: all weights are trained."""
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    lora_targets: str = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
    """Regular expression of the modules that get an adapter: the language model's, not the vision tower's."""
    checkpointing: bool = False
    """Recomputes activations: slower, less memory."""
    workers: int = 0
    """Processes that read images."""

    def __post_init__(self) -> None:
        for name in ("batch", "accumulation", "save_every", "log_every"):
            whole(name, getattr(self, name), 1)
        for name in ("steps", "warmup", "lora", "lora_alpha", "workers"):
            whole(name, getattr(self, name), 0)
        number("lr", self.lr, 1e-9, 1.0)
        number("epochs", self.epochs, 1e-6, 1000.0)
        number("clip", self.clip, 1e-6, 1e6)
        for name, most in (("weight_decay", 1.0), ("beta2", 0.999999), ("lora_dropout", 0.99)):
            number(name, getattr(self, name), 0.0, most)
        one_of("schedule", self.schedule, SCHEDULES)
        try:
            re.compile(self.lora_targets)
        except re.error as error:
            raise ConfigError(f"lora_targets {self.lora_targets!r}: expected a regular expression ({error})") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rationales:
    """Hint-driven sampling."""

    hint: str = "It is known that image {number} is the preferred one; the reason is:"
    """How the assistant's turn begins."""
    references: int = 0
    """At most this many; 0: all of the split."""
    held_out: float = 0.1
    """Share of the references kept for the gate, by user."""
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    longest: int = 400
    """Tokens after which a text is cut at its last full stop."""
    alike: float = 0.95
    """Two texts whose words agree at least as much are near-equal, as `difflib` measures it."""
    free: int = 0
    """Unhinted samples a reference, drawn at `free_temperature`; right ones are paired with wrong ones."""
    free_temperature: float = 1.2
    free_pairs: int = 3
    """At most this many pairs a reference come from free samples."""
    batch: int = 8

    def __post_init__(self) -> None:
        if "{number}" not in self.hint:
            raise ConfigError("rationales.hint has no {number}; expected a text that names the preferred image")
        for name in ("temperature", "free_temperature"):
            number(f"rationales.{name}", getattr(self, name), 0, 10)
        number("rationales.top_p", self.top_p, 1e-6, 1)
        number("rationales.held_out", self.held_out, 0, 0.9)
        number("rationales.alike", self.alike, 0, 1)
        for name in ("references", "free", "free_pairs"):
            whole(f"rationales.{name}", getattr(self, name), 0)
        for name in ("max_tokens", "longest", "batch"):
            whole(f"rationales.{name}", getattr(self, name), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoner(Fit):
    """DPO, equation 4 of PIGReward, with an optional term that keeps the chosen texts probable."""

    beta: float = 0.1
    sft: float = 0.0
    """Weight of the negative log-likelihood of the chosen text; 0: none."""
    tolerance: float = 0.0
    """How far the held-out check may fall before the trained reasoner counts as worse."""

    def __post_init__(self) -> None:
        # The zero-argument form of super() does not work in a dataclass with slots.
        Fit.__post_init__(self)
        number("reasoner.beta", self.beta, 1e-6, 100)
        number("reasoner.sft", self.sft, 0, 100)
        number("reasoner.tolerance", self.tolerance, 0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """Rationales of the trained reasoner, decoded as the judge decodes them."""

    temperature: float = 0.0
    max_tokens: int = 512
    batch: int = 8

    def __post_init__(self) -> None:
        whole("contexts.max_tokens", self.max_tokens, 1)
        whole("contexts.batch", self.batch, 1)
        number("contexts.temperature", self.temperature, 0, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cot:
    """The teacher's chains of thought."""

    teacher: str = "endpoint"
    """`endpoint`: a model behind an OpenAI-compatible server. `scripted`: the script for simulated users."""
    base_url: str = ""
    model: str = ""
    key_env: str = "OPENAI_API_KEY"
    concurrency: int = 64
    budget_usd: float = 0.0
    """0: none; else the prices, in US dollars for a million tokens, are needed."""
    price_in: float = 0.0
    price_out: float = 0.0
    fewer: float = 0.0
    """Share of the questions that show fewer references than k: from 1 to k - 1, a seeded draw."""
    none: float = 0.0
    """Share of the questions that show no reference: what is liked by those of whom nothing is known."""
    reasoning: bool = True
    """Whether the reward model learns the teacher's reasoning, or to give the verdict alone when asked for no more."""
    temperature: float = 0.0
    max_tokens: int = 2048

    def __post_init__(self) -> None:
        one_of("cot.teacher", self.teacher, ("endpoint", "scripted"))
        whole("cot.max_tokens", self.max_tokens, 1)
        whole("cot.concurrency", self.concurrency, 1, 1000)
        number("cot.fewer", self.fewer, 0, 1)
        number("cot.none", self.none, 0, 1)
        number("cot.temperature", self.temperature, 0, 10)
        for name in ("budget_usd", "price_in", "price_out"):
            number(f"cot.{name}", getattr(self, name), 0, 1e9)
        if self.budget_usd and not (self.price_in and self.price_out):
            raise ConfigError("cot.budget_usd needs cot.price_in and cot.price_out, in US dollars for a million tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """All of it."""

    name: str
    data: Data
    model: Model
    tiny: Tiny
    base: Fit
    rationales: Rationales
    reasoner: Reasoner
    contexts: Contexts
    cot: Cot
    reward: Fit
    seed: int = 0
    report_to: str = "none"
    """`tensorboard`: training curves for it, in the stage's folder."""
    origin: Mapping[str, str]
    """Where a value is from, by dotted key, such as `reasoner.beta`; what is not named is our choice."""

    def __post_init__(self) -> None:
        one_of("report_to", self.report_to, CURVES)
        whole("seed", self.seed, 0)

    def settings(self, *sections: str) -> dict[str, Any]:
        """The values of some sections, and the seed, as a stage's record keeps them."""
        values = {name: getattr(self, name) for name in sections}
        return {"seed": self.seed, **{name: asdict(value) for name, value in values.items()}}


def read_preset(name: str, changes: Sequence[str] = ()) -> Preset:
    """The preset of a name (`tiny`) or a file, with changes such as `reasoner.beta=0.3`. Raises `ConfigError`."""
    path = FOLDER / f"{name}.toml" if not name.endswith(".toml") else Path(name)
    if not path.is_file():
        raise unknown("preset", name, names(), f"expected a file or one of {', '.join(names())}")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"preset {path}: {error}; correct the file") from error
    for change in changes:
        _change(table, change)
    return _built(path.stem, table)


def names() -> list[str]:
    """The presets that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def _change(table: dict[str, Any], change: str) -> None:
    key, _, text = change.partition("=")
    section, _, name = key.strip().rpartition(".")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        value = text
    target = table.setdefault(section, {}) if section else table
    if not isinstance(target, dict):
        raise ConfigError(f"--set {change}: expected SECTION.KEY=VALUE, such as reasoner.beta=0.3")
    target[name] = value


def _built(name: str, table: Mapping[str, Any]) -> Preset:
    hints = get_type_hints(Preset)
    given = dict(table)
    if (number_ := given.pop("format", FORMAT)) != FORMAT:
        raise ConfigError(f"preset {name} has format {number_}; this version reads {FORMAT}")
    _known(name, "", given, fields(Preset))
    sections = {key: _section(name, key, hints[key], given.pop(key, {})) for key in hints if _is_section(hints[key])}
    origin = given.pop("origin", {})
    if not isinstance(origin, dict):
        raise ConfigError(f"preset {name}: origin is {origin!r}; expected a table [origin]")
    for key in origin:
        _check_origin(name, key, sections)
    return Preset(name=name, origin=origin, **sections, **{key: _typed(key, v, hints[key]) for key, v in given.items()})


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and hasattr(kind, "__dataclass_fields__")


def _section(preset: str, name: str, kind: Any, table: Any) -> Any:
    if not isinstance(table, dict):
        raise ConfigError(f"preset {preset}: {name} is {table!r}; expected a table [{name}]")
    _known(preset, f"{name}.", table, fields(kind))
    missing = [f.name for f in fields(kind) if f.default is MISSING and f.name not in table]
    if missing:
        raise ConfigError(f"preset {preset}: [{name}] needs {' and '.join(missing)}")
    hints = get_type_hints(kind)
    values = {key: _typed(f"{name}.{key}", value, hints[key]) for key, value in table.items()}
    try:
        return kind(**values)
    except ConfigError as error:
        raise ConfigError(f"preset {preset}, [{name}]: {error}") from None


def _known(preset: str, prefix: str, table: Mapping[str, Any], known: Iterable[Field[Any]]) -> None:
    here = [f.name for f in known if f.name != "name"]
    for key in table:
        if key not in here:
            raise unknown(
                "preset key",
                f"{prefix}{key}",
                [f"{prefix}{k}" for k in here],
                f"preset {preset} may have: {', '.join(here)}",
            )


def _typed(key: str, value: Any, kind: Any) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float, str, bool) and type(value) is not kind:
        raise ConfigError(f"preset: {key} is {value!r}; expected {kind.__name__}")
    return value


def _check_origin(preset: str, key: str, sections: Mapping[str, Any]) -> None:
    section, _, name = key.partition(".")
    if not hasattr(sections.get(section), name or "-"):
        raise ConfigError(f"preset {preset}: [origin] names {key!r}; expected SECTION.KEY of a setting")
