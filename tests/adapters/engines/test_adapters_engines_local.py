"""The local engine answers as the library does, whatever is asked beside, and a failure costs its own request."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig

from adapters.engines.local import LocalEngine, LocalOptions, shared_engine
from adapters.engines.pictures import prepared
from harness.errors import ConfigError
from harness.generation import Decoding, Message, Reply, Request
from harness.records import Status
from tests.adapters.engines import tiny
from tests.adapters.engines.asked import BROKEN, IMAGES, mixed, noise, request

Builder = Callable[..., Path]

BUILDERS = {
    "qwen2-vl": tiny.tiny_qwen2_vl,
    "qwen2.5-vl": tiny.tiny_qwen2_5_vl,
    "qwen3-vl": tiny.tiny_qwen3_vl,
    "llava-onevision": tiny.tiny_llava_onevision,
}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The folder of a tiny model that ends its answers at an `a` or `e`."""
    root = tmp_path_factory.mktemp("models")
    return lambda name: str(BUILDERS[name](root / name, ends="ae"))


@pytest.fixture(scope="session")
def engine(made: Callable[[str], str]) -> LocalEngine:
    return LocalEngine(LocalOptions(model=made("qwen2-vl")))


def texts(replies: list[Reply]) -> list[tuple[Status, str, int | None, int | None]]:
    return [(reply.status, reply.text, reply.tokens_in, reply.tokens_out) for reply in replies]


def tower(engine: LocalEngine) -> Any:
    model = engine._writer._model.model
    return model.visual if hasattr(model, "visual") else model.vision_tower


def count_images(engine: LocalEngine) -> list[int]:
    """Grows by the number of images whenever the vision tower runs."""
    seen: list[int] = []

    def hook(module: Any, arguments: Any, named: dict[str, Any], output: Any) -> None:
        grid = named.get("grid_thw")
        seen.append(len(arguments[0]) if grid is None else len(grid))

    tower(engine).register_forward_hook(hook, with_kwargs=True)
    return seen


