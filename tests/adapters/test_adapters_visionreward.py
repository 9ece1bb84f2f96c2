"""VisionReward: the linear rule beside a computation of its own, questions counted, failures told, a whole run."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adapters.generative.pointwise import PARSERS
from adapters.prompts import official as module
from adapters.visionreward.checklist import GROUPS, Checklist
from adapters.visionreward.judge import VisionReward
from adapters.visionreward.reading import stored
from adapters.vqascore.judge import VQAScore
from benchmarks.servers import Answer, Call, Loopback, completion
from harness.errors import ConfigError
from harness.generation import Reply, Request
from harness.judge import Hints
from harness.log import find_runs
from harness.pictures import BytesPicture
from harness.records import Comparison, Image, Status
from pigeval.cli import main
from tests.adapters.asking import noise, question, swapped
from tests.adapters.engines.tiny import tiny_qwen2_vl
from tests.adapters.fake_engine import FakeEngine, text_of, use
from tests.adapters.tiny_clip_t5 import write_clip_t5
from tests.harness.making import write_ratings

A, B, C = (noise(seed) for seed in range(3))

COEFFICIENTS = [
    2.3542883, 0.0688, 0.1018, 0.1307, 0.0695, 0.0556, 0.0437, 0.2115, 0.5828, 0.0510, 0.0680, 0.0649, 0.3248, 0.0756,
    0.0775, 0.0422, 0.0515, 0.0102, 0.0174, 0.1146, 0.0824, 0.0553, 0.0300, 0.0314, 0.0767, 0.0719, 0.0121, 0.0151,
]  # fmt: skip
"""The official ones, rounded."""

LINES = [f"Is there a property {number} to be seen?" for number in range(30)]
"""Stand in for the official questions, which are no part of this repository."""

TEXTS = {
    "visionreward": "\n".join(line + " " * (number % 2) for number, line in enumerate(LINES)),
    "visionreward-weights": json.dumps({"coef": COEFFICIENTS, "intercept": [0.25]}),
    "vqascore-system": "Look and answer.",
    "vqascore": 'Is it "{}"? Yes or no.',
}


@pytest.fixture(autouse=True)
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache with these texts as the official ones; its folder."""
    cache = tmp_path / "cache" / "prompts"
    cache.mkdir(parents=True)
    listed = []
    for name, text in TEXTS.items():
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        listed.append(f'[{name}]\nrepository = "some/body"\ncommit = "abc"\nfile = "x"\ncharacters = {len(text)}\n'
                      f'sha256 = "{digest}"\n')  # fmt: skip
        (cache / f"{name}-{digest}.txt").write_bytes(text.encode())
    (tmp_path / "official.toml").write_text("\n".join(listed))
    monkeypatch.setattr(module, "TABLE", tmp_path / "official.toml")
    monkeypatch.setenv("PIGEVAL_CACHE", str(tmp_path / "cache"))
    module.table.cache_clear()
    yield cache
    module.table.cache_clear()


def independent(yes: np.ndarray[Any, Any], alignment: float | None) -> float:
    """The rule as one product: signs, a gate for each question, weights."""
    signs, gates = np.where(yes, 1.0, -1.0), np.ones(30)
    gates[[22, 23, 24, 28, 29]] = yes[0]
    gates[[25, 26]] = yes[1]
    gates[27] = yes[2]
    weights = np.array(COEFFICIENTS)
    term = 0.0 if alignment is None else weights[0] * alignment
    return float(0.25 + term + weights[1:] @ (signs * gates)[3:])


@pytest.mark.parametrize("masks", range(8))
def test_the_linear_rule(masks: int) -> None:
    checklist, rng = Checklist.official(), np.random.default_rng(masks)
    for alignment in (None, 0.0, 0.37, 1.0):
        yes = rng.random(30) < 0.6
        yes[:3] = [masks & 1, masks & 2, masks & 4]
        parts = checklist.parts(yes.tolist(), alignment)
        assert checklist.score(parts) == pytest.approx(independent(yes, alignment), abs=1e-12)
        assert ("alignment" in parts) == (alignment is not None)


