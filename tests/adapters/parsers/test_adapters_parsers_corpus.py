"""The corpus: no wrong winner, no decidable output lost, no undecidable one mislabelled.

`second.jsonl` holds seven batches of outputs. The first was written before parsers and corpus were read, the others by
somebody who knew the parsers but before anything was run on them; after each the parsers were corrected. As first
measured, decidable outputs read, wrong winners among them, and undecidable outputs given a winner:

    batch      1          2          3          4          5          6          7
    read       488/527    234/259    201/226    165/176    171/175    140/147    111/112
    wrong      0          1          0          0          0          0          0
    given      4/231      5/135      3/116      5/88       0/78       1/70       1/49

Nearly all that was lost are free sentences (`lvlm`), whose wordings have no end: the seventh batch keeps to common ones
and flatters, the sixth does not. Left out of the file are texts above 5000 characters and 23 others: debatable ones
(`Verdict: neither`) and decidable ones still lost (`And the winner is... Image 2.`, `I would rank Image 2 first.`).
`status: failure` is any failure.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest

from adapters.parsers import PARSERS, POINT_PARSERS
from tests.adapters.parsers import corpus_making
from tests.adapters.parsers.corpus_reading import FOLDER, Case, corpus, second

CASES, SECOND = corpus(), second()
KINDS = {"good", "tie", "swapped", "cut", "fence", "echo", "reasoning", "both", "language", "noise", "refusal"}
KINDS |= {"negation", "short"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.id}-{case.parser}-{case.kind}")
def test_reads_as_constructed(case: Case) -> None:
    read = case.read()
    assert case.is_met(read), read


@pytest.mark.parametrize("parser", sorted({case.parser for case in SECOND}))
def test_reads_the_second_corpus(parser: str) -> None:
    cases = [case for case in SECOND if case.parser == parser]
    misread = [f"{case.id}: {read}" for case in cases if not case.is_met(read := case.read())]
    assert not misread


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
