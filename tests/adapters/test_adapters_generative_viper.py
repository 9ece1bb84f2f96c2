from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from adapters.generative.viper import SIGNS, SIZE, Viper, examples, prompt, two_logits
from harness.errors import ConfigError, DataError
from harness.judge import Hints
from harness.records import Comparison, Image, Reference
from tests.adapters.asking import liked, noise, question

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is deprecated:FutureWarning", "ignore:builtin type:DeprecationWarning"
)

A, B, *MORE = (noise(seed, (60, 90)) for seed in range(12))
REFERENCES = tuple(liked(MORE[2 * n], MORE[2 * n + 1]) for n in range(3))
ASKED = question(A, B, *REFERENCES)
TEMPLATE = "{% for message in messages %}{% for part in message['content'] %}<image>{% endfor %}{% endfor %}"


def test_the_rule_is_a_sigmoid_that_never_overflows() -> None:
    assert two_logits(2.0, 1.0) == pytest.approx(math.exp(2) / (math.exp(2) + math.exp(1)))
    assert two_logits(50.0, -50.0) == pytest.approx(1.0)
    assert 0 < two_logits(-5e2, 2e2) < 1e-300
    assert two_logits(1.0, 3.0) + two_logits(3.0, 1.0) == pytest.approx(1.0)


def test_examples_are_equally_many_in_order() -> None:
    assert examples(REFERENCES, 8) == ([MORE[0], MORE[2], MORE[4]], [MORE[1], MORE[3], MORE[5]])
    assert examples(REFERENCES, 2) == ([MORE[0], MORE[2]], [MORE[1], MORE[3]])
    uneven = (Reference("", (A, B)), liked(MORE[0], MORE[1]))
    assert examples(uneven, 8) == ([A], [MORE[1]])


