"""MPS against an independent, slow implementation: loops over samples, heads and tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from transformers import CLIPImageProcessorPil, CLIPTokenizer

from adapters.mps.conditions import CONDITIONS
from adapters.mps.cross import Sizes
from adapters.mps.judge import MPS, Recent
from adapters.mps.network import kept_tokens
from harness.errors import ConfigError, ImageError
from harness.pictures import BytesPicture
from harness.records import Image
from tests.adapters import tiny
from tests.adapters.asking import answer, noise, plain, question, swapped

Array = NDArray[np.float64]
State = dict[str, torch.Tensor]

HEADS, HEAD, INNER, LAYERS = 3, 8, 40, 2
WIDTH = tiny.HF["embed_dim"]
PROMPTS = ("a red cat on a mat", "", "ocean " * 100, "neon", "a red cat on a mat")
IMAGES = tuple(noise(seed) for seed in (0, 1, 2, 3, 0))


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def cross_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(LAYERS):
        cross, own = f"layers.{layer}.0.fn.", f"layers.{layer}.1.fn."
        for block in (cross, own):
            shapes |= {f"{block}norm.weight": (WIDTH,), f"{block}norm.bias": (WIDTH,)}
        shapes |= {
            f"{cross}to_q.weight": (HEADS * HEAD, WIDTH), f"{cross}to_kv.weight": (2 * HEAD, WIDTH),
            f"{cross}to_out.weight": (WIDTH, HEADS * HEAD), f"{cross}ff.0.weight": (2 * INNER, WIDTH),
            f"{cross}ff.2.weight": (WIDTH, INNER), f"{own}rotary_emb.inv_freq": (HEAD // 2,),
            f"{own}fused_attn_ff_proj.weight": (HEADS * HEAD + 2 * HEAD + 2 * INNER, WIDTH),
            f"{own}attn_out.weight": (WIDTH, HEADS * HEAD), f"{own}ff_out.1.weight": (WIDTH, INNER),
        }  # fmt: skip
    return shapes


def checkpoint() -> State:
    """A reduced MPS of drawn weights, in the official key layout."""
    state = {f"model.{key}": tensor for key, tensor in tiny.hf_state().items()}
    # Large text embeddings make tokens that differ enough for a threshold to part them.
    state["model.text_model.embeddings.token_embedding.weight"] *= 20
    state |= {f"cross_model.{key}": tensor for key, tensor in tiny.tensors(cross_shapes(), 0.3).items()}
    for key in state:
        if key.endswith("inv_freq"):
            state[key] = torch.tensor([10000 ** (-2 * i / HEAD) for i in range(HEAD // 2)])
    return state


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`clip/` as the processor, `model.safetensors` as the weights."""
    folder = tmp_path_factory.mktemp("mps")
    tiny.write_hf(folder / "clip")
    save_file(checkpoint(), folder / "model.safetensors")
    return folder


def made(folder: Path, **given: Any) -> MPS:
    return MPS(**{"weights": str(folder), "processor": str(folder / "clip"), "device": "cpu", **given})


# The independent implementation, in float64.


def norm(x: Array, state: State, key: str) -> Array:
    rows = [(row - row.mean()) / np.sqrt(row.var() + 1e-5) for row in x]
    return np.asarray(np.stack(rows) * state[f"{key}.weight"].double().numpy() + state[f"{key}.bias"].double().numpy())


def linear(x: Array, state: State, key: str) -> Array:
    return np.asarray(x @ state[f"{key}.weight"].double().numpy().T)


def gated(x: Array) -> Array:
    half = x.shape[-1] // 2
    return np.asarray(x[:, :half] * (x[:, half:] / (1 + np.exp(-x[:, half:]))))


def turned(x: Array, frequencies: Array) -> Array:
    out = x.copy()
    half = x.shape[-1] // 2
    for position, row in enumerate(x):
        for i, frequency in enumerate(frequencies):
            c, s = np.cos(position * frequency), np.sin(position * frequency)
            out[position, i] = row[i] * c - row[half + i] * s
            out[position, half + i] = row[half + i] * c + row[i] * s
    return out


