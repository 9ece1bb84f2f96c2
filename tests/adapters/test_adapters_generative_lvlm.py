from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.generative.lvlm import Lvlm
from adapters.generative.messages import filled, sections, shuffled
from adapters.parsers import PARSERS
from harness.errors import ConfigError
from harness.generation import Reply, Request
from harness.judge import Hints
from harness.records import Comparison, Image, Reference, Status
from tests.adapters.asking import liked, noise, question
from tests.adapters.fake_engine import FakeEngine, text_of, use

A, B, C, D, E, F = (noise(seed) for seed in range(6))
NAMES = {image.digest: name for name, image in zip("ABCDEF", (A, B, C, D, E, F), strict=True)}
ASKED = question(A, B, liked(C, D), liked(E, F))


def name(image: Image) -> str:
    return f"<{NAMES[image.digest]}>"


def judge(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, **given: Any) -> Lvlm:
    use(monkeypatch, engine)
    return Lvlm(model="m", prompt="own", **given)


def shown(monkeypatch: pytest.MonkeyPatch, comparison: Comparison, **given: Any) -> str:
    """The text of the only question asked for a comparison."""
    engine = FakeEngine("Prediction of user preference: 1")
    judge(monkeypatch, engine, **given).compare([comparison])
    (request,) = engine.asked
    return text_of(request, name)


def test_ppd_shows_each_choice_and_what_was_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, ASKED).splitlines()
    first = lines.index("Pair 1")
    order = [name(image) for image, _ in shuffled(ASKED.references[0], 0)]
    assert lines[first : first + 5] == [
        "Pair 1", "Caption: a past prompt", f"Image 1: {order[0]}", f"Image 2: {order[1]}",
        f"Prediction of user preference: {1 + order.index('<C>')}",
    ]  # fmt: skip
    assert lines[-4:] == ["Pair 3", "Caption: a prompt", "Image 1: <A>", "Image 2: <B>"]
    assert lines[0] == "[system]"


def test_the_sides_of_a_shot_are_drawn_from_the_reference_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    references = [liked(noise(seed), noise(seed + 100)) for seed in range(200)]
    first = [shuffled(reference, 0)[0][1] for reference in references]
    assert 70 < sum(first) < 130
    assert first != [shuffled(reference, 1)[0][1] for reference in references]
    turned = [Reference(r.prompt, r.rejected, r.preferred) for r in references]
    assert [shuffled(reference, 0)[0][1] for reference in turned] == [not preferred for preferred in first]


def test_questions_of_one_user_differ_only_at_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    other = question(B, A, *ASKED.references, key="1")
    for protocol in ("ppd", "plain"):
        one, two = (shown(monkeypatch, c, protocol=protocol) for c in (ASKED, other))
        same = next(n for n, (x, y) in enumerate(zip(one, two, strict=True)) if x != y)
        assert "<C>" in one[:same]
        assert "<E>" in one[:same]
        assert len(one) - same < 40


def test_choices_among_several_images_and_likes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    several = question(A, B, Reference("", (C, D), (E,)), Reference("only liked", (F,)))
    text = shown(monkeypatch, several)
    places = {NAMES[image.digest]: place for place, (image, _) in enumerate(shuffled(several.references[0], 0), 1)}
    both = " and ".join(map(str, sorted((places["C"], places["D"]))))
    assert f"Prediction of user preference: {both}\n" in text
    assert "Caption: (no caption)" in text
    assert "Example 2\nCaption: only liked\nImage 1: <F>\nThe person likes what is shown here.\n" in text
    plain = shown(monkeypatch, several, protocol="plain")
    assert "Liked image 1: <C>\nLiked image 2: <D>\nDisliked image 1: <E>\n" in plain


