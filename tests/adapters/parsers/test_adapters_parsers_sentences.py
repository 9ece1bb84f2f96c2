"""The grammar of verdicts, sentence by sentence: `expected | text` in two files, `-` where nothing is decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.parsers.clauses import sentences
from adapters.parsers.readings import Settled, settle, value
from adapters.parsers.text import prose
from adapters.parsers.verdicts import Reading, statement

FOLDER = Path(__file__).with_name("corpus")


def rows(name: str) -> list[tuple[str, str]]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [(expected.strip(), text) for expected, _, text in (line.partition("| ") for line in lines)]


@pytest.mark.parametrize(("expected", "text"), rows("sentences.txt"))
def test_a_sentence_decides_what_it_says(expected: str, text: str) -> None:
    said = [reading for sentence in sentences(prose(text)) if (reading := statement(sentence))]
    assert (said[-1].winner or "-" if said else "-") == expected


@pytest.mark.parametrize(("expected", "text"), rows("values.txt"))
def test_an_answer_is_read_or_says_why_not(expected: str, text: str) -> None:
    read = value(prose(text))
    assert (read.winner or read.why) == expected


A, B, TIE = Reading("A"), Reading("B"), Reading("tie")
ECHO, CONFLICT, CUT = Reading(None, "echo"), Reading(None, "conflict"), Reading(None, "cut")


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([], Settled(None)),
        ([A], Settled("A")),
        ([A, A], Settled("A")),
        ([A, B], Settled("B", ("several-verdicts",))),
        ([B, TIE], Settled("tie", ("several-verdicts",))),
        ([ECHO], Settled(None, ("echo",))),
        ([A, ECHO], Settled("A")),
        ([CONFLICT, A], Settled("A")),
        ([A, CONFLICT], Settled(None, ("conflict",))),
        ([A, CUT], Settled(None, ("cut",))),
        ([A, Reading(None, "negation", "B")], Settled("A")),
        ([A, Reading(None, "negation", "A")], Settled(None, ("negation",))),
        ([Reading(None, "negation", "B")], Settled(None, ("negation",))),
    ],
)
def test_the_last_explicit_verdict_counts(readings: list[Reading], expected: Settled) -> None:
    assert settle(readings) == expected