def attention(query: Array, key: Array, value: Array, kept: list[int]) -> Array:
    heads = []
    for h in range(HEADS):
        rows = []
        for q in query[:, h * HEAD : (h + 1) * HEAD]:
            weights = np.exp([q @ key[t] / np.sqrt(HEAD) for t in kept])
            rows.append(sum(w * value[t] for w, t in zip(weights / weights.sum(), kept, strict=True)))
        heads.append(np.stack(rows))
    return np.concatenate(heads, axis=1)


def crossed(image: Array, text: Array, kept: list[int], state: State) -> Array:
    for layer in range(LAYERS):
        a, b = f"cross_model.layers.{layer}.0.fn", f"cross_model.layers.{layer}.1.fn"
        x, kv = norm(image, state, f"{a}.norm"), linear(text, state, f"{a}.to_kv")
        seen = attention(linear(x, state, f"{a}.to_q"), kv[:, :HEAD], kv[:, HEAD:], kept)
        feed = linear(gated(linear(x, state, f"{a}.ff.0")), state, f"{a}.ff.2")
        image = image + linear(seen, state, f"{a}.to_out") + feed
        fused = linear(norm(image, state, f"{b}.norm"), state, f"{b}.fused_attn_ff_proj")
        cuts = np.cumsum([HEADS * HEAD, HEAD, HEAD])
        query, key, value, feed = np.split(fused, cuts, axis=1)
        frequencies = state[f"{b}.rotary_emb.inv_freq"].double().numpy()
        query = np.concatenate([turned(part, frequencies) for part in np.split(query, HEADS, axis=1)], axis=1)
        seen = attention(query, turned(key, frequencies), value, list(range(len(image))))
        image = image + linear(seen, state, f"{b}.attn_out") + linear(gated(feed), state, f"{b}.ff_out.1")
    return image


class Slow:
    """MPS of one caption and one image at a time."""

    def __init__(self, folder: Path, threshold: float) -> None:
        self.state, self.threshold = checkpoint(), threshold
        self.clip = tiny.official_hf(folder / "clip").double()
        clip = {key[6:]: tensor for key, tensor in self.state.items() if key.startswith("model.")}
        self.clip.load_state_dict(clip)
        self.tokenizer = CLIPTokenizer.from_pretrained(folder / "clip")
        self.processor = CLIPImageProcessorPil.from_pretrained(folder / "clip")
        self.kept: list[int] = []

    @torch.no_grad()
    def text(self, text: str) -> tuple[Array, Array]:
        ids = self.tokenizer(text, max_length=77, padding="max_length", truncation=True, return_tensors="pt").input_ids
        hidden = self.clip.text_model(input_ids=ids).last_hidden_state[0]
        tokens = self.clip.text_projection(hidden).numpy()
        return tokens, tokens[int(ids[0].argmax())]

    @torch.no_grad()
    def image(self, image: Image) -> Array:
        pixels = self.processor(image.decode(), return_tensors="pt").pixel_values.double()
        hidden = self.clip.vision_model(pixels, output_hidden_states=True).hidden_states[-1][0]
        return np.asarray(self.clip.visual_projection(hidden).numpy())

    def score(self, prompt: str, image: Image) -> float:
        text, pooled = self.text(prompt)
        condition, _ = self.text(CONDITIONS["overall"])
        relevance = [max(float(token @ other) for other in condition) for token in text]
        self.kept = [i for i, value in enumerate(relevance) if value / max(relevance) > self.threshold]
        seen = crossed(self.image(image), text, self.kept, self.state)[0]
        cosine = pooled @ seen / np.linalg.norm(pooled) / np.linalg.norm(seen)
        return float(np.exp(self.state["model.logit_scale"].item()) * cosine)


@pytest.mark.parametrize("threshold", [0.3, 0.01, 0.8])
def test_self_check_against_loops_over_samples_and_tokens(folder: Path, threshold: float) -> None:
    slow = Slow(folder, threshold)
    expected, kept = [], []
    for prompt, image in zip(PROMPTS, IMAGES, strict=True):
        expected.append(slow.score(prompt, image))
        kept.append(len(slow.kept))
    got = made(folder, threshold=threshold).score(PROMPTS, IMAGES)
    assert got == pytest.approx(expected, abs=2e-4)
    assert len(set(np.round(expected[:4], 3))) == 4
    if threshold == 0.8:
        assert min(kept) < 77


