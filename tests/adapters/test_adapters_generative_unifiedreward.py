from __future__ import annotations

from typing import Any

import pytest

from adapters.generative.unifiedreward import UnifiedReward, UnifiedReward2, UnifiedRewardFlex, UnifiedRewardThink
from harness.errors import ConfigError
from harness.generation import Reply, Request
from harness.judge import Hints
from harness.records import Comparison, Status
from tests.adapters.asking import liked, noise, question, swapped
from tests.adapters.fake_engine import FakeEngine, text_of, use

A, B, C = (noise(seed) for seed in range(3))
ASKED = question(A, B)

THOUGHT = """<think>
1. Semantic consistency: Image 1 (5/10) - r; Image 2 (8/10) - r
2. Aesthetics: Image 1 (7/10) - r; Image 2 (6/10) - r
3. Authenticity: Image 1 (6/10) - r; Image 2 (7/10) - r
Total score:
Image 1: 5+7+6=18
Image 2: 8+6+7=21
</think>
<answer>Image 2 is better</answer>"""
SHARED = "".join(f"{name} Score:\n Image 1: 0.7\n Image 2: 0.3\n\n" for name in ("Alignment", "Coherence", "Style"))
FLEXIBLE = """{"prompt": "p", "categories": [{"name": "A", "dims": [{"name": "d", "reason_1": "r", "reason_2": "r",
"score_1": 3, "score_2": 7}], "cat_reason": "r", "cat_winner": "Image 2"}], "reason": "r", "winner": "Image 2"}"""


@pytest.mark.parametrize(
    ("judge", "given", "answer", "winner"),
    [
        (UnifiedReward, {}, "Image 1 is sharper. Image 1 is better.", "A"),
        (UnifiedReward, {}, "Both images are equally good.", "tie"),
        (UnifiedReward2, {}, SHARED, "A"),
        (UnifiedRewardThink, {}, THOUGHT, "B"),
        (UnifiedRewardThink, {"generation": "qwen2.5-vl"}, THOUGHT, "B"),
        (UnifiedRewardFlex, {}, FLEXIBLE, "B"),
    ],
)
def test_a_pair_is_one_question(
    monkeypatch: pytest.MonkeyPatch, judge: Any, given: dict[str, str], answer: str, winner: str
) -> None:
    engine = FakeEngine(answer)
    use(monkeypatch, engine)
    (verdict,) = judge(prompt="own", **given).compare([question(A, B, liked(C))])
    assert verdict.winner == winner
    (request,) = engine.asked
    assert [message.role for message in request.messages] == ["user"]
    assert request.messages[0].parts[:2] == (A, B)
    assert request.images == (A, B)
    assert "a prompt" in text_of(request)
    assert "{prompt}" not in text_of(request)


def scores(**of: float) -> Any:
    """Answers to questions about single images."""
    named = {A.digest: of["a"], B.digest: of["b"], C.digest: of.get("c", 1)}

    def answer(request: Request) -> str:
        (image,) = request.images
        n = named[image.digest]
        return (
            f"cat (animal): 1\nFinal Score: {n}"
            if "Final Score:" in text_of(request)
            else f"Alignment Score (1-5): {n}\nCoherence Score (1-5): {n}\nStyle Score (1-5): {n}"
        )

    return answer


@pytest.mark.parametrize(
    ("judge", "kind"), [(UnifiedReward, "point"), (UnifiedReward, "acs"), (UnifiedReward2, "point")]
)
def test_single_images_are_scored_once_each(monkeypatch: pytest.MonkeyPatch, judge: Any, kind: str) -> None:
    engine = FakeEngine(scores(a=4.5, b=3, c=3))
    use(monkeypatch, engine)
    pointwise = judge(kind=kind, prompt="own")
    asked = [ASKED, question(A, C, key="1"), question(B, C, key="2"), swapped(ASKED)]
    verdicts = pointwise.compare(asked)
    assert [verdict.winner for verdict in verdicts] == ["A", "A", "tie", "B"]
    assert len(engine.asked) == 3
    assert pointwise.compare([ASKED])[0].winner == "A"
    assert len(engine.asked) == 3
    assert (verdicts[0].score_a, verdicts[0].score_b) == (4.5, 3)
    assert sum(verdict.cost or 0 for verdict in verdicts) == pytest.approx(3 * 0.25)
    assert sum(verdict.tokens or 0 for verdict in verdicts) == 45


