"""CLIPScore: the published variants, what becomes of long prompts, and images encoded once for all who share a CLIP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CLIPTokenizer

from adapters.aesthetics import Aesthetics
from adapters.clipscore import VARIANTS, ClipScore
from benchmarks.parity import clip_files
from benchmarks.parity.clipscore_torchmetrics import SHORT
from benchmarks.parity.materials import prompts
from harness.choices import ChoiceTable
from harness.errors import ConfigError
from harness.judge import Judge
from harness.log import Run
from harness.prepare import prepare
from harness.protocol import Protocol
from harness.records import Choice, Comparison
from harness.runner import Material, Subject, run
from harness.store import ImageStore
from tests.adapters import tiny
from tests.adapters.asking import answer, noise
from tests.adapters.golden import assert_golden
from tests.harness.making import OnDisk, encoded, pixels

LONG = [" ".join([word] * 300) for word in ("long", "longer", "cat")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tiny.write_hf(tmp_path_factory.mktemp("clipscore") / "clip")


def made(folder: Path, **parameters: Any) -> ClipScore:
    return ClipScore(**{"weights": str(folder), "device": "cpu", "cache": False, **parameters})


def asked(prompt: str, a: int = 1, b: int = 2) -> Comparison:
    return Comparison("0" * 32, "0" * 32, prompt, noise(a), noise(b))


def scores(judge: Judge, prompt: str) -> tuple[float, float]:
    verdict = answer(judge, asked(prompt))
    assert verdict.score_a is not None
    assert verdict.score_b is not None
    return verdict.score_a, verdict.score_b


# --- variants ---------------------------------------------------------------------------------------------------------


def test_variants_are_functions_of_the_cosine(folder: Path) -> None:
    plain, prefixed = (scores(made(folder, variant="cosine"), prompt) for prompt in ("a cat", "A photo depicts a cat"))
    assert -1 <= plain[0] <= 1
    assert plain != prefixed
    assert scores(made(folder, variant="torchmetrics"), "a cat") == pytest.approx([100 * s for s in plain])
    clamped = [2.5 * max(s, 0) for s in plain]
    assert scores(made(folder, variant="tailored-visions"), "a cat") == pytest.approx(clamped)
    assert scores(made(folder), "a cat") == pytest.approx([2.5 * max(s, 0) for s in prefixed])


@pytest.mark.parametrize(("variant", "low", "zero", "high"), [
    ("hessel", 0.0, 0.0, 2.5), ("cosine", -1.0, 0.0, 1.0), ("torchmetrics", -100.0, 0.0, 100.0),
    ("tailored-visions", 0.0, 0.0, 2.5),
])  # fmt: skip
def test_variants_by_hand(folder: Path, variant: str, low: float, zero: float, high: float) -> None:
    judge = made(folder, variant=variant)
    assert [judge.score(cosine) for cosine in (-1.0, 0.0, 1.0)] == [low, zero, high]


def test_clamped_negatives_tie(folder: Path) -> None:
    text = "a cat"
    plain = made(folder, variant="cosine")
    pair = next((a, b) for a in range(40) for b in range(a) if max(_cosines(plain, text, a, b)) < 0)
    assert answer(plain, asked(text, *pair)).winner != "tie"
    assert answer(made(folder, variant="tailored-visions"), asked(text, *pair)).winner == "tie"


def _cosines(judge: Judge, text: str, a: int, b: int) -> tuple[float, float]:
    verdict = answer(judge, asked(text, a, b))
    assert verdict.score_a is not None
    assert verdict.score_b is not None
    return verdict.score_a, verdict.score_b


def test_open_clip_and_transformers_agree_on_one_model(tmp_path: Path) -> None:
    hf = tiny.write_hf(tmp_path / "hf", tiny.OPENAI)
    state = tiny.hf_state(tiny.OPENAI)
    torch.save(as_open_clip(state), tmp_path / "clip.pt")
    one = made(hf, variant="torchmetrics")
    two = made(tmp_path / "clip.pt", variant="torchmetrics", library="open_clip")
    for prompt in ("a cat", "", *LONG):
        assert scores(one, prompt) == pytest.approx(scores(two, prompt), abs=1e-4)


def as_open_clip(state: tiny.State) -> tiny.State:
    """The names of transformers turned into open_clip's."""
    out = {
        "logit_scale": state["logit_scale"],
        "text_projection": state["text_projection.weight"].T,
        "visual.proj": state["visual_projection.weight"].T,
        "token_embedding.weight": state["text_model.embeddings.token_embedding.weight"],
        "positional_embedding": state["text_model.embeddings.position_embedding.weight"],
        "visual.positional_embedding": state["vision_model.embeddings.position_embedding.weight"],
        "visual.class_embedding": state["vision_model.embeddings.class_embedding"],
        "visual.conv1.weight": state["vision_model.embeddings.patch_embedding.weight"],
    }
    for part in ("weight", "bias"):
        out[f"ln_final.{part}"] = state[f"text_model.final_layer_norm.{part}"]
        out[f"visual.ln_pre.{part}"] = state[f"vision_model.pre_layrnorm.{part}"]
        out[f"visual.ln_post.{part}"] = state[f"vision_model.post_layernorm.{part}"]
        for ours, theirs in (("", "text_model"), ("visual.", "vision_model")):
            for layer in range(2):
                block, old = f"{ours}transformer.resblocks.{layer}", f"{theirs}.encoder.layers.{layer}"
                out[f"{block}.attn.in_proj_{part}"] = torch.cat(
                    [state[f"{old}.self_attn.{p}_proj.{part}"] for p in "qkv"]
                )
                out[f"{block}.attn.out_proj.{part}"] = state[f"{old}.self_attn.out_proj.{part}"]
                out[f"{block}.mlp.c_fc.{part}"] = state[f"{old}.mlp.fc1.{part}"]
                out[f"{block}.mlp.c_proj.{part}"] = state[f"{old}.mlp.fc2.{part}"]
                out[f"{block}.ln_1.{part}"] = state[f"{old}.layer_norm1.{part}"]
                out[f"{block}.ln_2.{part}"] = state[f"{old}.layer_norm2.{part}"]
    return out