def test_scores_do_not_depend_on_the_batch(folder: Path) -> None:
    single, whole = made(folder, batch=1, threshold=0.8), made(folder, batch=32, threshold=0.8)
    alone = [single.score([prompt], [image])[0] for prompt, image in zip(PROMPTS, IMAGES, strict=True)]
    for scores in (whole.score(PROMPTS, IMAGES), made(folder, batch=2, threshold=0.8).score(PROMPTS, IMAGES)):
        assert np.all(np.abs(scores - alone) <= 1e-5 * np.maximum(1, np.abs(alone)))
    assert alone[0] == alone[4], "the same caption and content"


def test_the_largest_relevance_is_that_of_the_same_text() -> None:
    condition = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    loud = torch.tensor([[100.0, 0.0], [0.0, 40.0], [20.0, 25.0]])
    quiet = torch.tensor([[1.0, 0.0], [0.2, 0.1], [0.0, 0.31]])
    expected = [[True, True, False], [True, False, True]]
    assert kept_tokens(torch.stack([loud, quiet]), condition, 0.3).tolist() == expected
    assert kept_tokens(quiet[None], condition, 0.3).tolist() == expected[1:]
    assert kept_tokens(quiet[None], condition, 0.01).tolist() == [[True, True, True]]


def test_a_threshold_decides_which_tokens_are_looked_at(folder: Path) -> None:
    table, readme = (made(folder, threshold=t).score(PROMPTS, IMAGES) for t in (0.8, 0.01))
    assert np.abs(table - readme).max() > 1e-3


def test_conditions_are_the_words_of_the_readme_and_groups_of_them(folder: Path) -> None:
    words = [word.strip(" .") for word in CONDITIONS["overall"].split(",")]
    assert len(words) == 22
    assert CONDITIONS["overall"].endswith("things.")
    groups = [CONDITIONS[name].split(", ") for name in ("aesthetics", "detail", "alignment")]
    assert [word for group in groups for word in group] == words[:20]
    aesthetic = made(folder, condition="aesthetics", threshold=0.8)
    assert aesthetic.identity()["condition"] == CONDITIONS["aesthetics"]
    with pytest.raises(ConfigError, match="condition is 'beauty'; expected one of overall"):
        made(folder, condition="beauty")


def test_probability_is_the_softmax_of_the_scores(folder: Path) -> None:
    judge, asked = made(folder), question(IMAGES[0], IMAGES[1])
    verdict, other = answer(judge, asked), answer(judge, swapped(asked))
    assert verdict.score_a is not None
    assert verdict.score_b is not None
    assert verdict.p_a == pytest.approx(np.exp(verdict.score_a) / (np.exp(verdict.score_a) + np.exp(verdict.score_b)))
    assert verdict.p_a is not None
    assert other.p_a == pytest.approx(1 - verdict.p_a)
    assert verdict.winner == ("A" if verdict.p_a > 0.5 else "B")
    tie = answer(judge, question(IMAGES[0], noise(0)))
    assert (tie.winner, tie.p_a) == ("tie", 0.5)


def test_an_image_is_encoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = made(folder, batch=2)
    encode, seen = judge._network.image_tokens, []

    def counted(pixels: torch.Tensor) -> torch.Tensor:
        seen.append(len(pixels))
        return encode(pixels)

    monkeypatch.setattr(judge._network, "image_tokens", counted)
    judge.score(["a", "b", "c", "d"], [IMAGES[0], IMAGES[1], IMAGES[0], IMAGES[1]])
    assert sum(seen) == 2


def test_only_the_last_values_are_kept() -> None:
    recent: Recent[str] = Recent(2)
    made_from: list[str] = []

    def make(sources: Any) -> list[str]:
        made_from.extend(sources)
        return [source.upper() for source in sources]

    assert recent.through({"1": "a", "2": "b", "3": "c"}, make) == {"1": "A", "2": "B", "3": "C"}
    assert recent.through({"2": "b"}, make) == {"2": "B"}
    recent.through({"4": "d"}, make)
    recent.through({"2": "b", "3": "c"}, make)
    assert made_from == ["a", "b", "c", "d", "c"]