def test_what_a_mask_hides_has_no_say() -> None:
    checklist = Checklist.official()
    bare = [False, False, False, *[True] * 27]
    for hidden in (22, 23, 24, 25, 26, 27, 28, 29):
        assert checklist.parts([*bare[:hidden], False, *bare[hidden + 1 :]], None) == checklist.parts(bare, None)
    for shown in range(3, 22):
        assert checklist.parts([*bare[:shown], False, *bare[shown + 1 :]], None) != checklist.parts(bare, None)
    assert all(checklist.parts(bare, None)[name] == 0 for name in ("body", "face", "hands", "harmlessness"))
    assert [number for members in GROUPS.values() for number in members] == list(range(3, 30))


def test_questions_are_the_official_lines_without_spaces_around() -> None:
    assert list(Checklist.official().questions) == LINES


def number_of(request: Request) -> int:
    return next(number for number, line in enumerate(LINES) if line in text_of(request))


def says(**no: set[int]) -> Callable[[Request], str]:
    """Answers yes to all but the numbered questions about an image."""
    named = {A.digest: no.get("a", set()), B.digest: no.get("b", set()), C.digest: no.get("c", set())}
    return lambda request: "no" if number_of(request) in named[request.images[0].digest] else "yes"


def made(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, **given: Any) -> VisionReward:
    use(monkeypatch, engine)
    return VisionReward(**{"base_url": "http://127.0.0.1:9/v1", "alignment": "none", **given})


def test_each_question_is_asked_once_about_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(says(a={9, 21}, b={10}), together=7)
    judge = made(monkeypatch, engine)
    asked = [question(A, B), question(A, C, key="1"), question(B, C, key="2"), swapped(question(A, B, key="3"))]
    other = Comparison("4" * 32, "4" * 32, "another prompt", A, B)
    verdicts = judge.compare([*asked, other])
    judge.compare(asked)
    counted = Counter((request.images[0].digest, number_of(request)) for request in engine.asked)
    assert set(counted.values()) == {1}
    assert len(counted) == 3 * 30
    assert [verdict.winner for verdict in verdicts] == ["A", "B", "B", "B", "A"]
    expected = [independent(~np.isin(np.arange(30), [*no]), None) for no in ((9, 21), (10,))]
    assert (verdicts[0].score_a, verdicts[0].score_b) == pytest.approx(expected)
    assert sum(verdict.cost or 0 for verdict in verdicts) == pytest.approx(90 * 0.25)


def test_a_question_shows_the_image_and_never_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine("yes")
    made(monkeypatch, engine, form="Question: {question} Short answer:").compare([question(A, B)])
    assert engine.asked[0].messages[0].parts == (A, f"Question: {LINES[0]} Short answer:")
    assert not any("a prompt" in text_of(request) for request in engine.asked)
    assert {request.decoding.temperature for request in engine.asked} == {0.0}


@pytest.mark.parametrize(
    ("answer", "counts", "flags"),
    [("yes", 1, ()), (" yes\n", 1, ()), ("yes<|end_of_text|>", 1, ()), ("no", -1, ()),
     ("Yes", -1, ("off-format",)), ("yes.", -1, ("off-format",)), ("", -1, ("off-format",))],
)  # fmt: skip
def test_only_yes_is_yes(monkeypatch: pytest.MonkeyPatch, answer: str, counts: int, flags: tuple[str, ...]) -> None:
    engine = FakeEngine(lambda request: answer if number_of(request) == 20 and request.images == (A,) else "no")
    (verdict,) = made(monkeypatch, engine).compare([question(A, B)])
    assert {dimension.name: dimension.score_a for dimension in verdict.dimensions}[
        "recognisability"
    ] == counts * COEFFICIENTS[18]
    assert verdict.flags == flags
    assert verdict.winner == ("A" if counts > 0 else "tie")


@pytest.mark.parametrize("status", [Status.TIMEOUT, Status.API_ERROR, Status.REFUSED, Status.TRUNCATED])
def test_one_question_without_an_answer_fails_the_comparison(monkeypatch: pytest.MonkeyPatch, status: Status) -> None:
    def reply(request: Request) -> str | Reply:
        return Reply(status, "yes") if number_of(request) == 12 and request.images == (B,) else "yes"

    judge = made(monkeypatch, FakeEngine(reply))
    verdicts = judge.compare([question(A, B), question(A, C, key="1")])
    assert [(verdict.status, verdict.winner) for verdict in verdicts] == [(status, None), (Status.OK, "tie")]
    assert verdicts[0].score_a is None


