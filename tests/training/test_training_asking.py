"""The stages that ask a model: each answer is kept at once, and only what is missing is asked again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.pigreward.wording import NOTHING
from harness.contexts import references_digest
from harness.errors import ConfigError, DataError, RunError
from harness.generation import Decoding, Message, Reply, Request
from harness.progress import Silent
from harness.records import Comparison, Reference, Status
from tests.training.small import material, preset, seen, wording
from training import contexts, cot, rationales
from training.cot import Asked
from training.hints import FALSE, TRUE, hinted
from training.material import Question
from training.messages import digests
from training.rows import read_rows

SETTINGS = preset().rationales


class Fake:
    """Answers by a script; may be killed or fail on the way."""

    def __init__(self, texts: Sequence[str] = ("warm, calm", "cold, busy"), kill: int = 0, fail: int = 0) -> None:
        self.texts = texts
        self.asked: list[Request] = []
        self._kill = kill
        self._fail = fail

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        return [reply for _, reply in self.stream(requests)]

    def stream(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply]]:
        for index, request in enumerate(requests):
            if self._kill and index == self._kill:
                raise KeyboardInterrupt
            self.asked.append(request)
            ok = not self._fail or index % self._fail
            yield index, Reply(Status.OK if ok else Status.TIMEOUT, self.texts[index % len(self.texts)])

    def identity(self) -> Mapping[str, Any]:
        return {}


@pytest.fixture(scope="module")
def references() -> dict[str, tuple[str, Reference]]:
    images = [image for image, _ in seen(material(), 12)]
    made = [Reference("a cat", (a,), (b,)) for a, b in zip(images[::2], images[1::2], strict=True)]
    return {references_digest([r]): (f"user {n % 3}", r) for n, r in enumerate(made)}


def sample(folder: Path, references: Any, engine: Fake) -> None:
    rationales.sample_all(folder, references, wording(), engine, SETTINGS, 0, Silent())


def test_each_reference_is_asked_about_twice_with_the_hint_in_the_answer(tmp_path: Path, references: Any) -> None:
    engine = Fake()
    sample(tmp_path, references, engine)
    assert len(engine.asked) == 2 * len(references)
    for true, false in zip(engine.asked[::2], engine.asked[1::2], strict=True):
        assert true.messages[0] == false.messages[0]
        assert [m.role for m in true.messages] == ["user", "assistant"]
        told = {m.messages[-1].parts[0] for m in (true, false)}
        assert told == {"Image 1 is preferred:", "Image 2 is preferred:"}


def test_the_true_hint_names_the_image_the_question_names() -> None:
    (one, _), (other, _) = seen(material(), 2)
    for reference in (Reference("", (one,), (other,)), Reference("", (other,), (one,))):
        messages = hinted(wording(), reference, SETTINGS.hint, TRUE)
        number = str(messages[-1].parts[0])[6]
        assert f"Image {number} is preferred. Why?" in "".join(map(str, messages[0].parts))
        assert messages[0].parts[int(number) - 1] == reference.preferred[0]
        against = hinted(wording(), reference, SETTINGS.hint, FALSE)
        assert str(against[-1].parts[0])[6] != number


def test_the_pairs_are_unhinted_questions_with_both_images(tmp_path: Path, references: Any) -> None:
    sample(tmp_path, references, Fake())
    facts = rationales.make_pairs(tmp_path, references, wording(), SETTINGS, 0)
    rows = [*read_rows(tmp_path / "pairs.jsonl"), *read_rows(tmp_path / "held-out.jsonl")]
    assert facts["pairs"] + facts["held out"] == len(rows) == len(references)
    for row in rows:
        assert (row["chosen"], row["rejected"]) == ("warm, calm", "cold, busy")
        assert [turn["role"] for turn in row["messages"]] == ["user"]
        reference = references[row["reference"]][1]
        assert {*digests(row["messages"])} == {reference.preferred[0].digest, reference.rejected[0].digest}
        assert all((tmp_path / "images" / f"{digest}.png").is_file() for digest in digests(row["messages"]))
    held, kept = ({row["user"] for row in read_rows(tmp_path / name)} for name in ("held-out.jsonl", "pairs.jsonl"))
    assert not held & kept


def test_dropped_pairs_are_counted_by_rule(tmp_path: Path, references: Any) -> None:
    texts = [
        "warm, calm",
        "cold, busy",
        "same words here",
        "same words here",
        "fine",
        "",
        "Image 1 is preferred",
        "dark",
    ]
    sample(tmp_path, references, Fake(texts))
    facts = rationales.make_pairs(tmp_path, references, wording(), SETTINGS, 0)
    assert facts["dropped"] == {"failed": 0, "empty": 1, "hint": 1, "near-equal": 2}
    assert (facts["pairs"], facts["held out"]) == (1, 1)


def test_nothing_left_is_an_error_that_says_where_to_look(tmp_path: Path, references: Any) -> None:
    sample(tmp_path, references, Fake(["one and the same"]))
    with pytest.raises(DataError, match=r"near-equal.*raw\.jsonl"):
        rationales.make_pairs(tmp_path, references, wording(), SETTINGS, 0)


def test_killed_sampling_goes_on(tmp_path: Path, references: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        sample(tmp_path, references, Fake(kill=5))
    with (tmp_path / "raw.jsonl").open("a") as file:
        file.write('{"reference": "torn')
    engine = Fake()
    sample(tmp_path, references, engine)
    assert len(engine.asked) == 2 * len(references) - 5
    assert len(list(read_rows(tmp_path / "raw.jsonl"))) == 2 * len(references)


def test_answers_that_did_not_come_are_asked_again(tmp_path: Path, references: Any) -> None:
    with pytest.raises(RunError, match=r"4 of 12 texts did not come \(the last one: timeout.* asks again"):
        sample(tmp_path, references, Fake(fail=3))
    engine = Fake()
    sample(tmp_path, references, engine)
    assert len(engine.asked) == 4


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_users_must_be_left_on_both_sides_before_anything_is_asked(
    tmp_path: Path, references: Any, share: float
) -> None:
    engine, settings = Fake(), replace(SETTINGS, held_out=share)
    one_user = {digest: ("ann", reference) for digest, (_, reference) in references.items()}
    with pytest.raises(ConfigError, match=r"rationales\.held_out=.* of 1 users"):
        rationales.sample_all(tmp_path, one_user, wording(), engine, settings, 0, Silent())
    assert not engine.asked


def write(folder: Path, references: Any, engine: Fake) -> dict[str, Any]:
    wanted = {digest: reference for digest, (_, reference) in references.items()}
    return contexts.write(folder, wanted, wording(), engine, Decoding(max_tokens=8), Silent())


def test_killed_contexts_go_on(tmp_path: Path, references: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, references, Fake(kill=2))
    engine = Fake(["cold, busy"])
    assert write(tmp_path, references, engine)["rationales"] == 6
    assert len(engine.asked) == 4
    some = tuple(reference for _, reference in references.values())
    said = ["warm, calm", *["cold, busy"] * 5]
    assert contexts.Written(tmp_path, wording()).of(some) == wording().context(said, some)


class Blind(Fake):
    """Cannot decode the images of the first questions."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self._n = n

    def stream(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply]]:
        for index, reply in super().stream(requests):
            yield index, Reply(Status.IMAGE_ERROR, "broken") if index < self._n else reply