def test_a_broken_image_is_an_image_error_and_a_flat_one_has_a_score(folder: Path) -> None:
    judge = made(folder)
    assert np.isfinite(judge.score(["x"], [plain((255, 255, 255), (3, 500))])).all()
    with pytest.raises(ImageError):
        judge.score(["x"], [Image(BytesPicture(b"no image"))])


def test_the_re_upload_s_prefix_old_buffers_and_a_torch_file_are_read(folder: Path, tmp_path: Path) -> None:
    expected = made(folder).score(PROMPTS[:1], IMAGES[:1])
    old = {f"model.{side}_model.embeddings.position_ids": torch.arange(77)[None] for side in ("text", "vision")}
    save_file({f"mps.{key}": tensor for key, tensor in (checkpoint() | old).items()}, tmp_path / "model.safetensors")
    torch.save({"state_dict": checkpoint()}, tmp_path / "overall.pth")
    for weights in (tmp_path / "model.safetensors", tmp_path / "overall.pth"):
        assert made(folder, weights=str(weights)).score(PROMPTS[:1], IMAGES[:1]) == expected


def test_half_precision_is_near(folder: Path) -> None:
    expected = made(folder).score(PROMPTS[:2], IMAGES[:2])
    assert made(folder, dtype="bfloat16").score(PROMPTS[:2], IMAGES[:2]) == pytest.approx(expected, abs=1.0)


def test_identity_names_what_can_change_a_score(folder: Path, tmp_path: Path) -> None:
    identity = made(folder).identity()
    assert made(folder, batch=1).identity() == identity
    changed = checkpoint()
    changed["model.logit_scale"] = torch.tensor(1.0)
    save_file(changed, tmp_path / "model.safetensors")
    assert made(folder, weights=str(tmp_path)).identity()["weights"] != identity["weights"]


def test_sizes_are_read_off_the_checkpoint() -> None:
    state = {key[12:]: tensor for key, tensor in checkpoint().items() if key.startswith("cross_model.")}
    assert Sizes.of(state) == Sizes(WIDTH, HEADS, HEAD, INNER, LAYERS)


def without(key: str) -> State:
    return {name: tensor for name, tensor in checkpoint().items() if name != key}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (without("cross_model.layers.1.0.fn.to_q.weight"), r"1 keys missing \(cross_model.layers.1.0.fn.to_q.weight\)"),
        (without("cross_model.layers.0.0.fn.to_q.weight"), "no tensor cross_model.layers.0.0.fn.to_q.weight"),
        (without("model.logit_scale"), "missing .model.logit_scale"),
        (checkpoint() | {"model.extra": torch.zeros(1)}, "left over .model.extra"),
        (checkpoint() | {"model.text_projection.weight": torch.zeros(2, 2)}, r"has shape \(2, 2\); expected"),
        (tiny.hf_state(), "expected a checkpoint of MPS"),
    ],
)
def test_a_wrong_checkpoint_is_named(folder: Path, tmp_path: Path, state: State, message: str) -> None:
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(ConfigError, match=message):
        made(folder, weights=str(tmp_path))


class Module(torch.nn.Module):
    """What a pickled module looks like to a reader of plain tensors."""


def test_a_whole_module_pickle_is_refused_with_the_way_out(folder: Path, tmp_path: Path) -> None:
    torch.save(Module(), tmp_path / "MPS_overall_checkpoint.pth")
    with pytest.raises(ConfigError, match=r"plain tensors.*adapters\.mps\.convert"):
        made(folder, weights=str(tmp_path / "MPS_overall_checkpoint.pth"))


def test_missing_files_and_no_network(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected model\.safetensors or MPS_overall_checkpoint\.safetensors"):
        made(folder, weights=str(tmp_path))
    with pytest.raises(ConfigError, match="cannot be had from the hub"):
        MPS(processor=str(folder / "clip"))
    with pytest.raises(ConfigError, match="no such file or folder"):
        made(folder, processor="/nowhere/clip")
    with pytest.raises(ConfigError, match=r"preprocessor_config\.json"):
        made(folder, processor=str(tmp_path))
    with pytest.raises(ConfigError, match=r"threshold is 1\.5; expected a number from 0"):
        made(folder, threshold=1.5)
