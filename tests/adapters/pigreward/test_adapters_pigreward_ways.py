"""Ways of working: what the switches of an ablation do."""

from __future__ import annotations

import json

import pytest

from adapters.pigreward.judge import REASONER, REWARD, PigReward
from adapters.pigreward.wording import NOTHING
from harness.judge import Hints
from harness.records import Reference
from tests.adapters.asking import answer, question
from tests.adapters.fake_engine import text_of
from tests.adapters.pigreward.two import (
    ANSWER,
    FIRST,
    A,
    B,
    E,
    Two,
    name,
    only,
)


def test_references_in_place_of_rationales(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, engine = only(monkeypatch, context="references")
    judge.compare([question(A, B, FIRST, Reference("saved", (E,)))])
    (asked,) = engine.asked
    assert [name(image) for image in asked.images] == ["<C>", "<D>", "<E>", "<A>", "<B>"]
    text = text_of(asked, name)
    assert "Choice 1, caption: first\nPreferred image 1: <C>\nRejected image 1: <D>\n" in text
    assert "Choice 2, caption: saved\nPreferred image 1: <E>\n" in text
    assert Hints.of(judge).reads_references


def test_no_context_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, engine = only(monkeypatch, context="none")
    judge.compare([question(A, B, FIRST)])
    assert [name(image) for image in engine.asked[0].images] == ["<A>", "<B>"]
    assert NOTHING in text_of(engine.asked[0])
    assert not Hints.of(judge).reads_references


def test_the_verdict_alone_without_reasoning(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, engine = only(monkeypatch, context="none", cot=False)
    engine.answer = "Image 2 is better"
    assert answer(judge, question(A, B)).winner == "B"
    assert "criteria" not in text_of(engine.asked[0])
    assert judge.identity() != only(monkeypatch, context="none")[0].identity()


@pytest.mark.parametrize(("rule", "winner"), [("last-verdict", "B"), ("totals", "A"), ("strict", None)])
def test_the_rule_says_what_decides(monkeypatch: pytest.MonkeyPatch, rule: str, winner: str | None) -> None:
    judge, engine = only(monkeypatch, context="none", rule=rule)
    engine.answer = ANSWER.replace("Image 1 is better", "Image 2 is better")
    assert answer(judge, question(A, B)).winner == winner


def test_models_are_named_one_by_one_or_by_their_base(two: Two) -> None:
    PigReward()
    PigReward(reward="base", reasoner="base")
    PigReward(reward="mine", reasoner="base", base="b/c")
    models = [options.model for options in two.made]
    base = "Qwen/Qwen2-VL-7B-Instruct"
    assert models == [REWARD, REASONER, base, base, "mine", "b/c"]


def test_the_reasoner_may_have_a_server_of_its_own(two: Two) -> None:
    PigReward(base_url="http://a/v1", reward="x", reasoner="y", reasoner_url="http://b/v1", concurrency=3)
    reward, reasoner = two.made
    assert (reward.base_url, reasoner.base_url, reasoner.concurrency) == ("http://a/v1", "http://b/v1", 3)


def test_the_identity_tells_both_models_and_no_address(two: Two) -> None:
    told = PigReward(base_url="http://a/v1", reward="x", reasoner="y").identity()
    assert {"reasoner", "context", "cot", "parser", "prompt hash", "decoding"} <= told.keys()
    assert "http" not in json.dumps(told, default=str)
