"""The corpus: no wrong winner, no decidable output lost, no undecidable one mislabelled."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from adapters.parsers import PARSERS, POINT_PARSERS
from harness.records import Verdict
from tests.adapters.parsers import corpus_making
from tests.adapters.parsers.corpus_reading import FOLDER, Case, corpus

CASES = corpus()
KINDS = {"good", "tie", "swapped", "cut", "fence", "echo", "reasoning", "both", "language", "noise", "refusal"}
KINDS |= {"negation", "short"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.id}-{case.parser}-{case.kind}")
def test_reads_as_constructed(case: Case) -> None:
    read = case.read()
    decided = read.winner if isinstance(read, Verdict) else read.score
    expected = case.expected.get("winner", case.expected.get("score"))
    assert decided == expected, read
    assert read.status.value == case.expected.get("status", "ok"), read
    assert set(case.expected["flags"]) <= set(read.flags)


def test_is_large_and_varied() -> None:
    texts = {re.sub(r"[\d\s]", "", case.text): case for case in CASES}
    assert len(texts) >= 500
    families = Counter(case.family for case in texts.values())
    assert set(families) >= {name for name in [*PARSERS, *POINT_PARSERS] if not name.startswith("pigreward-")}
    assert min(families.values()) >= 20
    assert families["pigreward"] >= 100
    kinds = Counter(case.kind for case in texts.values())
    assert set(kinds) == KINDS
    assert min(kinds.values()) >= 20


def test_every_rule_of_pigreward_meets_at_least_a_hundred_outputs() -> None:
    counts = Counter(case.parser for case in CASES)
    assert min(counts[name] for name in ("pigreward", "pigreward-totals", "pigreward-strict")) >= 100


def test_is_what_its_maker_writes() -> None:
    for name, rows in corpus_making.rows().items():
        assert (FOLDER / name).read_text(encoding="utf-8").splitlines() == rows, name
