"""Rationales once, the user's context from them, then the verdict."""

from __future__ import annotations

import re

from adapters.pigreward.judge import PigReward
from adapters.pigreward.wording import NOTHING, preferred_first
from harness.records import Reference, Status
from tests.adapters.asking import answer, liked, noise, question
from tests.adapters.fake_engine import text_of
from tests.adapters.pigreward.two import (
    ANSWER,
    FIRST,
    SECOND,
    A,
    B,
    C,
    D,
    Two,
    caption_of,
    name,
)


def test_a_rationale_is_asked_for_once_for_each_distinct_choice(two: Two) -> None:
    comparisons = [question(A, B, FIRST, SECOND, key=str(n)) for n in range(4)]
    comparisons += [question(B, A, SECOND, key="5"), question(A, B, SECOND, FIRST, key="6")]
    judge = PigReward()
    assert {verdict.winner for verdict in judge.compare(comparisons)} == {"A"}
    judge.compare(comparisons)
    assert sorted(map(caption_of, two.reasoner.asked)) == ["first", "second"]
    assert len(two.reward.asked) == 2 * len(comparisons)


def test_the_context_is_the_rationales_in_the_order_of_the_references(two: Two) -> None:
    PigReward().compare([question(A, B, SECOND, FIRST), question(A, B, FIRST, SECOND)])
    asked = sorted(two.reward.asked, key=text_of, reverse=True)
    one, other = (text_of(request, name) for request in asked)
    context = "Choice 1, caption: {}\nlikes {}\nChoice 2, caption: {}\nlikes {}\n"
    assert context.format("second", "second", "first", "first") in one
    assert context.format("first", "first", "second", "second") in other
    assert one.index("Choice 2") < one.index("Image 1: <A>\nImage 2: <B>")
    assert "caption: a prompt" in one


def test_the_verdict_is_the_parsers_with_what_it_took(two: Two) -> None:
    verdict = answer(PigReward(), question(A, B, FIRST))
    assert (verdict.winner, verdict.score_a, verdict.score_b, verdict.raw) == ("A", 23, 22, ANSWER)
    assert [dimension.name for dimension in verdict.dimensions] == ["Colour", "Light", "Mood"]
    assert (verdict.tokens, verdict.cost) == (15, 0.25)


def test_which_image_stands_first_depends_on_the_images_alone(two: Two) -> None:
    references = [liked(noise(seed), noise(seed + 1000)) for seed in range(200)]
    first = [preferred_first(reference) for reference in references]
    assert 70 < sum(first) < 130
    turned = [Reference("another prompt", r.rejected, r.preferred, 3.0) for r in references]
    assert [preferred_first(reference) for reference in turned] == [not one for one in first]


def test_the_reasoner_is_shown_both_images_and_told_which_was_preferred(two: Two) -> None:
    both = [FIRST, Reference("first", FIRST.rejected, FIRST.preferred)]
    PigReward().compare([question(A, B, reference, key=str(n)) for n, reference in enumerate(both)])
    shown = [text_of(request, name) for request in two.reasoner.asked]
    places = [re.findall(r"Image ([12]): (<.>)", text) for text in shown]
    # The same picture of the question, whoever was preferred.
    assert places[0] == places[1]
    for text, reference, place in zip(shown, both, places, strict=True):
        number = next(n for n, image in place if image == name(reference.preferred[0]))
        assert f"preferred Image {number}." in text


def test_a_choice_without_rejected_images_shows_the_one_that_was_liked(two: Two) -> None:
    verdict = answer(PigReward(), question(A, B, Reference("saved", (C, D))))
    (asked,) = two.reasoner.asked
    assert (verdict.status, [name(image) for image in asked.images]) == (Status.OK, ["<C>"])
    assert "saved this image" in text_of(asked)


def test_without_references_nothing_is_known(two: Two) -> None:
    assert answer(PigReward(), question(A, B)).winner == "A"
    assert two.reasoner.asked == []
    assert NOTHING in text_of(two.reward.asked[0])


def test_requests_have_their_own_lengths_and_the_reasoner_decides_nothing(two: Two) -> None:
    answer(PigReward(max_tokens=77, rationale_tokens=33, temperature=0.5, seed=4), question(A, B, FIRST))
    judged, reasoned = two.reward.asked[0].decoding, two.reasoner.asked[0].decoding
    assert (judged.max_tokens, judged.options) == (77, ("1", "2"))
    assert (reasoned.max_tokens, reasoned.options) == (33, ())
    assert (judged.temperature, reasoned.temperature, reasoned.seed) == (0.5, 0.5, 4)