def test_the_stored_answers_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    (verdict,) = made(monkeypatch, FakeEngine(says(a={7}))).compare([question(A, B)])
    raw = json.loads(verdict.raw or "")
    assert raw["A"]["answers"][LINES[7]] == "no"
    assert raw["B"]["answers"][LINES[7]] == "yes"
    assert raw["A"]["alignment"] is None
    again = PARSERS["visionreward"].parse(verdict.raw or "")
    assert (again.winner, again.score_a, again.dimensions) == (verdict.winner, verdict.score_a, verdict.dimensions)


GOOD = stored(LINES, ["yes"] * 30, ["no"] * 30, (0.5, 0.5))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "3", "{}", '{"A": 1, "B": 2}', "[" * 100_000, GOOD.replace("0.5", "null", 1), GOOD.replace("0.5", '"x"'),
     GOOD.replace("0.5", "true"), GOOD.replace("0.5", "1" + "0" * 400), GOOD.replace(LINES[0], LINES[1])],
)  # fmt: skip
def test_anything_else_has_no_verdict(text: str) -> None:
    assert PARSERS["visionreward"].parse(GOOD).winner == "A"
    assert PARSERS["visionreward"].parse(text).status is Status.UNPARSEABLE


def test_an_alignment_that_is_no_number_is_no_score() -> None:
    assert PARSERS["visionreward"].parse(GOOD.replace("0.5", "NaN")).status is Status.NON_FINITE


@pytest.fixture(scope="module")
def clip_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return write_clip_t5(tmp_path_factory.mktemp("clip_t5"))


def aligned(clip_t5: Path) -> dict[str, str]:
    return {"alignment": "vqascore", "vqascore_weights": str(clip_t5), "vqascore_device": "cpu",
            "vqascore_dtype": "float32"}  # fmt: skip


def test_the_alignment_is_vqascore_of_prompt_and_image(monkeypatch: pytest.MonkeyPatch, clip_t5: Path) -> None:
    judge = made(monkeypatch, FakeEngine("yes"), **aligned(clip_t5))
    scored: list[tuple[str, str]] = []
    score = VQAScore.score

    def counted(self: VQAScore, prompts: Any, images: Any) -> Any:
        scored.extend((prompt, image.digest) for prompt, image in zip(prompts, images, strict=True))
        return score(self, prompts, images)

    monkeypatch.setattr(VQAScore, "score", counted)
    other = Comparison("1" * 32, "1" * 32, "another prompt", A, B)
    verdicts = judge.compare([question(A, B), other, swapped(other)])
    assert len(scored) == len(set(scored)) == 4
    direct = VQAScore(weights=str(clip_t5), device="cpu", dtype="float32")
    for verdict, prompt in zip(verdicts, ("a prompt", "another prompt"), strict=False):
        a, b = direct.score([prompt] * 2, [A, B])
        assert verdict.score_a == pytest.approx(independent(np.ones(30, bool), a), abs=1e-5)
        assert verdict.winner == ("A" if a > b else "B")
        assert json.loads(verdict.raw or "")["B"]["alignment"] == pytest.approx(b, abs=1e-6)


def test_an_image_that_cannot_be_read_fails_its_own_comparisons(monkeypatch: pytest.MonkeyPatch, clip_t5: Path) -> None:
    engine = FakeEngine("yes")
    broken = Image(BytesPicture(b"no image"))
    judge = made(monkeypatch, engine, **aligned(clip_t5))
    verdicts = judge.compare([question(A, broken), question(A, B, key="1")])
    assert [verdict.status for verdict in verdicts] == [Status.IMAGE_ERROR, Status.OK]
    assert len(engine.asked) == 60


