"""The words of the simulated world, and that the judge's parser reads them."""

from __future__ import annotations

import random

import pytest

from adapters.parsers import PARSERS
from tests.training.small import preset, wording
from training.language import TRAITS, chain, conclusions, description, evidence, rationale
from training.tiny_model import texts
from training.tokenizer import UNKNOWN, build, pieces

WINNER = {"Image 1 is better": "A", "Image 2 is better": "B", "Both images are equally good": "tie"}


def random_chain(draw: random.Random, k: int = 8) -> str:
    gaps = [tuple(draw.randint(-2, 2) for _ in TRAITS) for _ in range(k)]
    first, second = ([draw.randint(-1, 1) for _ in TRAITS] for _ in range(2))
    return chain(gaps, first, second)


def test_a_rationale_says_what_it_was_made_from() -> None:
    text = rationale((1, -1, 0, 0, 1), (-1, 0, 0, 1, 0))
    assert (
        text
        == "cubist over naturalistic, cool over balanced, pencil over pencil, natural over vivid, rich over moderate"
    )
    assert evidence(f"Choice 1\n{text}\nChoice 2\n{text}") == [(2, -1, 0, -1, 1)] * 2


def test_a_rationale_in_disorder_still_says_something() -> None:
    assert evidence("rich over sparse and cool over warm, sparse over rich") == [(0, -2, 0, 0, 2)]
    assert evidence("warm over cubist, nothing of the kind") == []


def test_the_three_strongest_conclusions() -> None:
    assert conclusions([(2, -1, 0, 0, 0), (2, -2, 1, 0, 0)]) == [(0, 1), (1, -1), (2, 1)]
    assert conclusions([]) == [(0, 0), (1, 0), (2, 0)]


def test_a_chain_by_hand() -> None:
    text = chain([(2, 0, 0, 0, -1), (1, 1, 0, 0, -2)], (1, 0, 0, 0, 1), (-1, 1, 0, 0, 0))
    assert text.split("\n") == [
        "cubism: cubist against naturalistic, 3",
        "warmth: balanced against warm, 1",
        "impasto: pencil against pencil, 0",
        "vividness: natural against natural, 0",
        "detail: rich against moderate, -3",
        "cubism: cubist against naturalistic, likes (Score 1: 3, Score 2: 1)",
        "detail: rich against moderate, dislikes (Score 1: 1, Score 2: 2)",
        "warmth: balanced against warm, likes (Score 1: 2, Score 2: 3)",
        "Score 1: 3 + 1 + 2 = 6",
        "Score 2: 1 + 2 + 3 = 6",
        "Both images are equally good",
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_judge_s_parser_reads_every_chain(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(40):
        text = random_chain(draw, draw.randint(0, 8))
        verdict = PARSERS["pigreward"].parse(text)
        assert verdict.winner == WINNER[text.rpartition("\n")[2]]
        assert [d.name in TRAITS for d in verdict.dimensions] == [True] * 3
        assert not {"sum-wrong", "total-against-verdict"} & {*verdict.flags}
        if verdict.winner != "tie":
            assert PARSERS["pigreward-strict"].parse(text).winner == verdict.winner


def test_tokens_joined_are_the_text_and_no_word_is_unknown() -> None:
    tokenizer = build(texts(wording(), preset().rationales.hint), 4096)
    draw = random.Random(0)
    said = [random_chain(draw) for _ in range(50)] + [
        rationale((1, 0, -1, 0, 1), (-1, 0, 1, 1, 0)),
        description(2, [0] * 5),
    ]
    said += ["Image 2 is preferred:", "a red fox in a meadow at dawn"]
    for text in said:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in ids, text
        assert tokenizer.decode(ids) == text
        assert len(ids) == len(pieces(text))


def test_a_word_from_elsewhere_is_unknown_and_control_tokens_are_not_split() -> None:
    tokenizer = build(["warmth likes"], 64)
    assert tokenizer.convert_ids_to_tokens(tokenizer("warmth zebra<|im_end|>")["input_ids"]) == [
        "warmth",
        UNKNOWN,
        "<|im_end|>",
    ]