def test_a_reference_nobody_can_see_costs_the_questions_that_show_it(tmp_path: Path, references: Any) -> None:
    assert write(tmp_path, references, Blind(2)) == {"rationales": 4, "cut off": 0, "unreadable": 2}
    written = contexts.Written(tmp_path, wording())
    shown = [reference for _, reference in references.values()]
    assert [written.readable((reference,)) for reference in shown] == [False, False, True, True, True, True]
    (one, _), (other, _) = seen(material(), 2)
    questions = [Question("ann", Comparison(str(n), str(n), "", one, other, (reference,)), 1)
                 for n, reference in enumerate(shown)]  # fmt: skip
    put = cot.requests(questions, written, wording(), preset("cot.fewer=0").cot, 0)
    assert [*put] == ["2", "3", "4", "5"]
    engine = Fake()
    write(tmp_path, references, engine)
    assert not engine.asked


def test_a_data_set_nobody_can_see_is_an_error(tmp_path: Path, references: Any) -> None:
    with pytest.raises(DataError, match="no image of 6 references can be decoded"):
        write(tmp_path, references, Blind(6))


def test_a_reference_without_a_rationale_is_named(tmp_path: Path, references: Any) -> None:
    _, reference = next(iter(references.values()))
    with pytest.raises(DataError, match=references_digest([reference])):
        contexts.Written(tmp_path, wording()).of((reference,))


ANSWER = "a: b (Score 1: 3, Score 2: 1)\nc: d (Score 1: 2, Score 2: 1)\ne: f (Score 1: 2, Score 2: 2)\n"
ANSWER += "Score 1: 3 + 2 + 2 = 7\nScore 2: 1 + 1 + 2 = 4\nImage 1 is better"


def asked(n: int) -> dict[str, Asked]:
    (one, _), (other, _) = seen(material(), 2)
    message = Message("user", ("which?", one, other))
    return {f"id{i}": Asked(Request((message,)), 1 if i % 2 else 2) for i in range(n)}


