from __future__ import annotations

from typing import Any

import pytest

from adapters.generative.preferthinker import PreferThinker
from harness.errors import ConfigError
from harness.judge import Hints
from harness.records import Image, Reference
from tests.adapters.asking import liked, noise, question
from tests.adapters.fake_engine import FakeEngine, text_of, use

A, B, *MORE = (noise(seed) for seed in range(16))
NAMES = {image.digest: f"<{number}>" for number, image in enumerate((A, B, *MORE))}

ANSWER = """<visual preference profile>
"Art Styles": "oil", "Color": "red", "Artistic Medium": "paint", "Saturation": "high", "Detail": "fine"
</visual preference profile>
<visual non-preference profile>
"Art Styles": "flat", "Color": "blue", "Artistic Medium": "vector", "Saturation": "low", "Detail": "none"
</visual non-preference profile>
<think>
1. Art Styles: Image A(1) - r; Image B(5) - r
2. Color: Image A(2) - r; Image B(4) - r
3. Artistic Medium: Image A(1) - r; Image B(4) - r
4. Saturation: Image A(2) - r; Image B(3) - r
5. Detail: Image A(3) - r; Image B(4) - r
Image A: total_score=1+2+1+2+3=9
Image B: total_score=5+4+4+3+4=20
</think>
<answer>Image B</answer>"""


def name(image: Image) -> str:
    return NAMES[image.digest]


def judge(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, **given: Any) -> PreferThinker:
    use(monkeypatch, engine)
    return PreferThinker(**given)


def test_liked_disliked_then_the_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(ANSWER)
    (verdict,) = judge(monkeypatch, engine).compare([question(A, B, liked(MORE[0], MORE[1]), liked(MORE[2], MORE[3]))])
    assert verdict.winner == "B"
    (request,) = engine.asked
    system, user = text_of(request, name).split("[user]\n")
    assert system.startswith("[system]\n")
    lines = user.splitlines()
    assert lines[0] == "Images the person likes:"
    assert lines[1:3] == ["Picture 1: <2>", "Picture 2: <4>"]
    assert lines[4 - 1] == "Images the person dislikes:"
    assert lines[4:6] == ["Picture 3: <3>", "Picture 4: <5>"]
    assert user.index("Image A\nPicture 5: <0>\n") < user.index("Image B\nPicture 6: <1>\n")
    assert "a prompt" not in user
    assert (request.decoding.repetition_penalty, request.decoding.max_tokens) == (1.15, 4096)
    assert request.decoding.options == ("A", "B")


def test_the_first_five_of_each_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(ANSWER)
    references = [liked(MORE[2 * n], MORE[2 * n + 1]) for n in range(7)]
    judge(monkeypatch, engine).compare([question(A, B, *references)])
    judge(monkeypatch, engine, images=2).compare([question(A, B, *references)])
    assert [len(request.images) for request in engine.asked] == [12, 6]
    assert engine.asked[1].images == (MORE[0], MORE[2], MORE[1], MORE[3], A, B)


def test_what_is_not_known_is_not_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(ANSWER)
    judge(monkeypatch, engine).compare([question(A, B, Reference("", (MORE[0],))), question(A, B, key="1")])
    only_liked, blind = (text_of(request).split("[user]\n")[1] for request in engine.asked)
    assert "Images the person likes:" in only_liked
    assert "dislikes" not in only_liked + blind
    assert "likes" not in blind


def test_it_reads_references_and_nothing_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Hints.of(judge(monkeypatch, FakeEngine())).reads_references
    with pytest.raises(ConfigError, match="parameter images is 0"):
        PreferThinker(images=0)