def test_wrong_words_are_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=f"variant is 'best'; expected one of {', '.join(VARIANTS)}"):
        made(folder, variant="best")
    with pytest.raises(ConfigError, match="library is 'clip'; expected one of transformers, open_clip"):
        made(folder, library="clip")
    with pytest.raises(ConfigError, match="decode is 'quick'; expected one of exact, fast"):
        made(folder, decode="quick")


def test_scores_are_those_of_torchmetrics_for_prompts_that_fit(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    judge = made(tiny.write_hf(tmp_path / "clip", clip_files.SMALL_L), variant="torchmetrics")
    short = [text for text in prompts() if len(text.split()) <= SHORT]
    assert_golden("clipscore_torchmetrics", judge, tmp_path_factory, 1e-4, short)


# --- long prompts -----------------------------------------------------------------------------------------------------


def test_long_prompts_keep_their_end_and_differ(folder: Path) -> None:
    assert len({scores(made(folder), prompt) for prompt in LONG}) == len(LONG)


@pytest.mark.parametrize("end", [2, tiny.VOCABULARY - 1], ids=["older config", "newer config"])
def test_slicing_token_ids_as_torchmetrics_does_makes_all_long_prompts_alike(folder: Path, end: int) -> None:
    tokens = CLIPTokenizer.from_pretrained(folder)(LONG, padding=True, return_tensors="pt")
    ids, mask = tokens.input_ids[:, :77], tokens.attention_mask[:, :77]
    model = tiny.official_hf(folder)
    model.text_model.eos_token_id = end
    with torch.no_grad():
        cut = model.get_text_features(ids, mask).pooler_output
        whole = model.get_text_features(**_kept(folder)).pooler_output
    torch.testing.assert_close(cut, cut[:1].expand_as(cut))
    assert (whole[0] - whole[1]).abs().max() > 1e-4


def _kept(folder: Path) -> dict[str, torch.Tensor]:
    tokenize = CLIPTokenizer.from_pretrained(folder)
    return dict(tokenize(LONG, padding=True, truncation=True, max_length=77, return_tensors="pt"))


# --- sharing ----------------------------------------------------------------------------------------------------------

USERS, SETS, WIDTH = 2, 3, 4


@pytest.fixture
def dataset(tmp_path: Path) -> OnDisk:
    """2 users who ranked the same 3 sets of 4 images, each image standing in many pairs."""
    names = [[f"s{s}-{i}" for i in range(WIDTH)] for s in range(SETS)]
    choices = [
        Choice(f"u{u}", f"c{s}", f"prompt {s}", tuple(names[s]), tuple(range(1, WIDTH + 1)), set=f"s{s}", time=float(s))
        for u in range(USERS)
        for s in range(SETS)
    ]
    files = {name: encoded(pixels(name, (40, 30)), "PNG") for some in names for name in some}
    return OnDisk(choices, files=files, folder=tmp_path / "images").write()


def ran(judge: Judge, dataset: OnDisk, out: Path, name: str) -> tuple[Run, ImageStore]:
    settings = Protocol(pairs="all", orders="both", k=1)
    table = ChoiceTable.build(dataset.name, dataset.choices())
    plan, store = prepare(dataset, settings, table, ImageStore(dataset, table.images))
    material = Material(plan, store, {"spec": dataset.name}, {"references": settings.references})
    return run(Subject(judge, name, name), material, out, batch=5), store


def test_each_image_is_decoded_and_encoded_once_for_all_pairs_orders_and_judges(
    tmp_path: Path, folder: Path, dataset: OnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIGEVAL_CACHE", str(tmp_path / "cache"))
    first = made(folder, cache=True)
    done, store = ran(first, dataset, tmp_path / "out", "clipscore")
    comparisons = done.info["comparisons"]
    asked_for = {key for choice in dataset.records for key in choice.images}
    assert comparisons == USERS * SETS * (WIDTH * (WIDTH - 1) // 2) * 2
    assert first.backbone.encoded == store.decoded == len(asked_for) == SETS * WIDTH

    # Another variant, and a judge of another kind on the same backbone: nothing is decoded or encoded again.
    head = tiny.write_head(tmp_path / "head.pth")
    second = made(folder, cache=True, variant="cosine")
    third = Aesthetics(weights=str(head), backbone=str(folder), device="cpu")
    judges: list[tuple[ClipScore | Aesthetics, str]] = [(second, "cosine"), (third, "aesthetics")]
    for judge, name in judges:
        again, store = ran(judge, dataset, tmp_path / "out", name)
        assert again.info["status"]["ok"] == comparisons
        assert (judge.backbone.encoded, store.decoded) == (0, 0)


def test_the_same_scores_with_and_without_the_cache(
    tmp_path: Path, folder: Path, dataset: OnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIGEVAL_CACHE", str(tmp_path / "cache"))
    tables = []
    for turn, cache in enumerate((True, True, False)):
        done, _ = ran(made(folder, cache=cache), dataset, tmp_path / f"out{turn}", "clipscore")
        tables.append([[row[key] for key in ("id", "winner", "score_a", "score_b")] for row in done.table.to_pylist()])
    assert tables[0] == tables[1] == tables[2]


def test_weights_device_batch_and_cache_are_no_part_of_the_identity() -> None:
    assert set(ClipScore.incidental) >= {"weights", "device", "batch", "cache"}
    assert not {"variant", "decode", "dtype"} & set(ClipScore.incidental)
