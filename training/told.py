"""The control that separates PIGReward's two models: its reward model, told what the reasoner should have written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.pigreward.judge import PigReward
from harness.choices import table_of
from harness.errors import ConfigError
from harness.generation import Engine, Request
from harness.parameters import takes
from harness.records import Comparison, Reference
from training.material import open_dataset
from training.teacher import levels_in, true_rationale


@takes(PigReward)
class Told(PigReward):
    """PIGReward whose rationales are true, of images whose content is known. No judge: it is told what no judge may be.

    Args:
        dataset: the data set of the run, which knows what its images show.
        given: as for `PigReward`, with `context=rationales`; its reasoner is not asked.
    """

    def __init__(self, *, dataset: str, **given: Any) -> None:
        super().__init__(**given)
        world = open_dataset(dataset)
        levels = levels_in(world, table_of(world).images)
        if levels is None or self.rationales is None:
            raise ConfigError(
                f"dataset {dataset!r}, context={given.get('context', 'rationales')}: expected a data set that knows "
                "what its images show, such as simulated-flat:split=test, and context=rationales"
            )
        self._dataset, self._levels = dataset, levels

    def prepare(self, comparisons: Sequence[Comparison]) -> None:
        """Tells the rationales these comparisons need."""
        self._tell(comparisons)
        super().prepare(comparisons)

    def foreseen(self, comparisons: Sequence[Comparison]) -> Iterator[tuple[Engine, Request]]:
        """The comparisons alone."""
        self._tell(comparisons)
        yield from super().foreseen(comparisons)

    def _tell(self, comparisons: Sequence[Comparison]) -> None:
        assert self.rationales is not None
        for reference in {reference for comparison in comparisons for reference in comparison.references}:
            self.rationales.tell(reference, self._truth(reference))

    def _truth(self, reference: Reference) -> str:
        try:
            return true_rationale(self._levels, reference)
        except (KeyError, IndexError):
            raise ConfigError(
                f"a reference to {reference.prompt!r} shows an image that is not of {self._dataset}, or nothing to "
                "compare it with; give dataset= the data set of the run, and pairs as references"
            ) from None

    def identity(self) -> Mapping[str, Any]:
        """As of the judge; the reasoner is the data set."""
        return {**super().identity(), "reasoner": {"told by": self._dataset}}
