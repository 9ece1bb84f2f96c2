"""A dry run says what judges behind a server would take, and asks nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pigeval.cli import main
from pigeval.foresight import BLOCK, BLOCKS, sample_of
from tests.harness.making import pairs_of, plan_of, write_ratings

NOWHERE = "base_url=http://127.0.0.1:9/v1,model=qwen2-vl"
"""Where nothing listens: a question would be an error."""

Estimates = Callable[..., dict[str, Any]]


@pytest.fixture
def estimates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Estimates:
    """What a dry run estimates for judges; the images are gone, so that nothing can have been read."""
    folder = write_ratings(tmp_path / "small", users=2, prompts=4)
    for image in (folder / "images").iterdir():
        image.unlink()

    def told(*judges: str, options: tuple[str, ...] = ()) -> dict[str, Any]:
        named = [word for judge in judges for word in ("--judge", judge)]
        dataset = ["--dataset", f"ratings:path={folder}", "--out", str(tmp_path / "out"), "--k", "2"]
        assert main(["run", *named, *dataset, "--dry-run", "--json", *options]) == 0
        (shown,) = json.loads(capsys.readouterr().out)["would run"]
        assert not (tmp_path / "out").exists()
        return {"comparisons": shown["comparisons"], **shown["estimates"]}

    return told


def test_requests_tokens_cost_and_time_of_each_judge(estimates: Estimates) -> None:
    dear, free = f"lvlm:{NOWHERE},max_tokens=100,price_in=2,price_out=10", f"lvlm:{NOWHERE},protocol=none"
    told = estimates(dear, free, "taste")
    assert set(told) == {"comparisons", dear, free}
    n = told["comparisons"]
    assert (told[dear]["requests"], told[dear]["tokens_out"]) == (n, 100 * n)
    # Two images, and four of the references: 512 × 512 pixels are 361 tokens of Qwen2-VL each.
    assert told[dear]["tokens_in"] > 6 * 361 * n > 3 * 361 * n > told[free]["tokens_in"] > 2 * 361 * n
    assert told[dear]["cost"] == pytest.approx((2 * told[dear]["tokens_in"] + 10 * told[dear]["tokens_out"]) / 1e6)
    assert told[free]["cost"] is None
    assert told[dear]["seconds"] > 0


def test_what_is_written_about_users_first_is_counted_once(estimates: Estimates) -> None:
    profile = f"lvlm:{NOWHERE},protocol=profile,max_tokens=10,profile_tokens=1000"
    told = estimates(profile, options=("--protocol", "fixed"))
    users = 2
    assert told[profile]["requests"] == told["comparisons"] + users
    assert told[profile]["tokens_out"] == 10 * told["comparisons"] + 1000 * users
    # The profile is read with each question.
    assert told[profile]["tokens_in"] > 1000 * told["comparisons"]


def test_rationales_are_counted_once_for_each_past_choice(estimates: Estimates) -> None:
    server = "base_url=http://127.0.0.1:9/v1"
    judge = f"pigreward:{server},reward=phi,reasoner=pi,max_tokens=10,rationale_tokens=100"
    plain = f"pigreward:{server},reward=phi,reasoner=pi,max_tokens=10,context=references"
    told = estimates(judge, plain, options=("--protocol", "fixed"))
    assert told[plain]["requests"] == told["comparisons"]
    # Two users with two references each, one of which they share.
    assert told[judge]["requests"] == told["comparisons"] + 3
    assert told[judge]["tokens_out"] == 10 * told["comparisons"] + 100 * 3
    assert told[judge]["tokens_in"] > 2 * 100 * told["comparisons"]


def test_an_image_rated_alone_is_asked_about_once(estimates: Estimates) -> None:
    judge = "unifiedreward-point:base_url=http://127.0.0.1:9/v1"
    assert estimates(judge)[judge]["requests"] == 4 * 3


def test_the_text_form_says_that_it_is_an_estimate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judges = ["--judge", f"lvlm:{NOWHERE}", "--judge", "lvlm:model=/no/such/folder", "--judge", "taste"]
    assert main(["run", *judges, "--dataset", f"ratings:path={folder}", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "model=qwen2-vl: estimate for " in out
    assert "replies as long as allowed, speed assumed" in out
    assert out.count("estimate for") == 1
    assert "no image was read, no model loaded, nobody asked" in out


def test_a_wrong_parameter_is_told_in_a_dry_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judge = f"lvlm:{NOWHERE},budget_usd=5"
    assert main(["run", "--judge", judge, "--dataset", f"ratings:path={folder}", "--dry-run"]) == 1
    assert "price_in and price_out" in capsys.readouterr().err


def test_a_large_plan_is_sampled_in_blocks_from_all_over_it() -> None:
    plan = plan_of([choice for user in "abcdef" for choice in pairs_of(user, 500)], k=1)
    assert len(plan) > BLOCKS * BLOCK
    sample = [comparison.id for comparison in sample_of(plan)]
    places = {row.tobytes().hex(): place for place, row in enumerate(plan.id)}
    found = [places[id] for id in sample]
    assert found == sorted(set(found))
    assert (len(found), found[0], found[-1]) == (BLOCKS * BLOCK, 0, len(plan) - 1)
    assert len(sample_of(plan_of(pairs_of("u", 20), k=1))) == 20
