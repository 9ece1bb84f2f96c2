"""What runs share: a data set opened once, planned once for each protocol; a judge made ready from its spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.choices import ChoiceTable, Dataset, provenance_of, table_of
from harness.lines import line_subjects
from harness.log import Run
from harness.plan import Plan
from harness.prepare import prepare
from harness.progress import Progress
from harness.protocol import Protocol, plan_comparisons
from harness.registry import Entry, Registry
from harness.runner import BATCH, Material, Subject, run
from harness.store import ImageStore


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is carried out; none of it changes a verdict."""

    batch: int = BATCH
    workers: int | None = None
    fresh: bool = False
    lines: bool = True
    """Also write the data set's reference lines."""


class Session:
    """An opened data set and what all runs on it share: choices, plans, decoded images."""

    def __init__(self, dataset: Dataset, spec: str, entry: Entry | None, options: Options, progress: Progress) -> None:
        self.dataset = dataset
        self.spec = spec
        self.entry = entry
        self.options = options
        self.progress = progress
        self._material: dict[Protocol, Material] = {}

    @classmethod
    def open(cls, datasets: Registry, spec: str, options: Options, progress: Progress) -> Session:
        """Opens a data set by its spec. Raises `ConfigError` or `DataError`."""
        entry, parsed, dataset = datasets.create(spec)
        return cls(dataset, str(parsed), entry, options, progress)

    @cached_property
    def table(self) -> ChoiceTable:
        """The choices as columns."""
        return table_of(self.dataset)

    @cached_property
    def _store(self) -> ImageStore:
        return ImageStore(self.dataset, self.table.images, workers=self.options.workers)

    def plan(self, protocol: Protocol) -> Plan:
        """The plan as a dry run shows it: no image is read."""
        return plan_comparisons(self.table, protocol)

    def material(self, protocol: Protocol) -> Material:
        """Plan and images, ready to run; made once for each protocol."""
        protocol = protocol.for_table(self.table)
        if protocol not in self._material:
            plan, store = prepare(self.dataset, protocol, self.table, self._store, self.progress)
            self._material[protocol] = Material(plan, store, self._about(), asdict(protocol))
        return self._material[protocol]

    def _about(self) -> dict[str, Any]:
        about = {"title": self.entry.title, "licence": self.entry.licence} if self.entry else {}
        has_users = getattr(self.dataset, "has_users", True)
        return {"spec": self.spec, "has_users": has_users, "provenance": dict(provenance_of(self.dataset)), **about}

    def lines(self, protocol: Protocol, out: Path) -> Iterator[Run]:
        """Runs the reference lines: what shows how much there is to gain."""
        material = self.material(protocol)
        for subject in line_subjects(self.dataset, material.plan):
            yield run(subject, material, out, batch=4096, fresh=self.options.fresh, progress=self.progress)

    def judge(self, subject: Subject, protocol: Protocol, out: Path) -> Run:
        """Runs one judge."""
        options = self.options
        material = self.material(protocol)
        return run(subject, material, out, batch=options.batch, fresh=options.fresh, progress=self.progress)


def subject_of(judges: Registry, spec: str) -> Subject:
    """A judge by its spec, ready to run. Raises `ConfigError`."""
    entry, parsed, judge = judges.create(spec)
    return Subject(
        judge=judge,
        name=entry.name,
        spec=str(parsed),
        title=entry.title or entry.summary,
        kind=entry.kind or "judge",
        parameters=entry.resolved(parsed.parameters),
        about=_about_judge(entry),
    )


def _about_judge(entry: Entry) -> Mapping[str, Any]:
    known = {"licence": entry.licence, "source": entry.source, "origin": Path(entry.origin).name}
    return {key: value for key, value in known.items() if value}