def test_another_caption_is_another_question(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(scores(a=4, b=3))
    use(monkeypatch, engine)
    other = Comparison("1" * 32, "1" * 32, "another prompt", A, B)
    UnifiedReward(kind="point", prompt="own").compare([ASKED, other])
    assert len(engine.asked) == 4


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(Status.OK, "A fine image."), Status.UNPARSEABLE),
        (Reply(Status.TRUNCATED, "Final Score: 4"), Status.TRUNCATED),
        (Reply(Status.REFUSED, "no"), Status.REFUSED),
        (Reply(Status.TIMEOUT, "600 s"), Status.TIMEOUT),
    ],
)
def test_one_missing_score_is_a_failure(monkeypatch: pytest.MonkeyPatch, reply: Reply, status: Status) -> None:
    right = scores(a=4, b=3)
    engine = FakeEngine(lambda request: reply if request.images == (B,) else right(request))
    use(monkeypatch, engine)
    judge = UnifiedReward(kind="point", prompt="own")
    (verdict,) = judge.compare([ASKED])
    assert (verdict.status, verdict.winner) == (status, None)
    assert reply.text in (verdict.raw or "")
    before = len(engine.asked)
    judge.compare([ASKED])
    assert len(engine.asked) - before == (1 if status is Status.TIMEOUT else 0)


def test_the_raw_output_holds_both_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeEngine(scores(a=4.25, b=3.75)))
    (verdict,) = UnifiedReward(kind="point", prompt="own").compare([ASKED])
    assert "4.25" in (verdict.raw or "")
    assert "3.75" in (verdict.raw or "")


def test_none_of_them_reads_references(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeEngine())
    for judge in (UnifiedReward, UnifiedReward2, UnifiedRewardThink, UnifiedRewardFlex):
        assert not Hints.of(judge(prompt="own")).reads_references


def test_models_and_images_as_released(monkeypatch: pytest.MonkeyPatch) -> None:
    made = use(monkeypatch, FakeEngine())
    for judge in (UnifiedReward, UnifiedReward2, UnifiedRewardThink, UnifiedRewardFlex):
        judge(prompt="own")
    assert [options.image_format for options in made] == ["png", "jpeg", "jpeg", "jpeg"]
    assert {options.max_pixels for options in made} == {None}
    assert [options.max_tokens for options in made] == [2048, 2048, 4096, 4096]
    assert all(options.model.startswith("CodeGoat24/UnifiedReward") for options in made)
    assert {options.temperature for options in made} == {0.0}


@pytest.mark.parametrize(
    ("judge", "given", "message"),
    [
        (UnifiedReward, {"kind": "pairs"}, "parameter kind is 'pairs'; expected one of pair, point, acs"),
        (UnifiedReward2, {"kind": "acs"}, "expected one of pair, point"),
        (UnifiedRewardThink, {"generation": "llava"}, "expected one of qwen3-vl, qwen2.5-vl"),
        (UnifiedRewardFlex, {"prompt": "official"}, "run `pigeval prompts fetch unifiedreward-flex`"),
    ],
)
def test_wrong_parameters(monkeypatch: pytest.MonkeyPatch, judge: Any, given: dict[str, str], message: str) -> None:
    use(monkeypatch, FakeEngine())
    with pytest.raises(ConfigError, match=message):
        judge(**{"prompt": "own", **given})
