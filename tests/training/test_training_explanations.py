"""Measures of explanations, by hand."""

from __future__ import annotations

import math

import pytest

from harness.progress import Silent
from harness.records import Dimension, Status
from tests.training.small import material
from training.explanations import Answer, distinct, diversity, drawn, effective_number, form
from training.language import chain, rationale
from training.truths import Explained, cared, feeling, share, slots, tastes, told, true_rationales

GAPS = [(2, 0, 0, 0, -1), (1, 1, 0, 0, -2)]
GOOD = chain(GAPS, (1, 0, 0, 0, 1), (-1, 1, 0, 1, 1))
"""cubism and warmth liked, detail disliked: 3 + 1 + 2 against 1 + 1 + 3."""


def answer(id: str, *names: str, text: str = "", rationale: str = "") -> Answer:
    return Answer(id, text, rationale, tuple(Dimension(name, 1, 2) for name in names))


# --- form -------------------------------------------------------------------------------------------------------------


def test_an_answer_in_the_format_is_valid() -> None:
    found = Answer.of("0", Status.OK, GOOD)
    assert found.valid
    assert [d.name for d in found.dimensions] == ["cubism", "detail", "warmth"]
    assert (found.rationale or "").split("\n") == [
        "cubism: cubist against naturalistic, likes",
        "detail: rich against rich, dislikes",
        "warmth: balanced against warm, likes",
    ]


@pytest.mark.parametrize(
    ("spoil", "status", "dimensions"),
    [
        (lambda text: text.replace("= 6", "= 7"), Status.OK, 3),
        (lambda text: text.replace("Image 1 is better", "Image 2 is better"), Status.OK, 3),
        (lambda text: text.replace("Image 1 is better", ""), Status.OK, 3),
        (lambda text: text, Status.TRUNCATED, 0),
        (lambda _: "I cannot say.", Status.UNPARSEABLE, 0),
    ],
)  # fmt: skip
def test_what_breaks_the_format_is_invalid_and_still_read(spoil, status, dimensions) -> None:  # type: ignore[no-untyped-def]
    found = Answer.of("0", status, spoil(GOOD))
    assert found.valid is False
    assert len(found.dimensions) == dimensions


def test_form_by_hand() -> None:
    bad = Answer.of("1", Status.OK, GOOD.replace("= 6", "= 7"))
    found = form([Answer.of("0", Status.OK, GOOD), bad, bad, Answer.of("3", Status.TRUNCATED, GOOD)])
    assert (found.answers, found.valid, found.dimensions) == (4, 0.25, 9 / 4)
    assert found.flags["sum-wrong"] >= 0.5
    assert form([answer("0", "light")]).valid is None


# --- diversity --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "n", "expected"),
    [
        (["warm light, warm colour"], 1, 3 / 4),
        (["warm light warm light"], 2, 2 / 3),
        (["warm light", "Light warm"], 1, 2 / 4),
        (["warm light", "light warm"], 2, 2 / 2),
        (["Score 1: 8+6=14", "score 2: 13"], 1, 1 / 2),
        (["it's", "its"], 1, 1.0),
        (["warm"], 2, None),
        ([], 1, None),
        (["1 2 3"], 1, None),
    ],
)
def test_distinct_n_by_hand(texts: list[str], n: int, expected: float | None) -> None:
    assert distinct(texts, n) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([5], 1.0), ([3, 3, 3], 3.0), ([2, 1, 1], 2 * math.sqrt(2)), ([4, 0], 1.0), ([], None)],
)
def test_the_effective_number_by_hand(counts: list[int], expected: float | None) -> None:
    assert effective_number(counts) == (None if expected is None else pytest.approx(expected))


def test_diversity_by_hand() -> None:
    answers = [
        answer("0", "Light", "Mood", text="light is warm", rationale="light light"),
        answer("1", "light", "", text="mood is warm", rationale="mood light"),
    ]
    found = diversity(answers)
    assert (found.distinct_1, found.distinct_2, found.type_token, found.names) == (4 / 6, 3 / 4, 2 / 4, 2)
    assert found.effective == pytest.approx(3 / 4 ** (1 / 3))


def test_the_same_answers_are_drawn_whatever_their_order() -> None:
    answers = [answer(f"{n:02}") for n in range(50)]
    some = {a.id for a in drawn(answers, 10)}
    assert len(some) == 10
    assert {a.id for a in drawn(answers[::-1], 10)} == some
    # Of another row that lacks some answers, those that are left and the next ones.
    assert {a.id for a in drawn([a for a in answers if a.id != min(some)], 9)} == some - {min(some)}
    assert {a.id for a in drawn(answers, 10, seed=1)} != some
    assert drawn(answers[:3], 3) != answers[:2]


# --- what users care about --------------------------------------------------------------------------------------------


