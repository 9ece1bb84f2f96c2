from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.contexts import Contexts, read_contexts, references_digest
from harness.errors import ConfigError, TransientError
from harness.generation import Decoding, Message, Parser, Reply, Request
from harness.generator import Generator
from harness.records import Comparison, Dimension, Status, Verdict
from tests.harness.making import Killed, Memory, final_bytes, pairs_of, run_on, statuses

CHOICES = [*pairs_of("u", 8), *pairs_of("v", 7)]  # 15 comparisons


def parse(text: str) -> Verdict:
    if text.startswith("winner "):
        return Verdict("A" if text[7] == "1" else "B", flags=("odd",), dimensions=(Dimension("colour", 2, 1, "so"),))
    return Verdict.failure(Status.UNPARSEABLE, "no verdict")


class Canned:
    """Answers by a function of the request's text; yields replies out of order, `ahead` at a time."""

    def __init__(self, ahead: int = 4) -> None:
        self.ahead = ahead
        self.asked: list[str] = []
        self.broken: Mapping[int, BaseException] = {}

    def reply(self, request: Request) -> Reply:
        text = text_of(request)
        side = "12"[hashlib.sha256(text.encode()).digest()[0] % 2]
        return Reply(Status.OK, f"winner {side}", tokens_in=10, tokens_out=2, cost=0.5)

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        return [reply for _, reply in sorted(self.stream(requests), key=lambda pair: pair[0])]

    def stream(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply]]:
        held: list[tuple[int, Reply]] = []
        for index, request in enumerate(requests):
            self.asked.append(text_of(request))
            if len(self.asked) in self.broken:
                raise self.broken[len(self.asked)]
            held.append((index, self.reply(request)))
            if len(held) == self.ahead:
                yield from reversed(held)
                held.clear()
        yield from reversed(held)

    def identity(self) -> Mapping[str, Any]:
        return {"model": "canned"}


def text_of(request: Request) -> str:
    return " ".join(str(part) for message in request.messages for part in message.parts)


class Asks(Generator):
    reads = "nothing"

    def __init__(self, engine: Canned) -> None:
        super().__init__(engine, Parser("test", 3, parse), Decoding(max_tokens=7))

    def messages(self, comparison: Comparison) -> list[Message]:
        return [Message("user", (comparison.id, comparison.image_a, comparison.image_b))]


@pytest.fixture
def memory() -> Memory:
    return Memory(CHOICES)


def test_replies_out_of_order_come_to_their_comparisons(memory: Memory, tmp_path: Path) -> None:
    one = run_on(Asks(Canned(ahead=1)), memory, tmp_path / "one")
    many = run_on(Asks(Canned(ahead=7)), memory, tmp_path / "many", batch=2)
    assert final_bytes(one) == final_bytes(many)
    first = one.table.slice(0, 1).to_pylist()[0]
    assert (first["raw"][:7], first["tokens"], first["cost"], first["flags"]) == ("winner ", 12, 0.5, ["odd"])
    assert first["dimensions"] == [{"name": "colour", "score_a": 2.0, "score_b": 1.0, "reason": "so"}]
    told = one.info["identity_parts"]["told"]
    assert (told["parser"], told["model"], told["decoding"]["max_tokens"]) == ("test/3", "canned", 7)


def test_nothing_answered_is_asked_again_after_a_kill(memory: Memory, tmp_path: Path) -> None:
    dying = Canned(ahead=1)
    dying.broken = {9: Killed()}
    with pytest.raises(Killed):
        run_on(Asks(dying), memory, tmp_path, batch=32)
    after = Canned(ahead=1)
    assert run_on(Asks(after), memory, tmp_path, batch=32).complete
    assert len(dying.asked) == 9
    assert set(after.asked).isdisjoint(dying.asked[:8])
    assert len(after.asked) == 7


def test_what_a_broken_stream_leaves_open_is_asked_singly(memory: Memory, tmp_path: Path) -> None:
    engine = Canned(ahead=4)
    engine.broken = {7: ValueError("connection gone")}
    run = run_on(Asks(engine), memory, tmp_path)
    assert run.complete
    assert statuses(run) == {"ok": 15}
    assert len(engine.asked) == 15 + 3  # the seventh, and two that were held with it


def test_a_wrong_configuration_ends_the_run_and_keeps_what_was_answered(memory: Memory, tmp_path: Path) -> None:
    engine = Canned(ahead=1)
    engine.broken = {5: ConfigError("no such model")}
    with pytest.raises(ConfigError, match="no such model"):
        run_on(Asks(engine), memory, tmp_path)
    again = Canned()
    run_on(Asks(again), memory, tmp_path)
    assert len(again.asked) == 11


class Failing(Canned):
    """Fails with one status, at first or always."""

    def __init__(self, status: Status, times: int = 10**9) -> None:
        super().__init__(ahead=2)
        self.status, self.times = status, times

    def reply(self, request: Request) -> Reply:
        self.times -= 1
        if self.times >= 0:
            return Reply(self.status, "winner 1 was said on the way", tokens_in=3, tokens_out=0)
        return super().reply(request)


@pytest.mark.parametrize("status", [Status.REFUSED, Status.FILTERED, Status.TRUNCATED])
def test_a_failed_reply_is_that_failure_and_never_an_answer(status: Status, memory: Memory, tmp_path: Path) -> None:
    run = run_on(Asks(Failing(status)), memory, tmp_path)
    assert statuses(run) == {status.value: 15}
    assert run.table["winner"].null_count == 15
    assert set(run.table["raw"].to_pylist()) == {"winner 1 was said on the way"}


