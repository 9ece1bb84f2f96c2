"""What a run would take, estimated before it is begun: no image is read, no model loaded, no server asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.batches import Questions
from harness.judge import Hints, Judge
from harness.pictures import AbsentPicture
from harness.plan import Plan
from harness.records import Comparison
from harness.registry import Registry
from harness.specs import parse_spec
from harness.store import ImageStore

BLOCKS, BLOCK = 16, 128
"""Neighbours in a plan share users and references, so a sample of it is blocks of them, evenly spread."""

ADDRESS = "base_url"
"""The parameter of a judge whose model runs elsewhere: only then is it made, since it loads nothing."""


class Foresight:
    """A judge that says what comparisons would take."""

    def __init__(self, spec: str, judge: Any) -> None:
        self.spec = spec
        self._judge = judge
        self.reads_references = Hints.of(judge).reads_references

    def of(self, plan: Plan) -> Any | None:
        """The judge's estimate for a whole run, with a `str` that says so; None where it makes none."""
        return self._judge.forecast(sample_of(plan), len(plan))


def foresight(judges: Registry, spec: str) -> Foresight | None:
    """For a judge behind an address that makes estimates; None for any other. Raises `ConfigError`."""
    parsed = parse_spec(spec)
    entry = judges[parsed.name]
    if not entry.resolved(parsed.parameters).get(ADDRESS) or not callable(getattr(entry.load(), "forecast", None)):
        return None
    judge: Judge = entry.create(parsed.parameters)
    return Foresight(spec, judge)


class _Unopened:
    """The pictures of a data set by their keys alone."""

    name = "unopened"

    def choices(self) -> tuple[()]:
        return ()

    def picture(self, key: str) -> AbsentPicture:
        return AbsentPicture(key)


def sample_of(plan: Plan) -> list[Comparison]:
    """Some comparisons of a plan, or all of a small one. Their images cannot be read."""
    n = len(plan)
    if n <= BLOCKS * BLOCK:
        rows = np.arange(n)
    else:
        starts = np.linspace(0, n - BLOCK, BLOCKS).astype(np.int64)
        rows = (starts[:, None] + np.arange(BLOCK)).ravel()
    return Questions(plan, ImageStore(_Unopened(), plan.choices.images)).comparisons(rows)
