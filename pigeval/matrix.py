"""Carries out a suite: every judge on every data set under every protocol, what cannot run listed with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from harness.errors import PigevalError
from harness.judge import Hints
from harness.log import Run
from harness.plan import Plan
from harness.prepare import images_used
from harness.progress import Progress
from harness.protocol import Protocol
from harness.registry import Registry
from harness.runner import Subject
from harness.specs import parse_spec
from pigeval.foresight import foresight
from pigeval.session import Options, Session, subject_of
from pigeval.suite import Suite, SuiteDataset, SuiteJudge

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of a suite that cannot run here."""

    what: str
    reason: str
    get: str
    """What to do to have it; empty where the suite does not say."""


class Matrix:
    """A suite at work. With `strict` the first thing that cannot run is an error instead of being listed."""

    def __init__(
        self, suite: Suite, registries: tuple[Registry, Registry], options: Options, progress: Progress, *, strict: bool
    ) -> None:
        self.suite = suite
        self.judges, self.datasets = registries
        self.options = options
        self.progress = progress
        self.strict = strict
        self.left_out: list[LeftOut] = []
        self.notes: list[str] = []
        """What judges had to say after their runs."""

    def check(self) -> None:
        """Checks the judges' names and parameters before anything is opened. Raises `ConfigError` when strict."""
        for row in self.suite.judges:
            self._try(row.spec, row.get, self._check_judge, row.spec)

    def _check_judge(self, text: str) -> None:
        spec = parse_spec(text)
        self.judges[spec.name].check(spec.parameters)

    @cached_property
    def sessions(self) -> list[tuple[SuiteDataset, Session]]:
        """The data sets that can be opened, their choices read."""
        opened = [(row, self._try(row.spec, row.get, self._open, row.spec)) for row in self.suite.datasets]
        return [(row, session) for row, session in opened if session is not None]

    def _open(self, spec: str) -> Session:
        session = Session.open(self.datasets, spec, self.options, self.progress)
        _ = session.table
        return session

    def runs(self, out: Path) -> Iterator[Run]:
        """Every run that can be made: reference lines first, then one judge after the other, each loaded once."""
        if self.options.lines:
            for session, protocols in self._fields():
                yield from self._try(session.spec, "", self._lines, session, protocols[0], out) or ()
        for row in self._judges():
            subject = self._try(row.spec, row.get, subject_of, self.judges, row.spec)
            if subject is not None:
                yield from self._runs_of(subject, out)
                told: Sequence[str] = getattr(subject.judge, "notes", tuple)()
                self.notes += [f"{subject.spec}: {note}" for note in told]

    def _runs_of(self, subject: Subject, out: Path) -> Iterator[Run]:
        for session, protocols in self._fields():
            # Whose references are shown makes no difference to a judge that reads none: one run will do.
            for protocol in protocols if Hints.of(subject.judge).reads_references else protocols[:1]:
                run = self._try(f"{subject.spec} on {session.spec}", "", session.judge, subject, protocol, out)
                if run is not None:
                    yield run

    @staticmethod
    def _lines(session: Session, protocol: Protocol, out: Path) -> list[Run]:
        return list(session.lines(protocol, out))

    def dry_run(self) -> Iterator[dict[str, Any]]:
        """What each data set would be asked under each protocol, with the estimates of judges that make them.

        Reads no image, loads no model.
        """
        tellers = [self._try(row.spec, row.get, foresight, self.judges, row.spec) for row in self._judges()]
        specs = [row.spec for row in self._judges()]
        for session, protocols in self._fields():
            for number, protocol in enumerate(protocols):
                plan = self._try(session.spec, "", session.plan, protocol)
                if plan is not None:
                    told = {t.spec: t.of(plan) for t in tellers if t and (t.reads_references or not number)}
                    estimates = {spec: estimate for spec, estimate in told.items() if estimate is not None}
                    yield {"judges": specs, **_facts(plan), "estimates": estimates}

    def _judges(self) -> list[SuiteJudge]:
        left = {row.what for row in self.left_out}
        return [row for row in self.suite.judges if row.spec not in left]

    def _fields(self) -> Iterator[tuple[Session, tuple[Protocol, ...]]]:
        for row, session in self.sessions:
            for protocols in row.protocols():
                yield session, protocols

    def _try(self, what: str, get: str, action: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return action(*args, **kwargs)
        except PigevalError as error:
            if self.strict:
                raise
            self.left_out.append(LeftOut(what, str(error), get))
            return None

    def left_out_rows(self) -> list[dict[str, str]]:
        """What was left out, each thing once."""
        return [asdict(row) for row in dict.fromkeys(self.left_out)]


def _facts(plan: Plan) -> dict[str, Any]:
    return {
        "dataset": plan.choices.name,
        "protocol": plan.protocol,
        "users": len(np.unique(plan.choices.user[plan.target])),
        "targets": len(plan.target),
        "comparisons": len(plan),
        "distinct images": len(images_used(plan)),
        "dropped": dict(plan.dropped),
        "comparison digest": plan.comparison_digest,
        "item digest": plan.item_digest,
    }