@pytest.mark.parametrize("status", [Status.EMPTY, Status.TIMEOUT, Status.API_ERROR])
def test_a_passing_failure_is_asked_again(status: Status, memory: Memory, tmp_path: Path) -> None:
    engine = Failing(status, times=4)
    run = run_on(Asks(engine), memory, tmp_path)
    assert statuses(run) == {"ok": 15}
    assert len(engine.asked) == 19


def test_a_spent_budget_ends_the_run_at_once_and_a_larger_one_goes_on(memory: Memory, tmp_path: Path) -> None:
    class Spends(Canned):
        left = 6

        def reply(self, request: Request) -> Reply:
            self.left -= 1
            return super().reply(request) if self.left >= 0 else Reply(Status.BUDGET, "6 of 6 spent")

    poor = Spends()
    run = run_on(Asks(poor), memory, tmp_path)
    assert not run.complete
    assert run.info["unanswered"] == {"budget": 9}
    assert len(poor.asked) == 15  # no second pass
    rich = Canned()
    assert run_on(Asks(rich), memory, tmp_path).complete
    assert len(rich.asked) == 9


def test_questions_that_cannot_be_built_fail_alone(memory: Memory, tmp_path: Path) -> None:
    class Picky(Asks):
        def messages(self, comparison: Comparison) -> list[Message]:
            if int(comparison.id[-1], 16) % 3 == 0:
                raise TransientError("timeout", "later") if int(comparison.id[-1], 16) % 2 else ValueError("no")
            return super().messages(comparison)

    run = run_on(Picky(Canned()), memory, tmp_path)
    expected = sum(int(choice[-1], 16) in {3, 9, 15} for choice in ids(memory, tmp_path))
    assert run.info.get("unanswered", {}) == ({"timeout": expected} if expected else {})


def ids(memory: Memory, tmp_path: Path) -> list[str]:
    return [str(i) for i in run_on(Asks(Canned()), memory, tmp_path / "ids").table["id"].to_pylist()]


@pytest.mark.parametrize(("text", "expected"), [("winner 1", 0.75), ("winner 2", None), ("nothing", None)])
def test_probability_of_the_first_option_is_its_share_unless_it_contradicts(
    text: str, expected: float | None, memory: Memory, tmp_path: Path
) -> None:
    class Sure(Canned):
        def reply(self, request: Request) -> Reply:
            return Reply(Status.OK, text, options={"1": 0.6, "2": 0.2, "tie": 0.2})

    run = run_on(Asks(Sure()), memory, tmp_path)
    assert run.table["p_a"].to_pylist() == pytest.approx([expected] * 15)


# --- user contexts ----------------------------------------------------------------------------------------------------


class Profiles(Asks):
    """Writes a text about the user first."""

    reads_references = True
    window = 4

    def __init__(self, engine: Canned) -> None:
        super().__init__(engine)
        self.contexts = Contexts()
        self.keep_in = self.contexts.keep_in

    def prepare(self, comparisons: Sequence[Comparison]) -> None:
        todo = {references_digest(c.references): c for c in comparisons}
        for digest in [digest for digest in todo if self.contexts.get(digest) is None]:
            (reply,) = self.engine.generate([Request((Message("user", (f"profile {digest}",)),))])
            self.contexts.add(digest, f"likes {reply.text}", raw=[reply.text])

    def messages(self, comparison: Comparison) -> list[Message]:
        text = self.contexts.get(references_digest(comparison.references))
        assert text is not None
        return [Message("user", (text, comparison.id))]


def test_a_context_is_made_once_for_each_set_of_references_and_stored(memory: Memory, tmp_path: Path) -> None:
    engine = Canned()
    run = run_on(Profiles(engine), memory, tmp_path, name="profiles", k=2)
    made = [text for text in engine.asked if text.startswith("profile ")]
    stored = read_contexts(run.folder)
    assert len(made) == len(set(made)) == len(stored)
    assert [f"profile {digest}" for digest in stored] == sorted(made)
    assert all(record["text"].startswith("likes winner") for record in stored.values())


def test_a_killed_run_makes_no_context_twice(memory: Memory, tmp_path: Path) -> None:
    dying = Canned(ahead=1)
    dying.broken = {8: Killed()}
    with pytest.raises(Killed):
        run_on(Profiles(dying), memory, tmp_path, name="profiles", k=2)
    after = Canned(ahead=1)
    run = run_on(Profiles(after), memory, tmp_path, name="profiles", k=2)
    assert run.complete
    repeated = {text for text in after.asked if text.startswith("profile ")} & set(dying.asked[:7])
    assert not repeated
    whole = run_on(Profiles(Canned()), memory, tmp_path / "whole", name="profiles", k=2)
    assert (run.folder / "contexts.jsonl").read_bytes() == (whole.folder / "contexts.jsonl").read_bytes()


def test_a_torn_line_is_made_again(tmp_path: Path) -> None:
    contexts = Contexts()
    contexts.keep_in(tmp_path)
    contexts.add("aa", "first")
    with (tmp_path / "contexts.jsonl").open("a") as file:
        file.write('{"references": "bb", "te')
    again = Contexts()
    again.keep_in(tmp_path)
    assert (again.get("aa"), again.get("bb")) == ("first", None)
    again.add("bb", "second")
    assert {key: record["text"] for key, record in read_contexts(tmp_path).items()} == {"aa": "first", "bb": "second"}
