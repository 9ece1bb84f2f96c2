"""The front page says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.servers import Answer, Call, Loopback, completion
from harness.log import find_runs
from pigeval.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_is_the_published_one() -> None:
    (shown,) = re.findall(r"<!-- from results/LEADERBOARD.md:.*?-->\n(.*?)<!-- /from -->", README, re.DOTALL)
    assert shown.count("\n") > 4
    assert shown in (ROOT / "results" / "LEADERBOARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "page", sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]), ids=lambda path: path.name
)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert link.startswith("https://") or (page.parent / link).exists(), f"{page.name}: {link}"


@pytest.mark.parametrize("page", ["README.md", "docs/adding_a_judge.md"])
def test_the_judge_on_the_page_runs(page: str, tmp_path: Path, folder: Path) -> None:
    (code,) = re.findall(r"```python\n# warm.py\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    plugin = tmp_path / f"{page.partition('.')[0].replace('/', '_')}.py"
    plugin.write_text(code, encoding="utf-8")
    out = str(tmp_path / "out")
    assert (
        main(["run", "--plugin", str(plugin), "--judge", "warm", "--dataset", f"ratings:path={folder}", "--out", out])
        == 0
    )
    assert list((tmp_path / "out").rglob("warm-*/verdicts.parquet"))


def test_the_generator_on_the_page_runs(tmp_path: Path, folder: Path) -> None:
    (code,) = re.findall(
        r"```python\n# asks.py\n(.*?)```", (ROOT / "docs/adding_a_judge.md").read_text(encoding="utf-8"), re.DOTALL
    )
    plugin = tmp_path / "asks.py"
    plugin.write_text(code, encoding="utf-8")

    async def answering(_: Call) -> Answer:
        return Answer(completion("Red.\nB"))

    for _ in range(2):
        with Loopback(answering) as server:
            judge = f"asks:model=any,base_url={server.url}"
            arguments = ["--dataset", f"ratings:path={folder}", "--out", str(tmp_path / "out"), "--no-lines"]
            assert main(["run", "--plugin", str(plugin), "--judge", judge, *arguments]) == 0
    # The second server has another address: the same run.
    (run,) = find_runs(tmp_path / "out")
    assert set(run.table.column("winner").to_pylist()) == {"B"}


def test_the_data_set_on_the_page_runs(tmp_path: Path) -> None:
    (code,) = re.findall(
        r"```python\n# coffee.py\n(.*?)```", (ROOT / "docs/adding_a_dataset.md").read_text(), re.DOTALL
    )
    plugin = tmp_path / "coffee.py"
    plugin.write_text(code, encoding="utf-8")
    arguments = ["--judge", "brightness", "--dataset", f"coffee:path={tmp_path}", "--dry-run"]
    assert main(["run", "--plugin", str(plugin), *arguments]) == 0