@pytest.mark.parametrize("given", [{"protocol": "none"}, {"protocol": "ppd"}, {"protocol": "profile"}])
def test_without_references_everybody_is_asked_alike(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    blind = question(A, B) if given["protocol"] != "none" else ASKED
    text = shown(monkeypatch, blind, **given)
    assert "most people" in text
    assert text.count("<") == 2
    assert text == shown(monkeypatch, question(A, B), protocol="none")


def test_only_a_judge_that_is_shown_references_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Hints.of(judge(monkeypatch, FakeEngine())).reads_references
    assert not Hints.of(judge(monkeypatch, FakeEngine(), protocol="none")).reads_references


def test_what_a_caption_says_is_not_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = Comparison("0" * 32, "0" * 32, "{images} {x}\nPair 9", A, B, (Reference("{number}{0}", (C,), (D,)),))
    text = shown(monkeypatch, hostile)
    assert "Caption: {images} {x} Pair 9\n" in text
    assert "Caption: {number}{0}\n" in text
    assert text.count("<A>") == 1


@pytest.mark.parametrize("protocol", ["ppd", "plain", "profile", "none"])
def test_reasoning_is_asked_for_only_when_wanted(monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    texts = []
    for reasoning in (False, True):
        engine = FakeEngine("Verdict: 2")
        judge(monkeypatch, engine, protocol=protocol, reasoning=reasoning).compare([ASKED])
        texts.append(text_of(engine.asked[-1]))
    assert "nothing else" in texts[0] or "alone" in texts[0]
    assert "First" not in texts[0]
    assert "First" in texts[1] or "Work in steps" in texts[1]


def test_verdict_and_probability_come_from_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: Request) -> Reply:
        assert request.decoding.options == ("1", "2")
        return Reply(Status.OK, "Prediction of user preference: 2", 100, 7, 0.5, {"1": 0.2, "2": 0.6})

    (verdict,) = judge(monkeypatch, FakeEngine(answer)).compare([ASKED])
    assert (verdict.winner, verdict.tokens, verdict.cost) == ("B", 107, 0.5)
    assert verdict.p_a == pytest.approx(0.25)
    assert verdict.raw == "Prediction of user preference: 2"


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(Status.OK, "I like both."), Status.UNPARSEABLE),
        (Reply(Status.TRUNCATED, "Prediction of user preference: 1"), Status.TRUNCATED),
        (Reply(Status.REFUSED, "I cannot help with that."), Status.REFUSED),
        (Reply(Status.TIMEOUT, "600 s"), Status.TIMEOUT),
    ],
)
def test_a_failure_is_no_answer(monkeypatch: pytest.MonkeyPatch, reply: Reply, status: Status) -> None:
    (verdict,) = judge(monkeypatch, FakeEngine(lambda _: reply)).compare([ASKED])
    assert (verdict.status, verdict.winner) == (status, None)