def test_a_prompt_alternates_and_leaves_its_context_alone() -> None:
    context = [(MORE[1], "-"), (MORE[0], "+")]
    text, images = prompt(context, A)
    assert text == (
        "User:<image>Score for this image?<end_of_utterance>\nAssistant: -<end_of_utterance>\n"
        "User:<image>Score for this image?<end_of_utterance>\nAssistant: +<end_of_utterance>\n"
        "User:<image>Score for this image?<end_of_utterance>\nAssistant: "
    )
    assert images == [MORE[1], MORE[0], A]
    assert context == [(MORE[1], "-"), (MORE[0], "+")]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Idefics2 of two narrow layers; its tokens for + and - have the published ids."""
    folder = tmp_path_factory.mktemp("idefics2")
    save_tiny(folder, {648: "+", 387: "-"})
    return folder


def save_tiny(folder: Path, signs: dict[int, str]) -> None:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        Idefics2Config,
        Idefics2ForConditionalGeneration,
        Idefics2ImageProcessor,
        Idefics2Processor,
        PreTrainedTokenizerFast,
    )

    words = {signs.get(index, f"w{index}"): index for index in range(700)}
    for word, index in {"User:": 3, "Score": 4, "for": 5, "this": 6, "image?": 7, "Assistant:": 8, "<unk>": 0}.items():
        words = {**{w: i for w, i in words.items() if i != index}, word: index}
    raw = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", pad_token="<unk>", eos_token="w2")
    images = Idefics2ImageProcessor(size={"longest_edge": 60, "shortest_edge": 40}, do_image_splitting=True)
    processor = Idefics2Processor(images, tokenizer, image_seq_len=3, chat_template=TEMPLATE)
    ids = {"image_token_id": processor.image_token_id, "pad_token_id": 0}
    narrow = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = Idefics2Config(
        **ids,
        vision_config={**narrow, "image_size": 448, "patch_size": 56},
        perceiver_config={"hidden_size": 16, "resampler_n_latents": 3, "resampler_depth": 1, "resampler_n_heads": 2,
                          "resampler_head_dim": 8, "num_key_value_heads": 1},
        text_config={**narrow, "model_type": "mistral", "vocab_size": len(tokenizer), "num_key_value_heads": 1,
                     "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0},
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Idefics2ForConditionalGeneration(config)
        for weights in model.parameters():
            if weights.dim() > 1:
                torch.nn.init.normal_(weights, std=0.5)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def tiny(checkpoint: Path, **given: Any) -> Viper:
    return Viper(**{"model": str(checkpoint), "adapter": "", "device": "cpu", "context": 2, **given})


def test_scores_are_of_the_two_logits_in_the_context(checkpoint: Path) -> None:
    judge = tiny(checkpoint)
    (verdict,) = judge.compare([ASKED])
    liked_, disliked = examples(REFERENCES, 2)
    context = [(disliked[0], "-"), (liked_[0], "+"), (disliked[1], "-"), (liked_[1], "+")]
    a, b = (by_hand(checkpoint, context, image) for image in (A, B))
    assert (verdict.score_a, verdict.score_b) == pytest.approx((a, b), rel=1e-5)
    assert verdict.winner == ("A" if a > b else "B")


def by_hand(checkpoint: Path, context: Any, image: Any) -> float:
    """The released script's formula, in float64."""
    import torch
    from transformers import AutoProcessor, Idefics2ForConditionalGeneration

    processor = AutoProcessor.from_pretrained(checkpoint, do_image_splitting=False, size=SIZE)
    model = Idefics2ForConditionalGeneration.from_pretrained(checkpoint).eval()
    text, images = prompt(context, image)
    inputs = processor(text=text, images=[shown.decode() for shown in images], return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits[0, -1].double()
    plus, minus = (torch.exp(logits[token]) for token in SIGNS)
    return float(plus / (plus + minus))


def test_the_context_matters_and_its_order_too(checkpoint: Path) -> None:
    judge = tiny(checkpoint)
    turned = question(A, B, *(Reference(r.prompt, r.rejected, r.preferred) for r in REFERENCES), key="1")
    other, own = (judge.compare([c])[0].score_a for c in (turned, ASKED))
    assert own != other
    assert tiny(checkpoint, permutations=3).compare([ASKED])[0].score_a != own


def test_an_image_is_scored_once_in_a_context_and_nothing_is_carried_over(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = tiny(checkpoint)
    calls: list[Image] = []
    real = Viper.score

    def score(self: Viper, context: Any, image: Image) -> float:
        calls.append(image)
        return real(self, context, image)

    monkeypatch.setattr(Viper, "score", score)
    swapped = Comparison("1" * 32, "1" * 32, "another prompt", B, A, REFERENCES)
    first, second = judge.compare([ASKED, swapped])
    assert calls == [A, B]
    assert (first.score_a, first.score_b) == (second.score_b, second.score_a)
    assert tiny(checkpoint).compare([swapped])[0].score_b == first.score_a


def test_bfloat16_gives_nearly_the_same(checkpoint: Path) -> None:
    half, whole = (tiny(checkpoint, dtype=dtype).compare([ASKED])[0].score_a for dtype in ("bfloat16", "float32"))
    assert half == pytest.approx(whole, abs=0.1)
    assert tiny(checkpoint, dtype="bfloat16").identity()["dtype"] == "bfloat16"


def test_without_liked_or_disliked_images_there_is_no_score(checkpoint: Path) -> None:
    judge = tiny(checkpoint)
    for comparison in (question(A, B), question(A, B, Reference("", (MORE[0],)))):
        with pytest.raises(DataError, match="no liked or no disliked image"):
            judge.compare([comparison])


def test_a_tokenizer_with_other_signs_is_refused(tmp_path: Path) -> None:
    save_tiny(tmp_path, {648: "plus"})
    with pytest.raises(ConfigError, match=r"token 648 is 'plus'; expected '\+'"):
        tiny(tmp_path).compare([ASKED])


def test_identity_and_hints(checkpoint: Path) -> None:
    told = tiny(checkpoint).identity()
    assert told["model"].startswith("sha256:")
    assert str(checkpoint) not in str(told)
    assert Hints.of(Viper).reads_references
    for name in ("context", "permutations"):
        with pytest.raises(ConfigError, match=f"parameter {name} is 0"):
            tiny(checkpoint, **{name: 0})