def test_a_killed_teacher_goes_on_and_the_filter_counts(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        cot.ask(tmp_path, asked(6), Fake([ANSWER], kill=3), Silent())
    engine = Fake([ANSWER])
    cot.ask(tmp_path, asked(6), engine, Silent())
    assert len(engine.asked) == 3
    facts = cot.keep(tmp_path, asked(6))
    assert facts == {"asked": 6, "kept": 3,
                     "dropped": {"unanswered": 0, "verdict": 3, "dimensions": 0, "scores": 0, "totals": 0,
                                 "winner": 0}}  # fmt: skip
    rows = list(read_rows(tmp_path / "samples.jsonl"))
    assert [row["id"] for row in rows] == ["id1", "id3", "id5"]
    assert rows[0]["completion"] == ANSWER


def questions(n: int, references: tuple[Reference, ...]) -> list[Question]:
    (one, _), (other, _) = seen(material(), 2)
    return [Question("ann", Comparison(str(i), str(i), "", one, other, references), 1) for i in range(n)]


def test_some_questions_show_fewer_references_or_none(tmp_path: Path, references: Any) -> None:
    write(tmp_path, references, Fake())
    shown = tuple(reference for _, reference in references.values())
    settings = preset("cot.fewer=0.5", "cot.none=0.2").cot
    put = cot.requests(questions(400, shown), contexts.Written(tmp_path, wording()), wording(), settings, 0)
    contexts_ = ["".join(p for p in one.request.messages[-1].parts if isinstance(p, str)) for one in put.values()]
    numbers = Counter(sum(context.count(text) for text in Fake().texts) for context in contexts_)
    assert 0.15 < numbers[0] / 400 < 0.25
    assert 0.35 < sum(numbers[n] for n in range(1, 6)) / 400 < 0.45
    assert numbers[6] == 400 - sum(numbers[n] for n in range(6))
    assert sum(NOTHING in context for context in contexts_) == numbers[0]


def test_without_reasoning_the_verdict_alone_is_learned_from_the_same_answers(tmp_path: Path, references: Any) -> None:
    write(tmp_path, references, Fake())
    shown = tuple(reference for _, reference in references.values())
    kept = {}
    for reasoning in ("true", "false"):
        folder = tmp_path / reasoning
        folder.mkdir()
        settings = preset(f"cot.reasoning={reasoning}").cot
        put = cot.requests(questions(4, shown), contexts.Written(tmp_path, wording()), wording(), settings, 0)
        cot.ask(folder, put, Fake([ANSWER]), Silent())
        cot.keep(folder, put)
        kept[reasoning] = list(read_rows(folder / "samples.jsonl"))
    asked_for = {reasoning: json.dumps(rows[0]["messages"]) for reasoning, rows in kept.items()}
    assert [row["completion"] for row in kept["true"]] == [ANSWER] * 4
    assert [row["completion"] for row in kept["false"]] == ["Image 1 is better"] * 4
    assert "Only the answer" in asked_for["false"]
    assert "Only the answer" not in asked_for["true"]


def test_a_teacher_of_nonsense_is_said_to_be_one_and_its_answers_are_kept(tmp_path: Path) -> None:
    cot.ask(tmp_path, asked(4), Fake(["As an AI I see no images."]), Silent())
    said = r"none of 4 answers keeps the rules .*'verdict': 4.*ok: 'As an AI I see no images\.'.*--fresh"
    with pytest.raises(DataError, match=said):
        cot.keep(tmp_path, asked(4))
    assert len(list(read_rows(tmp_path / "raw.jsonl"))) == 4


def test_a_teacher_that_times_out_loses_nothing(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"(?s)2 of 4 answers did not come \(the last one: timeout.*--incomplete"):
        cot.ask(tmp_path, asked(4), Fake([ANSWER], fail=2), Silent())
    assert len(list(read_rows(tmp_path / "raw.jsonl"))) == 2


def test_answers_that_never_come_can_be_left_out_and_are_counted(tmp_path: Path) -> None:
    cot.ask(tmp_path, asked(4), Fake([ANSWER], fail=2), Silent(), incomplete=True)
    facts = cot.keep(tmp_path, asked(4))
    assert (facts["kept"], facts["dropped"]["unanswered"]) == (2, 2)


def test_a_server_that_is_off_is_no_set_of_answers(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="4 of 4 answers did not come"):
        cot.ask(tmp_path, asked(4), Fake([ANSWER], fail=1), Silent(), incomplete=True)


def test_the_samples_do_not_depend_on_the_order_of_the_answers(tmp_path: Path) -> None:
    files = []
    for name, kill in (("whole", 0), ("killed", 2)):
        folder = tmp_path / name
        folder.mkdir()
        if kill:
            some = dict(list(asked(6).items())[::-1][:kill])
            cot.ask(folder, some, Fake([ANSWER]), Silent())
        cot.ask(folder, asked(6), Fake([ANSWER]), Silent())
        cot.keep(folder, asked(6))
        files.append([(folder / file).read_bytes() for file in ("raw.jsonl", "samples.jsonl")])
    assert files[0][0] != files[1][0]
    assert files[0][1] == files[1][1]
