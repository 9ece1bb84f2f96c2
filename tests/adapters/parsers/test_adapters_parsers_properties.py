"""Properties that hold for every text, and texts made to hurt."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.parsers import PARSERS, POINT_PARSERS
from adapters.parsers.points import Point, PointParser
from harness.generation import Parser
from harness.records import Status, Verdict
from tests.adapters.parsers.corpus_phrases import noise
from tests.adapters.parsers.corpus_reading import Case, corpus

ALL: dict[str, Parser | PointParser] = {**PARSERS, **POINT_PARSERS}
STATUSES = {Status.OK, Status.UNPARSEABLE, Status.TRUNCATED, Status.REFUSED}
FEW = settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PIECES = (
    "Image 1 is better",
    "Image 2",
    "image b",
    "Verdict:",
    "Prediction of user preference:",
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "1",
    "2",
    "tie",
    " or ",
    "not ",
    "(Score 1: 8, Score 2: 6)",
    "Score 1: 8+6=14",
    "Score 2: 2",
    "\n",
    ". ",
    '{"winner": "Image 1"}',
    '"winner":',
    "{",
    "[",
    "```json",
    "Alignment",
    "Final Score:",
    "nan",
    "1e999",
    "图像1更好",
    "画像2の方が良い",
    "\u00a0",
    "\ud800",
    "I'm sorry",
    "**",
    "\\boxed{",
    "~~",
    "?",
    "if ",
    "Both images are equally good",
    "/",
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))


def read(name: str, text: str) -> Verdict | Point:
    return ALL[name].parse(text)


@pytest.mark.parametrize("name", sorted(ALL))
@FEW
@given(text=TEXTS)
def test_any_text_gives_one_verdict(name: str, text: str) -> None:
    first = read(name, text)
    assert first == read(name, text)
    assert first.status in STATUSES
    assert list(first.flags) == sorted(set(first.flags))
    if isinstance(first, Verdict):
        told = [first.rationale or "", *(d.name + d.reason for d in first.dimensions)]
        "".join(told).encode("utf-8")


def mirrored(text: str) -> str:
    """The same output with the images' names exchanged; scores and other numbers stay with their image."""
    swap = {"1": "2", "2": "1", "A": "B", "B": "A"}
    return re.sub(r"(?<=[Ii]mage )[12AB](?!\w|\.\d)", lambda m: swap[m[0]], text)


SENTENCES = [
    case
    for case in corpus()
    if case.decidable and case.parser in ("unifiedreward-pair", "unifiedreward-think", "preferthinker")
    if case.kind in ("good", "swapped", "both", "tie", "negation") and "\\" not in case.text
    if not re.search(r"(?i)first|second|<answer>.?[ab12]\W|\bimage[ABab12_#-]|picture \d|[^\x00-\x7f]", case.text)
]


@pytest.mark.parametrize("case", SENTENCES, ids=lambda case: case.id)
def test_exchanging_the_images_exchanges_the_winner(case: Case) -> None:
    other = {"A": "B", "B": "A", "tie": "tie"}
    parse = PARSERS[case.parser].parse
    there, back = parse(case.text).winner, parse(mirrored(case.text)).winner
    assert back == other[str(there)]


DECIDED = [case for case in corpus() if case.decidable and case.kind in ("good", "tie") and "\n" in case.text]
BY_VERDICT = [case for case in DECIDED if case.parser in PARSERS and not case.parser.startswith("pigreward-")]


@FEW
@given(case=st.sampled_from(DECIDED), seed=st.integers(0, 10**6))
def test_noise_before_an_answer_changes_nothing(case: Case, seed: int) -> None:
    made = re.sub(r"[{}\[\]\"'<>]", "", noise(seed, 2000))
    name, text = case.parser, case.text
    before, after = read(name, text), read(name, f"{made}\n\n{text}")
    assert (outcome(before), before.status) == (outcome(after), after.status)


@FEW
@given(case=st.sampled_from(DECIDED), blanks=st.sampled_from((" ", "\n", "\r\n", "\u00a0", "\u200b", "\n\n\n")))
def test_blanks_around_an_answer_change_nothing(case: Case, blanks: str) -> None:
    name, text = case.parser, case.text
    assert outcome(read(name, f"{blanks}{text}{blanks}")) == outcome(read(name, text))


