"""PIGReward as a judge: rationales once, the user's context from them, then the verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adapters.pigreward.judge import REASONER, REWARD, PigReward
from adapters.pigreward.wording import NOTHING, Wording, preferred_first
from harness.contexts import read_contexts, references_digest
from harness.errors import ConfigError, ImageError
from harness.generation import Reply, Request
from harness.judge import Hints
from harness.log import find_runs
from harness.pictures import AbsentPicture
from harness.records import Image, Reference, Status
from pigeval.cli import main
from tests.adapters.asking import answer, liked, noise, question
from tests.adapters.engines.tiny import tiny_lora, tiny_qwen2_vl
from tests.adapters.fake_engine import FakeEngine, text_of
from tests.harness.making import Killed, Memory, pairs_of, run_on, statuses

A, B, C, D, E, F = (noise(seed) for seed in range(6))
NAMES = {image.digest: name for name, image in zip("ABCDEF", (A, B, C, D, E, F), strict=True)}
FIRST, SECOND = Reference("first", (C,), (D,)), Reference("second", (E,), (F,))
ANSWER = (
    "Colour: x. (Score 1: 8, Score 2: 6)\nLight: y. (Score 1: 6, Score 2: 7)\nMood: z. (Score 1: 9, Score 2: 9)\n"
    "Score 1: 8+6+9=23\nScore 2: 6+7+9=22\nImage 1 is better"
)


def name(image: Image) -> str:
    return f"<{NAMES.get(image.digest, '?')}>"


def caption_of(request: Request) -> str:
    """The caption a rationale is asked for."""
    found = re.search(r"caption: (.*)", text_of(request))
    assert found
    return found[1]


@dataclass
class Two:
    """The engines judges are made with."""

    reward: FakeEngine = field(default_factory=lambda: FakeEngine(ANSWER))
    reasoner: FakeEngine = field(default_factory=lambda: FakeEngine(lambda r: f" likes {caption_of(r)} \n"))
    made: list[Any] = field(default_factory=list)

    def engine_of(self, options: Any) -> FakeEngine:
        self.made.append(options)
        return self.reasoner if len(self.made) % 2 == 0 else self.reward


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Two:
    engines = Two()
    monkeypatch.setattr("adapters.pigreward.judge.engine_of", engines.engine_of)
    return engines


def only(monkeypatch: pytest.MonkeyPatch, **given: Any) -> tuple[PigReward, FakeEngine]:
    """A judge without a reasoner, and its engine."""
    engine = FakeEngine(ANSWER)
    monkeypatch.setattr("adapters.pigreward.judge.engine_of", lambda options: engine)
    return PigReward(**given), engine


# --- rationales and contexts ------------------------------------------------------------------------------------------


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


# --- ways of working --------------------------------------------------------------------------------------------------


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


# --- a judge folder ---------------------------------------------------------------------------------------------------


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    (folder / "prompts").mkdir(parents=True)
    (folder / "judge.json").write_text(json.dumps({"format": 1, "base": "owner/base"}))
    (folder / "prompts" / "reward.txt").write_text("{context} | {image_1}{image_2} | which?\n")
    return folder


def test_a_judge_folder_gives_models_prompts_and_base(two: Two, weights: Path) -> None:
    judge = PigReward(weights=str(weights))
    assert [options.model for options in two.made] == [str(weights / "reward"), str(weights / "reasoner")]
    answer(judge, question(A, B, FIRST))
    assert text_of(two.reward.asked[0]).startswith(
        "[user]\nChoice 1, caption: first\nlikes first | <image><image> | which?"
    )
    assert "preferred Image" in text_of(two.reasoner.asked[0])
    assert judge.prompt_hash() != Wording.default().sha256
    PigReward(weights=str(weights), reward="base")
    assert two.made[2].model == "owner/base"


def test_a_judge_works_as_it_was_trained_unless_told_otherwise(two: Two, weights: Path) -> None:
    trained = {"max_pixels": 777, "rationale_tokens": 55, "max_tokens": 66, "k": 8}
    (weights / "judge.json").write_text(json.dumps({"format": 1, "parameters": trained}))
    as_trained, otherwise = (
        PigReward(weights=str(weights)),
        PigReward(weights=str(weights), max_tokens=9, rationale_tokens=5),
    )
    for judge in (as_trained, otherwise):
        answer(judge, question(A, B, FIRST))
    assert {options.max_pixels for options in two.made} == {777}
    assert [request.decoding.max_tokens for request in two.reasoner.asked] == [55, 5]
    assert [request.decoding.max_tokens for request in two.reward.asked] == [66, 9]
    assert (as_trained.identity()["rationale tokens"], otherwise.identity()["rationale tokens"]) == (55, 5)


def test_a_part_of_a_judge_folder_may_be_an_adapter_on_the_base(two: Two, weights: Path) -> None:
    (weights / "reward").mkdir()
    (weights / "reward" / "adapter_config.json").write_text("{}")
    PigReward(weights=str(weights))
    PigReward(weights=str(weights), base_url="http://a/v1")
    (weights / "base").mkdir()
    PigReward(weights=str(weights), base="other")
    PigReward(weights=str(weights))
    own, whole = str(weights / "reward"), (str(weights / "reasoner"), "")
    rewards = [(options.model, options.adapter) for options in two.made[::2]]
    assert rewards == [("owner/base", own), (own, ""), ("other", own), (str(weights / "base"), own)]
    assert {(options.model, options.adapter) for options in two.made[1::2]} == {whole}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "judge.json").unlink(), "judge.json cannot be read"),
        (lambda f: (f / "judge.json").write_text("{"), "judge.json cannot be read"),
        (lambda f: (f / "judge.json").write_text('{"format": 2}'), "expected format 1, found"),
        (lambda f: (f / "judge.json").write_text("[1]"), "expected format 1, found"),
        (lambda f: (f / "prompts" / "reward.txt").write_text("{image_1}"), r"has no \{context\}"),
    ],
)
def test_what_is_wrong_with_a_judge_folder(two: Two, weights: Path, spoil: Callable[[Path], object], says: str) -> None:
    spoil(weights)
    with pytest.raises(ConfigError, match=says):
        PigReward(weights=str(weights))
    assert two.made == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"context": "profile"}, "expected one of rationales, references, none"),
        ({"rule": "mine"}, "expected one of last-verdict, totals, strict"),
        ({"cot": "yes"}, "parameter cot is 'yes'; expected true or false"),
        ({"model": "m"}, "pigreward has two models; name them with reward= and reasoner="),
        ({"adapter": "a"}, "pigreward has two models"),
        ({"rationale_tokens": 0}, "rationale_tokens is 0; expected a whole number of at least 1"),
        ({"weights": "/no/such/folder"}, "single models are named with reward= and reasoner="),
    ],
)
def test_wrong_parameters_are_told(two: Two, given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        PigReward(**given)


# --- what goes wrong --------------------------------------------------------------------------------------------------


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


# --- runs -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def memory() -> Memory:
    return Memory([*pairs_of("u", 9), *pairs_of("v", 8)])


def run(memory: Memory, out: Path, **given: Any) -> Any:
    return run_on(PigReward(**given), memory, out, name="pigreward", k=3)


def test_a_run_keeps_rationales_and_contexts(two: Two, memory: Memory, tmp_path: Path) -> None:
    done = run(memory, tmp_path)
    assert statuses(done) == {"ok": 17}
    stored = read_contexts(done.folder)
    kinds = [record["kind"] for record in stored.values()]
    # The last choice of each user stands in no history.
    assert kinds.count("rationale") == len(two.reasoner.asked) == 8 + 7
    assert kinds.count("context") > 0
    rationale = next(record for record in stored.values() if record["kind"] == "rationale")
    assert (rationale["status"], rationale["tokens_in"], rationale["tokens_out"], rationale["cost"]) == (
        "ok",
        10,
        5,
        0.25,
    )


def test_a_killed_run_asks_for_no_rationale_twice(two: Two, memory: Memory, tmp_path: Path) -> None:
    whole = run(memory, tmp_path / "whole")
    for engine in (two.reasoner, two.reward):
        engine.asked.clear()
    two.reasoner.together = two.reward.together = 1

    def dies(request: Request) -> str:
        if len(two.reward.asked) > 5:
            raise Killed
        return ANSWER

    two.reward.answer = dies
    with pytest.raises(Killed):
        run(memory, tmp_path / "killed")
    reasoned, judged = len(two.reasoner.asked), len(two.reward.asked)
    two.reward.answer = ANSWER
    done = run(memory, tmp_path / "killed")
    assert done.complete
    assert len(two.reasoner.asked) == 15 >= reasoned
    assert len(two.reward.asked) == 17 + 1 > judged
    for file in ("contexts.jsonl", "verdicts.parquet"):
        assert (done.folder / file).read_bytes() == (whole.folder / file).read_bytes()


def test_a_kill_among_the_rationales_loses_none(two: Two, memory: Memory, tmp_path: Path) -> None:
    two.reasoner.together = 1
    calm = two.reasoner.answer
    assert callable(calm)

    def dies(request: Request) -> str | Reply:
        if len(two.reasoner.asked) == 6:
            raise Killed
        return calm(request)

    two.reasoner.answer = dies
    with pytest.raises(Killed):
        run(memory, tmp_path)
    assert two.reward.asked == []
    done = run(memory, tmp_path)
    assert statuses(done) == {"ok": 17}
    # The sixth was being asked when the kill came.
    assert len(two.reasoner.asked) == 15 + 1


def test_a_spent_budget_of_the_reasoner_leaves_the_run_open(two: Two, memory: Memory, tmp_path: Path) -> None:
    calm = two.reasoner.answer
    two.reasoner.answer = lambda request: Reply(Status.BUDGET, "spent")
    first = run(memory, tmp_path)
    assert (first.complete, set(first.info["unanswered"])) == (False, {"budget"})
    two.reasoner.answer = calm
    assert statuses(run(memory, tmp_path)) == {"ok": 17}


def test_the_stored_context_is_what_was_read(two: Two, tmp_path: Path) -> None:
    judge = PigReward()
    judge.keep_in(tmp_path)
    comparison = question(A, B, FIRST, SECOND)
    answer(judge, comparison)
    stored = read_contexts(tmp_path)[references_digest(comparison.references)]["text"]
    assert stored in text_of(two.reward.asked[0])
    two.reasoner.asked.clear()
    later = PigReward()
    later.keep_in(tmp_path)
    assert answer(later, comparison).winner == "A"
    assert two.reasoner.asked == []


# --- two real models, tiny --------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@pytest.mark.parametrize("adapted", [False, True])
def test_a_run_with_two_models_in_this_process(folder: Path, tmp_path: Path, adapted: bool) -> None:
    import torch

    torch.set_num_threads(1)
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "judge.json").write_text('{"format": 1}')
    if adapted:
        base = tiny_qwen2_vl(weights / "base")
        tiny_lora(base, weights / "reasoner", seed=1, target_modules=["q_proj"])
        tiny_lora(base, weights / "reward", seed=2, target_modules=["v_proj"])
    else:
        tiny_qwen2_vl(weights / "reasoner", seed=1)
        tiny_qwen2_vl(weights / "reward", seed=0)
    judge = f"pigreward:weights={weights},device=cpu,max_tokens=6,rationale_tokens=5"
    command = ["run", "--judge", judge, "--dataset", f"ratings:path={folder}", "--out", str(tmp_path / "out")]
    assert main([*command, "--no-lines", "--k", "1", "--limit", "6"]) == 0
    (done,) = find_runs(tmp_path / "out")
    assert sum(statuses(done).values()) == 6
    assert all(done.table["raw"].to_pylist())
    told = done.info["identity_parts"]["told"]
    assert told["model"].startswith("sha256:")
    assert (told["reasoner"]["model"] == told["model"]) is adapted
    assert (told["reasoner"]["adapter"] == told["adapter"]) is not adapted
    assert str(tmp_path) not in json.dumps(done.info["identity_parts"])
    assert {record["kind"] for record in read_contexts(done.folder).values()} == {"rationale", "context"}
