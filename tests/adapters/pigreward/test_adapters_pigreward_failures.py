"""What goes wrong, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.pigreward.judge import PigReward
from harness.errors import ImageError
from harness.generation import Reply
from harness.pictures import AbsentPicture
from harness.records import Image, Reference, Status
from tests.adapters.asking import answer, question
from tests.adapters.fake_engine import text_of
from tests.adapters.pigreward.two import (
    ANSWER,
    FIRST,
    SECOND,
    A,
    B,
    D,
    Two,
    caption_of,
)


@pytest.mark.parametrize(
    ("reply", "status", "says"),
    [
        (Reply(Status.REFUSED, "I will not"), Status.JUDGE_ERROR, "no rationale (refused): I will not"),
        (Reply(Status.FILTERED, "withheld"), Status.JUDGE_ERROR, "no rationale (filtered)"),
        (Reply(Status.OK, "  \n"), Status.JUDGE_ERROR, "an empty text came"),
        (Reply(Status.BUDGET, "spent"), Status.BUDGET, "reasoner: spent"),
        (Reply(Status.TIMEOUT, "late"), Status.TIMEOUT, "reasoner: late"),
        (Reply(Status.API_ERROR, "gone"), Status.API_ERROR, "reasoner: gone"),
        (Reply(Status.OUT_OF_MEMORY, "full"), Status.OUT_OF_MEMORY, "reasoner: full"),
        (Reply(Status.IMAGE_ERROR, "no image"), Status.IMAGE_ERROR, "no image"),
    ],
)
def test_a_failed_rationale_costs_the_comparisons_that_need_it(
    two: Two, reply: Reply, status: Status, says: str
) -> None:
    two.reasoner.answer = lambda request: reply if caption_of(request) == "first" else "likes it"
    bad, good = PigReward().compare([question(A, B, FIRST, SECOND), question(A, B, SECOND, key="1")])
    assert (bad.status, bad.winner) == (status, None)
    assert says in str(bad.raw)
    assert good.winner == "A"


@pytest.mark.parametrize("status", [Status.BUDGET, Status.TIMEOUT])
def test_a_failure_that_may_pass_is_asked_again(two: Two, status: Status) -> None:
    replies: Iterator[str | Reply] = iter([Reply(status, "later"), "likes it"])
    two.reasoner.answer = lambda request: next(replies)
    judge = PigReward()
    assert [answer(judge, question(A, B, FIRST)).status for _ in range(3)] == [status, Status.OK, Status.OK]
    assert len(two.reasoner.asked) == 2


def test_all_comparisons_meet_the_same_passing_failure(two: Two) -> None:
    two.reasoner.answer = lambda request: Reply(Status.TIMEOUT, "late")
    some = PigReward().compare([question(A, B, FIRST, key=str(n)) for n in range(3)])
    assert [verdict.status for verdict in some] == [Status.TIMEOUT] * 3


def test_a_rationale_that_was_cut_off_still_says_something(two: Two) -> None:
    two.reasoner.answer = lambda request: Reply(Status.TRUNCATED, "likes red and")
    assert answer(PigReward(), question(A, B, FIRST)).winner == "A"
    assert "likes red and" in text_of(two.reward.asked[0])


def test_an_answer_that_was_cut_off_is_none(two: Two) -> None:
    two.reward.answer = lambda request: Reply(Status.TRUNCATED, ANSWER)
    assert answer(PigReward(), question(A, B, FIRST)).status is Status.TRUNCATED


def test_a_reference_that_cannot_be_read_costs_its_comparisons(two: Two) -> None:
    gone = Reference("gone", (Image(AbsentPicture("gone")),), (D,))

    class Broken(AbsentPicture):
        def digest(self) -> str:
            raise ImageError("broken.png cannot be read")

    broken = Reference("broken", (Image(Broken("broken")),), (D,))
    asked = [question(A, B, FIRST), question(A, B, broken, FIRST, key="1"), question(A, B, gone, key="2")]
    found = PigReward().compare(asked)
    assert [verdict.status for verdict in found] == [Status.OK, Status.IMAGE_ERROR, Status.OK]
    assert "broken.png" in str(found[1].raw)