def plain_reply(engine: LocalEngine, asked: Request) -> str:
    """What the library writes for one request: its processor, its loop, nothing of ours."""
    processor = AutoProcessor.from_pretrained(engine.options.model)
    model = AutoModelForImageTextToText.from_pretrained(engine.options.model)
    model.generation_config = GenerationConfig()
    content = [
        {"type": "text", "text": p} if isinstance(p, str) else {"type": "image"} for p in asked.messages[0].parts
    ]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    pictures = [prepared(image, engine.options.policy) for image in asked.images]
    size = {"shortest_edge": 56 * 56, "longest_edge": 512 * 512}
    shown = {"images": [pictures], "images_kwargs": {"size": size}} if pictures else {}
    inputs = processor(text=[text], return_tensors="pt", **shown)
    ends = [processor.tokenizer.convert_tokens_to_ids(token) for token in ("<|im_end|>", "a", "e")]
    limits = {"max_new_tokens": asked.decoding.max_tokens, "repetition_penalty": asked.decoding.repetition_penalty}
    output = model.generate(**inputs, do_sample=False, eos_token_id=ends, pad_token_id=0, **limits)
    return str(processor.tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_a_batch_answers_as_one_by_one_and_with_features_computed_once(
    made: Callable[[str], str], name: str, penalty: float
) -> None:
    asked = mixed(repetition_penalty=penalty)
    together = LocalEngine(LocalOptions(model=made(name), batch=5)).generate(asked)
    alone = LocalEngine(LocalOptions(model=made(name), batch=1, reuse=False)).generate(asked)
    assert texts(together) == texts(alone)
    assert len({reply.text for reply in together}) > 2


@pytest.mark.parametrize("name", ["qwen2-vl", "qwen2.5-vl", "qwen3-vl"])
@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_the_text_is_the_librarys(made: Callable[[str], str], name: str, penalty: float) -> None:
    engine = LocalEngine(LocalOptions(model=made(name)))
    asked = mixed(repetition_penalty=penalty)
    expected = [plain_reply(engine, one) for one in asked]
    assert [reply.text for reply in engine.generate(asked)] == [text.rstrip("ae") for text in expected]


def test_an_answer_without_end_is_truncated_and_keeps_its_text(engine: LocalEngine) -> None:
    whole = next(reply for reply in engine.generate(mixed(max_tokens=60)) if reply.status is Status.OK and reply.text)
    index = [reply.text for reply in engine.generate(mixed(max_tokens=60))].index(whole.text)
    assert whole.tokens_out == len(whole.text) + 1
    cut = engine.generate(mixed(max_tokens=len(whole.text)))[index]
    assert (cut.status, cut.text, cut.tokens_out) == (Status.TRUNCATED, whole.text, len(whole.text))
    assert engine.generate(mixed(max_tokens=len(whole.text) + 1))[index] == whole


@pytest.mark.parametrize("name", ["qwen2-vl", "qwen2.5-vl", "qwen3-vl"])
def test_the_vision_tower_runs_once_for_each_distinct_image(made: Callable[[str], str], name: str) -> None:
    engine = LocalEngine(LocalOptions(model=made(name), batch=2))
    seen = count_images(engine)
    first = engine.generate(mixed())
    assert sum(seen) == len(IMAGES)
    assert texts(engine.generate(mixed())) == texts(first)
    assert sum(seen) == len(IMAGES)


@pytest.mark.parametrize("options", [{"name": "qwen2-vl", "reuse": False}, {"name": "llava-onevision"}])
def test_without_reuse_or_for_other_architectures_each_shown_image_is_seen(
    made: Callable[[str], str], options: dict[str, Any]
) -> None:
    engine = LocalEngine(LocalOptions(model=made(options.pop("name")), **options))
    seen = count_images(engine)
    engine.generate([request(IMAGES[0], IMAGES[1]), request(IMAGES[0], IMAGES[2])])
    assert sum(seen) == 4


def test_forgotten_images_are_seen_again(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.engines.vision.LIMIT", 1)
    seen = count_images(engine)
    a, b = noise(100), noise(101)
    replies = [engine.generate([request(image)])[0].text for image in (a, a, b, a)]
    assert sum(seen) == 3
    assert replies[0] == replies[1] == replies[3] != replies[2]


def test_a_broken_image_costs_its_own_request(engine: LocalEngine) -> None:
    good = mixed()
    asked = [*good[:2], request("look", BROKEN, IMAGES[0]), *good[2:]]
    replies = engine.generate(asked)
    assert replies[2].status is Status.IMAGE_ERROR
    assert "broken.png" in replies[2].text
    assert texts(replies[:2] + replies[3:]) == texts(engine.generate(good))


def test_a_request_that_cannot_be_asked_is_a_judge_error(engine: LocalEngine) -> None:
    narrow = noise(7, 4, 900)
    replies = engine.generate([request("w" * 9000), request("fine"), request(narrow)])
    assert [reply.status for reply in replies] == [Status.JUDGE_ERROR, Status.TRUNCATED, Status.JUDGE_ERROR]
    assert "8192" in replies[0].text
    assert "aspect ratio" in replies[2].text


class Cramped:
    """Stands in for a model's `generate`: out of memory with more than `room` rows."""

    def __init__(self, engine: LocalEngine, room: int) -> None:
        self.generate = engine._writer._model.generate
        self.room = room
        self.rows: list[int] = []

    def __call__(self, **inputs: Any) -> Any:
        self.rows.append(len(inputs["input_ids"]))
        if self.rows[-1] > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.generate(**inputs)


@pytest.fixture
def cramped(made: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Callable[[int], LocalEngine]:
    def make(room: int) -> LocalEngine:
        engine = LocalEngine(LocalOptions(model=made("qwen2-vl"), batch=4))
        monkeypatch.setattr(engine._writer._model, "generate", Cramped(engine, room))
        return engine

    return make


def test_out_of_memory_halves_the_batch_for_good_and_says_so_once(
    cramped: Callable[[int], LocalEngine], engine: LocalEngine, caplog: pytest.LogCaptureFixture
) -> None:
    # First, since both have one model, whose memory is about to become short.
    expected = texts(engine.generate(mixed()))
    small = cramped(1)
    assert texts(small.generate(mixed())) == expected
    small.generate(mixed())
    assert small._writer._model.generate.rows == [4, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1]
    assert [record.message for record in caplog.records] == [
        "out of memory with 4 requests together: going on with fewer (batch=2 avoids the attempt)"
    ]


def test_out_of_memory_for_one_request_is_its_status(cramped: Callable[[int], LocalEngine]) -> None:
    replies = cramped(0).generate(mixed()[:3])
    assert {reply.status for reply in replies} == {Status.OUT_OF_MEMORY}
    assert "max_pixels" in replies[0].text


def test_sampling_is_a_function_of_request_and_seed(made: Callable[[str], str], engine: LocalEngine) -> None:
    asked = mixed(temperature=1.5, top_p=0.9)
    state = torch.random.get_rng_state()
    replies = engine.generate(asked)
    assert torch.equal(state, torch.random.get_rng_state())
    other = LocalEngine(LocalOptions(model=made("qwen2-vl"), batch=1))
    assert texts(other.generate(asked[::-1])) == texts(replies[::-1])
    reseeded = engine.generate(mixed(temperature=1.5, top_p=0.9, seed=1))
    assert all(a.text != b.text for a, b in zip(replies, reseeded, strict=True))
    assert [reply.text for reply in replies] != [reply.text for reply in engine.generate(mixed())]


def test_an_assistant_turn_at_the_end_is_gone_on_from(engine: LocalEngine) -> None:
    asked = mixed()[0]
    whole = engine.generate([asked])[0]
    begun = replace(asked, messages=(*asked.messages, Message("assistant", (whole.text[:3],))))
    assert engine.generate([begun])[0].text == whole.text[3:]


def test_padding_adds_no_token_a_prompt_has_not(engine: LocalEngine) -> None:
    inputs = engine._writer._inputs(mixed())
    assert not inputs["attention_mask"].all()
    for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"].bool(), strict=True):
        assert mask[-1]
        assert set(ids.tolist()) == set(ids[mask].tolist())


@pytest.mark.parametrize("name", ["qwen2-vl", "llava-onevision"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_lower_precision_answers_as_well(made: Callable[[str], str], name: str, dtype: str) -> None:
    engine = LocalEngine(LocalOptions(model=made(name), dtype=dtype))
    assert engine.identity()["dtype"] == dtype
    assert {reply.status for reply in engine.generate(mixed())} <= {Status.OK, Status.TRUNCATED}


def test_a_lower_pixel_budget_takes_fewer_tokens(made: Callable[[str], str]) -> None:
    asked = [request(noise(5, 200, 200))]
    budgets = (28 * 28 * 4, 28 * 28 * 16, None)
    read = [
        LocalEngine(LocalOptions(model=made("qwen2-vl"), max_pixels=b)).generate(asked)[0].tokens_in for b in budgets
    ]
    fixed = read[0] - 4 if read[0] else 0
    # Without a budget the checkpoint's own: 112 × 112 pixels.
    assert [tokens - fixed for tokens in read if tokens] == [4, 16, 16]


def test_stream_takes_no_more_than_a_batch_ahead(made: Callable[[str], str]) -> None:
    engine = LocalEngine(LocalOptions(model=made("qwen2-vl"), batch=2))
    taken: list[int] = []

    def source() -> Iterator[Request]:
        for index, one in enumerate(mixed()):
            taken.append(index)
            yield one

    stream = engine.stream(source())
    assert next(stream)[0] == 0
    assert taken == [0, 1]
    rest = dict(stream)
    assert sorted(rest) == [1, 2, 3, 4]
    assert rest[4] == engine.generate([mixed()[4]])[0]


def test_nothing_asked_nothing_answered(engine: LocalEngine) -> None:
    assert engine.generate([]) == []
    assert list(engine.stream([])) == []


def test_equal_options_share_one_engine(made: Callable[[str], str]) -> None:
    options = LocalOptions(model=made("qwen2-vl"))
    one, other = shared_engine(options), shared_engine(LocalOptions(model=made("qwen2-vl")))
    assert one is other
    assert shared_engine(replace(options, batch=2)) is not one
    held = weakref.ref(one)
    del one, other
    gc.collect()
    assert held() is None


def test_identity_names_content_and_no_path(made: Callable[[str], str], tmp_path: Path) -> None:
    folder = made("qwen2-vl")
    told = LocalEngine(LocalOptions(model=folder, image_format="jpeg", jpeg_quality=90)).identity()
    assert str(Path(folder).parent) not in repr(told)
    assert told["device"] == "cpu"
    assert told["dtype"] == "float32"
    assert told["images"] == {"format": "jpeg", "quality": 90, "max_pixels": 512 * 512}
    assert told["model"].startswith("sha256:")
    plain = LocalEngine(LocalOptions(model=folder, batch=1, reuse=False)).identity()
    assert plain == {**told, "images": {"format": "png", "max_pixels": 512 * 512}}
    other = tiny.tiny_qwen2_vl(tmp_path / "other", seed=1, ends="ae")
    assert LocalEngine(LocalOptions(model=str(other))).identity()["model"] != told["model"]
    (other / "README.md").write_text("a card changes no reply", encoding="utf-8")
    same = tiny.tiny_qwen2_vl(tmp_path / "same", seed=1, ends="ae")
    engines = [LocalEngine(LocalOptions(model=str(path))) for path in (other, same)]
    assert engines[0].identity() == engines[1].identity()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"model": ""}, "owner/name"),
        ({"device": "tpu"}, "cuda"),
        ({"dtype": "int8"}, "bfloat16"),
        ({"quantization": "8bit"}, "4bit"),
        ({"batch": 0}, "at least 1|from 1"),
        ({"max_pixels": 0}, "max_pixels"),
        ({"image_format": "webp"}, "jpeg"),
        ({"reuse": "yes"}, "true or false"),
        ({"adapter": 3}, "text"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_loaded(options: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        LocalOptions(**{"model": "owner/name", **options})


def test_naming_an_engine_imports_nothing_heavy() -> None:
    code = "import adapters.engines.local, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "peft", "huggingface_hub"} & set(done.stdout.split())


def test_greedy_is_the_default() -> None:
    assert Decoding().temperature == 0
