"""What the stages of one command share: work folder, preset, data set, wording, how to speak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from adapters.engines import checkpoints
from adapters.pigreward.wording import Wording
from harness.errors import ConfigError, DataError
from harness.progress import Progress, Silent
from harness.records import Reference
from training import curves
from training.launched import main_process, processes, together
from training.material import Material, open_dataset
from training.presets import Fit, Preset
from training.splits import Split
from training.stage import Stage, Work
from training.teacher import teacher_of
from training.weights import Weights, base_of, wording_of

FITS = ("base", "reasoner", "reward")
"""The stages that train."""
LOADING = ("rationales", "reasoner", "contexts", "reward")
"""The stages that load the untrained model."""


@dataclass
class Session:
    """What the stages of one command share."""

    work: Work
    preset: Preset
    progress: Progress = field(default_factory=Silent)
    fresh: bool = False
    promote_worse: bool = False
    unchecked: bool = False
    """Begins a fit even where memory looks short."""
    incomplete: bool = False
    """Goes on without the teacher's answers that do not come."""
    plugins: Sequence[Path] = ()
    say: Callable[[str], None] = print

    def __post_init__(self) -> None:
        """Of the processes of a launch the first alone speaks."""
        if not main_process():
            self.progress, self.say = Silent(), lambda _: None

    @cached_property
    def material(self) -> Material:
        """The data set."""
        return Material(open_dataset(self.preset.data.dataset, self.plugins), self.preset.data, self.preset.seed)

    @cached_property
    def wording(self) -> Wording:
        """The templates."""
        return wording_of(self.preset.model)

    @cached_property
    def split(self) -> Split:
        """The parts, checked."""
        return Split.read(self.work.folder("split"))

    @cached_property
    def pretrained(self) -> str:
        """Which files the preset's model is. Raises `ConfigError` when it cannot be had."""
        return checkpoints.model(self.preset.model.base).identity

    @property
    def judge(self) -> Path:
        """The judge folder."""
        return self.work.folder("export") / "judge"

    @property
    def base(self) -> Weights:
        """The untrained model."""
        return base_of(self.work, self.preset.model)

    def open(self, name: str, *sections: str, reads: tuple[str, ...] = ()) -> AbstractContextManager[Stage]:
        """A stage's folder, made from some sections of the preset and from other stages. Raises `ConfigError`."""
        if name in FITS:
            curves.check(self.preset.report_to)
        elif processes() > 1:
            raise ConfigError(f"the stage {name} works in one process; launch {', '.join(FITS)} alone, one by one")
        settings = self.preset.settings(*sections)
        if "model" in sections:
            settings["prompts"] = self.wording.sha256
        if self.preset.model.base and name in LOADING:
            # A folder's content and a hub's branch may change; the name stays.
            settings["checkpoint"] = self.pretrained
        return self.work.stage(name, settings, reads, self.fresh, self.wait)

    def wait(self) -> None:
        """Waits for the other processes of a launch."""
        if processes() > 1:
            from adapters.engines.loading import placed  # noqa: PLC0415

            together(cpu=placed(self.preset.model.device, self.preset.model.dtype)[0].type == "cpu")

    def check(self) -> None:
        """Raises `ConfigError` now for what a stage would stop at after hours of others."""
        from training.trainers import check_devices  # noqa: PLC0415

        curves.check(self.preset.report_to)
        if self.preset.cot.teacher == "endpoint":
            teacher_of(self.preset.cot, self.material)
        check_devices(self.preset.model)

    def forecast(self, name: str, start: Weights, fit: Fit, data: Any, processor: Any, *, preference: bool) -> None:
        """Says what a fit will take. Raises `ConfigError` when memory is short, unless told not to."""
        from training.forecast import forecast  # noqa: PLC0415

        ahead = forecast(start.model, fit, self.preset.model, data, processor, preference=preference)
        self.say(f"{name}: {ahead}")
        if not self.unchecked:
            ahead.check()

    def references(self, part: str, limit: int = 0, questions: int = 0) -> dict[str, tuple[str, Reference]]:
        """The references of a part, by digest; see `Material.references`. Raises `DataError` when there are none."""
        plan = self.material.plan(self.material.of_part(self.split, part), self.progress)
        found = self.material.references(plan, limit, questions)
        if not found:
            raise DataError(
                f"the part {part!r} of {self.split.dataset} shows no past choice with a rejected image; expected users "
                "with two choices or more that are no ties, and data.k of at least 1"
            )
        return found
