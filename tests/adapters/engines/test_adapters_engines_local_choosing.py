"""Option probabilities are the model's own at the place where the answer decides."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch

from adapters.engines.choosing import Options, generation_config
from adapters.engines.local import LocalEngine, LocalOptions
from harness.generation import Decoding, Request
from harness.records import Status
from tests.adapters.engines.asked import IMAGES, request
from tests.adapters.engines.tiny import tiny_qwen2_vl


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    """A model that writes few characters besides + and -, and ends at an x."""
    torch.set_num_threads(1)
    folder = tiny_qwen2_vl(tmp_path_factory.mktemp("digits") / "model", seed=5, letters="+-abcdefx", ends="x")
    return LocalEngine(LocalOptions(model=str(folder)))


@pytest.fixture(scope="module")
def tokenizer(engine: LocalEngine) -> Any:
    return engine._processor.tokenizer


def test_probabilities_are_those_of_the_last_decision(engine: LocalEngine, tokenizer: Any) -> None:
    asked = [request("choose", *IMAGES[:n], "which", max_tokens=40, options=("+", "-")) for n in range(5)]
    replies = engine.generate(asked)
    decided = [(one, reply) for one, reply in zip(asked, replies, strict=True) if {*"+-"} & {*reply.text}]
    assert len({reply.text for _, reply in decided}) > 1
    for one, reply in decided:
        place = max(reply.text.rfind("+"), reply.text.rfind("-"))
        logits = next_logits(engine, one, reply.text[:place])
        expected = torch.softmax(logits[[tokenizer.encode(word)[0] for word in "+-"]], dim=0).tolist()
        assert [reply.options["+"], reply.options["-"]] == pytest.approx(expected, abs=1e-5)
        assert max(reply.options, key=lambda word: reply.options[word]) == reply.text[place]


def next_logits(engine: LocalEngine, asked: Request, written: str) -> torch.Tensor:
    """What the model makes of the prompt and a beginning of the answer, read in one go."""
    inputs = engine._writer._inputs([asked])
    begun = torch.tensor([engine._processor.tokenizer.encode(written)], dtype=torch.long)
    ids = torch.cat([inputs["input_ids"], begun], dim=1)
    types = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(begun)], dim=1)
    shown = {name: inputs[name] for name in ("image_grid_thw", "mm_encoder_outputs") if name in inputs}
    with torch.no_grad():
        logits: torch.Tensor = engine._writer._model(input_ids=ids, mm_token_type_ids=types, **shown).logits
    return logits[0, -1]


def test_a_cut_answer_has_no_options(engine: LocalEngine) -> None:
    replies = engine.generate([request("choose", *IMAGES[:n], max_tokens=3, options=("+", "-")) for n in range(5)])
    cut = [reply for reply in replies if reply.status is Status.TRUNCATED]
    assert any(reply.text.endswith("-") for reply in cut)
    assert not any(reply.options for reply in cut)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("1", 0),
        ("Image 1 or 2: 2.", 14),
        ("2, not 10", 0),
        ("1 scores 0.2", 0),
        ("1. 2.5", 0),
        ("21", None),
        ("none", None),
    ],
)
def test_a_digit_inside_a_number_decides_nothing(tokenizer: Any, text: str, place: int | None) -> None:
    options = Options(tokenizer, ("1", "2"))
    tokens = tokenizer.encode(text)
    # The logits at each place name the place, so the probability tells which one was read.
    logits = torch.stack([torch.arange(len(tokens)) * 0.1, torch.zeros(len(tokens))], dim=1)
    found = options.probabilities(tokens, logits)
    if place is None:
        assert found == {}
    else:
        assert found["1"] == pytest.approx(torch.sigmoid(torch.tensor(place * 0.1)).item())
        assert sum(found.values()) == pytest.approx(1.0)


def test_an_option_that_is_no_single_token_makes_none_available(tokenizer: Any) -> None:
    assert not Options(tokenizer, ("1", "neither")).available
    assert not Options(tokenizer, ()).available


def test_spellings_with_white_space_add_up() -> None:
    class Words:
        vocabulary: ClassVar = {"yes": 0, "Ġyes": 1, "no": 2, "yesno": 3}

        def get_vocab(self) -> dict[str, int]:
            return self.vocabulary

        def decode(self, tokens: list[int], **how: Any) -> str:
            return "".join(list(self.vocabulary)[token] for token in tokens).replace("Ġ", " ")

    found = Options(Words(), ("yes", "no")).probabilities([1], torch.zeros(1, 3))
    assert found == pytest.approx({"yes": 2 / 3, "no": 1 / 3})


def test_sampling_is_from_the_whole_vocabulary_unless_told_otherwise() -> None:
    config = generation_config(
        Decoding(temperature=0.7, top_p=0.9, repetition_penalty=1.1, max_tokens=5), {7, 3}, pad=0
    )
    told = (config.do_sample, config.temperature, config.top_p, config.top_k, config.repetition_penalty)
    assert told == (True, 0.7, 0.9, 0, 1.1)
    assert (config.max_new_tokens, config.eos_token_id, config.pad_token_id) == (5, [3, 7], 0)
    assert not generation_config(Decoding(), {3}, pad=0).do_sample