def test_the_identity_says_which_alignment(monkeypatch: pytest.MonkeyPatch, clip_t5: Path) -> None:
    without, with_it = (made(monkeypatch, FakeEngine(), **given) for given in ({}, aligned(clip_t5)))
    assert without.identity()["alignment"] == "none"
    assert without.identity()["prompts"] == dict.fromkeys(("visionreward", "visionreward-weights"), "some/body@abc")
    assert with_it.identity()["alignment"]["dtype"] == "float32"
    assert str(clip_t5) not in str(with_it.identity())
    assert "torch" in Hints.of(with_it).libraries
    assert "torch" not in Hints.of(without).libraries
    assert not Hints.of(without).reads_references


@pytest.mark.parametrize("model", ["THUDM/VisionReward-Image", "zai-org/VisionReward-Image-bf16@main", "unpacked"])
def test_the_released_checkpoint_is_not_loaded_here(tmp_path: Path, model: str) -> None:
    if model == "unpacked":
        (tmp_path / model).mkdir()
        (tmp_path / model / "model_config.json").write_text("{}")
        model = str(tmp_path / model)
    with pytest.raises(ConfigError, match=r"SwissArmyTransformer.*give base_url=http://HOST:PORT/v1,model=NAME"):
        VisionReward(model=model)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"alignment": "clip"}, "parameter alignment is 'clip'; expected one of vqascore, none"),
        ({"form": "Is it good?"}, r"parameter form is 'Is it good\?'; expected a text with \{question\} in it"),
    ],
)
def test_wrong_parameters(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made(monkeypatch, FakeEngine(), **given)


def test_what_was_not_fetched_is_named(monkeypatch: pytest.MonkeyPatch, fetched: Path) -> None:
    for path in fetched.glob("visionreward-weights-*"):
        path.unlink()
    with pytest.raises(ConfigError, match="run `pigeval prompts fetch visionreward-weights`"):
        made(monkeypatch, FakeEngine())


def test_an_estimate_counts_the_questions_and_loads_nothing() -> None:
    judge = VisionReward(base_url="http://127.0.0.1:9/v1", model="x", vqascore_weights="no/where")
    # Three images in two comparisons; ten such comparisons are fifteen images.
    estimate = judge.forecast([question(A, B), question(A, C, key="1")], 10)
    assert estimate is not None
    assert estimate.requests == 15 * 30


def test_a_model_in_this_process_is_asked_too(tmp_path: Path) -> None:
    model = tiny_qwen2_vl(tmp_path / "model")
    judge = VisionReward(model=str(model), alignment="none", device="cpu", max_tokens=1, max_pixels=28 * 28 * 4)
    (verdict,) = judge.compare([question(A, B)])
    # Drawn weights end no answer.
    assert verdict.status in (Status.OK, Status.TRUNCATED)
    assert [len(side["answers"]) for side in json.loads(verdict.raw or "").values()] == [30, 30]


class Checking:
    """A server that answers yes or no by what it is sent, and counts it."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    async def __call__(self, call: Call) -> Answer:
        if call.path.endswith("/models"):
            return Answer({"data": [{"id": "VisionReward", "owned_by": "nobody"}]})
        key = hashlib.sha256(call.content).hexdigest()
        self.asked[key] += 1
        usage = {"prompt_tokens": 300, "completion_tokens": 2}
        return Answer({**completion("yes" if int(key[0], 16) % 2 else "no"), "usage": usage})


def test_a_run_over_rated_images(tmp_path: Path, clip_t5: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, server = write_ratings(tmp_path / "small", users=2, prompts=2), Checking()
    with Loopback(server) as loopback:
        given = {"base_url": loopback.url, "model": "VisionReward", **aligned(clip_t5)}
        judge = "visionreward:" + ",".join(f'{name}="{value}"' for name, value in given.items())
        run = ["run", "--judge", judge, "--dataset", f"ratings:path={folder}", "--out", str(tmp_path / "out"),
               "--orders", "both", "--no-lines"]  # fmt: skip
        assert main(run) == 0
    (found,) = find_runs(tmp_path / "out")
    verdicts = found.table.to_pylist()
    assert {verdict["status"] for verdict in verdicts} == {"ok"}
    assert set(server.asked.values()) == {1}
    assert server.asked.total() == 2 * 3 * 30
    capsys.readouterr()
    assert main(["show", str(found.folder), verdicts[0]["item"]]) == 0
    shown = capsys.readouterr().out
    assert all(line in shown for line in LINES)
    assert "alignment" in shown