@FEW
@given(case=st.sampled_from(BY_VERDICT))
def test_saying_it_twice_changes_nothing(case: Case) -> None:
    name, text = case.parser, case.text
    assert outcome(read(name, f"{text}\n\n{text}")) == outcome(read(name, text))


SAID_LAST = [case for case in BY_VERDICT if case.kind == "good" and case.id[:7] != "by hand"]


@FEW
@given(case=st.sampled_from(SAID_LAST), share=st.floats(0.1, 1.0))
def test_an_answer_cut_anywhere_never_names_the_other_image(case: Case, share: float) -> None:
    verdict = PARSERS[case.parser].parse(case.text[: max(20, int(len(case.text) * share))])
    assert verdict.winner in (None, case.expected["winner"])


def outcome(answer: Verdict | Point) -> object:
    return answer.winner if isinstance(answer, Verdict) else answer.score


MILLION = 1_000_000
# Each would take hours under a pattern that backtracks or a scan that starts anew at every sign; the suite has seconds.
HOSTILE = {
    "words": noise(1, MILLION),
    "signs": "".join(random.Random(2).choices("abc12 .,:;/|+-=<>{}[]()\"'*_~#\n", k=MILLION // 5)),
    "unicode": "".join(map(chr, random.Random(3).choices(range(0x20, 0x3000), k=MILLION // 4))),
    "spaces": " " * MILLION,
    "lines": "\n" * MILLION,
    "digits": "7" * MILLION,
    "sum": "Score 1: " + "1+" * (MILLION // 2),
    "braces": "{" * (MILLION // 4),
    "objects": '{"a":' * (MILLION // 20),
    "quotes": '{"' + '"x ' * (MILLION // 3),
    "escapes": '{"a":"' + '\\"' * (MILLION // 2),
    "tags": "<think><answer>" * (MILLION // 60),
    "marks": "\u0300\u0316" * (MILLION // 2),
    "stars": "*_~`" * (MILLION // 4),
    "entities": "&#" + "9" * MILLION,
    "colons": ":" * (MILLION // 4),
    "sorry": "I'm sorry " * (MILLION // 40),
    "verdicts": "Image 1 is better. " * (MILLION // 200),
    "labels": "Prediction of user preference: " * (MILLION // 120),
    "scores": "Score 1: 2\nScore 2: 2\n" * (MILLION // 200),
    "surrogates": "\ud800" * (MILLION // 4),
}
PAIRED = [(sorted(ALL)[place % len(ALL)], text) for place, text in enumerate(HOSTILE)]


@pytest.mark.parametrize(("name", "text"), PAIRED)
def test_a_megabyte_made_to_hurt_is_read(name: str, text: str) -> None:
    assert read(name, HOSTILE[text]).status in STATUSES


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("unifiedreward-think", "<answer>answer" + "!" * MILLION + "x</answer>"),
        ("unifiedreward-think", "<answer>1</answer>" * (MILLION // 18)),
        ("preferthinker", "<answer>" + "a tie " * (MILLION // 6) + "</answer>"),
        ("lvlm", "Verdict: " + "the " * (MILLION // 4)),
        ("ppd", "Prediction of user preference" + " " * MILLION + ":"),
        ("unifiedreward-point", "-" * MILLION),
        ("unifiedreward-point", "final " + ":" * MILLION),
        ("unifiedreward-flex", '{"winner":1}' * (MILLION // 48)),
        ("unifiedreward-flex", "[" * MILLION),
        ("pigreward-strict", "Image 1" + ": " * (MILLION // 2) + "8"),
    ],
    ids=lambda value: value[:20],
)
def test_a_megabyte_made_to_hurt_one_family_is_read(name: str, text: str) -> None:
    assert read(name, text).status in STATUSES


@pytest.mark.parametrize("name", sorted(ALL))
def test_five_kilobytes_of_every_kind_are_read(name: str) -> None:
    for text in HOSTILE.values():
        assert read(name, text[:5_000]).status in STATUSES


def test_the_answer_behind_a_megabyte_of_noise_is_found() -> None:
    made = HOSTILE["words"].replace("<", "").replace("{", "")
    assert PARSERS["unifiedreward-pair"].parse(f"{made}\nImage 2 is better.").winner == "B"
    assert PARSERS["ppd"].parse(f"{made}\nPrediction of user preference: 1").winner == "A"
    assert PARSERS["unifiedreward-flex"].parse(f'{made}\n{{"winner": "Image 2"}}').winner == "B"