def test_a_profile_is_written_once_for_each_set_of_references(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine = FakeEngine(profiled)
    with_profiles = judge(monkeypatch, engine, protocol="profile", max_tokens=64, profile_tokens=99)
    with_profiles.keep_in(tmp_path)
    asked = [question(A, B, liked(C, D), key=str(n)) for n in range(40)] + [question(A, B, liked(E, F), key="99")]
    verdicts = with_profiles.compare(asked)
    assert {verdict.winner for verdict in verdicts[:40]} == {"A"}
    assert verdicts[40].winner == "B"
    writing = [request for request in engine.asked if "Describe this person" in text_of(request)]
    assert len(writing) == 2
    assert {(request.decoding.max_tokens, request.decoding.options) for request in writing} == {(99, ())}
    judged = [request for request in engine.asked if request not in writing]
    assert len(judged) == 41
    assert all(len(request.images) == 2 for request in judged)
    assert (tmp_path / "contexts.jsonl").read_text().count("\n") == 2


def profiled(request: Request) -> str:
    text = text_of(request, name)
    if "Describe this person" in text:
        return f"  Likes {'pastels' if '<C>' in text else 'neon'}.\n"
    return "Verdict: 1" if "Likes pastels." in text else "Verdict: 2"


def test_a_profile_is_not_asked_for_again_on_resume(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = judge(monkeypatch, FakeEngine(profiled), protocol="profile")
    first.keep_in(tmp_path)
    first.compare([question(A, B, liked(C, D))])
    engine = FakeEngine(profiled)
    second = judge(monkeypatch, engine, protocol="profile")
    second.keep_in(tmp_path)
    (verdict,) = second.compare([question(B, A, liked(C, D), key="1")])
    assert verdict.winner == "A"
    assert len(engine.asked) == 1


@pytest.mark.parametrize(
    ("reply", "status", "said"),
    [
        (Reply(Status.TIMEOUT, "600 s"), Status.TIMEOUT, "profile: 600 s"),
        (Reply(Status.REFUSED, "no"), Status.JUDGE_ERROR, "no profile (refused): no"),
        (Reply(Status.TRUNCATED, "Likes"), Status.JUDGE_ERROR, "no profile (truncated): Likes"),
        (Reply(Status.OK, " \n"), Status.JUDGE_ERROR, "no profile (ok): "),
        (Reply(Status.IMAGE_ERROR, "x.png is no image"), Status.IMAGE_ERROR, "x.png is no image"),
    ],
)
def test_without_a_profile_there_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reply: Reply, status: Status, said: str
) -> None:
    engine = FakeEngine(lambda request: reply if "Describe" in text_of(request) else "Verdict: 1")
    failing = judge(monkeypatch, engine, protocol="profile")
    failing.keep_in(tmp_path)
    verdicts = failing.compare([ASKED, question(A, B, key="1")])
    assert (verdicts[0].status, verdicts[1].winner) == (status, "A")
    assert said in (verdicts[0].raw or "")
    assert not (tmp_path / "contexts.jsonl").exists()
    again = len([request for request in engine.asked if "Describe" in text_of(request)])
    failing.compare([ASKED])
    asked = len([request for request in engine.asked if "Describe" in text_of(request)])
    assert asked - again == (1 if status is Status.TIMEOUT else 0)


def test_identity_tells_the_wording_and_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [dict(judge(monkeypatch, FakeEngine(), protocol=p).identity()) for p in ("ppd", "plain", "ppd")]
    assert told[0] == told[2]
    assert told[0]["prompt hash"] != told[1]["prompt hash"]
    assert told[0]["prompts"] == {"lvlm-ppd": "own", "lvlm-none": "own"}
    assert told[0]["parser"] == str(PARSERS["ppd"])
    assert told[0]["decoding"]["temperature"] == 0.0
    assert {"model", "base_url", "batch", "budget_usd", "max_tokens", "prompt"} <= set(Lvlm.incidental)
    assert not {"protocol", "reasoning", "profile_tokens"} & set(Lvlm.incidental)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"protocol": "pdp"}, "parameter protocol is 'pdp'"),
        ({"reasoning": 1}, "parameter reasoning is 1; expected true or false"),
        ({"profile_tokens": 0}, "parameter profile_tokens is 0"),
        ({"prompt": "official"}, "no official prompt is known for lvlm-ppd"),
    ],
)
def test_wrong_parameters(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], message: str) -> None:
    use(monkeypatch, FakeEngine())
    with pytest.raises(ConfigError, match=message):
        Lvlm(**{"model": "m", **given})


def test_a_model_must_be_named() -> None:
    assert inspect.signature(Lvlm).parameters["model"].default is inspect.Parameter.empty


def test_sections_and_slots() -> None:
    texts = sections("=== one ===\nfirst {a}\n\n=== two ===\nsecond\n")
    assert texts == {"one": "first {a}", "two": "second"}
    assert filled('{"a": {a}, {b}}', {"a": "{b}"}) == ('{"a": {b}, {b}}',)
    assert filled("{a}{b}", {"a": (A, "x"), "b": "y"}) == (A, "xy")


def test_all_that_need_a_profile_which_may_come_later_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    replies: Iterator[str | Reply] = iter([Reply(Status.TIMEOUT, "late"), "Likes red."])
    engine = FakeEngine(lambda request: next(replies, "1"))
    waiting = judge(monkeypatch, engine, protocol="profile")
    asked = [question(A, B, liked(C, D), key=str(number)) for number in range(3)]
    assert [verdict.status for verdict in waiting.compare(asked)] == [Status.TIMEOUT] * 3
    assert len(engine.asked) == 1
    assert {verdict.status for verdict in waiting.compare(asked)} == {Status.OK}
    assert len(engine.asked) == 1 + 1 + 3