def dimensions(**reasons: str) -> list[Dimension]:
    return [Dimension(name, 1, 2, reason) for name, reason in reasons.items()]


def test_dimensions_against_a_taste_by_hand() -> None:
    """The first likes cubism and detail and dislikes warmth; the second cares about vividness alone."""
    first = dimensions(cubism="likes", warmth="likes", vividness="likes", symmetry="likes")
    second = dimensions(vividness="neutral", impasto="dislikes")
    found = cared([
        Explained("a", (1, -1, 0, 0, 1), first),
        Explained("b", (0, 0, 0, 1, 0), second),
        Explained("b", (0, 0, 0, 1, 0), ()),
    ])  # fmt: skip
    assert (found.answers, found.dimensions, found.unknown) == (2, 6, 1)
    assert (found.cared.right, found.cared.of, found.cared.value) == (3, 6, 0.5)
    assert found.chance == pytest.approx((4 * 3 / 5 + 2 * 1 / 5) / 6)
    assert (found.direction.right, found.direction.of) == (1, 3)
    assert (found.found.right, found.found.of) == (3, 4)


def test_an_element_is_counted_once_and_by_any_of_its_names() -> None:
    """The two last are of the element warmth is, whose first saying counts, and a name that is no element's."""
    named = [Dimension("Warmth", 1, 2, "dislikes"), Dimension("colour", 1, 2, "likes"), *dimensions(mood="", Mood="")]
    found = cared([Explained("a", (0, -1, 0, 0, 0), named)])
    assert (found.dimensions, found.unknown, found.cared.right) == (2, 1, 1)
    assert (found.direction.right, found.direction.of) == (1, 1)


def test_a_direction_that_is_not_said_is_neither_right_nor_wrong() -> None:
    found = cared([Explained("a", (1, 0, 0, 0, 0), dimensions(cubism="Image 1 has more of it."))])
    assert (found.cared.value, found.direction.of, found.direction.value) == (1.0, 0, None)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("likes", 1), ("Dislikes", -1), ("neutral", 0), ("likes, dislikes", None), ("likely", None), ("", None)],
)
def test_a_direction_is_a_word_of_its_own(reason: str, expected: int | None) -> None:
    assert feeling(reason) == expected


def test_users_are_resampled() -> None:
    """Ten users of ten answers each that are all right or all wrong: the interval of ten, not of a hundred."""
    found = share([(f"u{n // 10}", n < 50) for n in range(100)])
    assert (found.value, found.interval.basis) == (0.5, "10 users")
    assert found.interval.high - found.interval.low > 0.5
    assert not share([("a", True)]).interval.available
    assert share([]).interval.reason == "no items"


def test_tastes_are_those_of_the_user_and_the_kind_of_prompt() -> None:
    of = material("simulated:users=8,sets=12,rankings=8,several=100")
    plan = of.plan(of.table, Silent())
    known = tastes(of.dataset, plan)
    assert known is not None
    category = {scene.prompt: scene.category for scene in of.dataset.world.scenes}
    met = set()
    for question in of.questions(plan):
        user, taste = known[question.comparison.id]
        assert (user, taste) == (question.user, of.dataset.taste(user, category[question.comparison.prompt]))
        met.add((user, taste))
    assert len(met) > 8
    assert tastes(object(), plan) is None


# --- rationales -------------------------------------------------------------------------------------------------------

TRUE = rationale((1, -1, 0, 0, 1), (-1, 0, 0, 1, 0))


def test_rationales_against_the_truth_by_hand() -> None:
    found = told([
        (TRUE, TRUE),
        (TRUE.replace("cool over", "warm over"), TRUE),
        ("rich over moderate, cubist over naturalistic, cubist over cubist", TRUE),
        ("It is brighter.", TRUE),
    ])  # fmt: skip
    assert (found.texts, found.exact, found.slots, found.of, found.speaking) == (4, 1, 5 + 4 + 2, 20, True)
    assert not told([("It is brighter, and over", TRUE)]).speaking


def test_the_first_saying_of_an_element_counts() -> None:
    assert slots("cubist over cubist, cubist over naturalistic, x over y") == {0: "cubist over cubist"}


def test_the_true_rationales_are_those_of_the_references_shown() -> None:
    of = material()
    plan = of.plan(of.table, Silent())
    pairs = true_rationales(of.dataset, plan)
    assert pairs is not None
    known = dict(pairs)
    shown = {r for question in of.questions(plan) for r in question.comparison.references if r.rejected}
    assert set(known) == shown
    levels = {of.store.image(code).digest: of.dataset.attributes(key) for code, key in enumerate(of.table.images)}
    for reference, text in known.items():
        assert text == rationale(levels[reference.preferred[0].digest], levels[reference.rejected[0].digest])
    assert true_rationales(object(), plan) is None
