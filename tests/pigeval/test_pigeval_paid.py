"""Answers that cost money: none is asked for twice, a budget holds, a wrong key stops, and trouble changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.servers import Loopback
from harness.log import Run, find_runs
from pigeval.cli import main
from tests.harness.making import write_ratings
from tests.pigeval.paying import KEY, READ, WRITTEN, Paid

KEY_ENV = "TEST_PAID_KEY"

Command = Callable[..., list[str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The arguments of a run of 54 comparisons; more options of the judge as keywords."""
    monkeypatch.setenv(KEY_ENV, KEY)
    folder = write_ratings(tmp_path / "small", users=3, prompts=6)

    def arguments(server: Loopback, out: str = "out", **options: Any) -> list[str]:
        given = {"base_url": server.url, "model": "paid", "key_env": KEY_ENV, "max_tokens": WRITTEN, **options}
        judge = "lvlm:" + ",".join(f"{name}={value}" for name, value in given.items())
        return ["run", "--judge", judge, "--dataset", f"ratings:path={folder}", "--out", str(tmp_path / out),
                "--no-lines", "--k", "2"]  # fmt: skip

    return arguments


def only_run(tmp_path: Path, out: str = "out") -> Run:
    (run,) = find_runs(tmp_path / out)
    return run


def verdicts(run: Run) -> list[tuple[Any, ...]]:
    names = ("id", "status", "winner", "raw", "tokens")
    return [tuple(row[name] for name in names) for row in run.table.to_pylist()]


@pytest.mark.slow
def test_a_killed_run_asks_nothing_twice_that_was_answered(command: Command, tmp_path: Path) -> None:
    server = Paid(seconds=0.2)
    with Loopback(server) as loopback:
        process = [sys.executable, "-m", "pigeval", *command(loopback, concurrency=4)]
        running = subprocess.Popen(process, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ})
        until = time.monotonic() + 120
        while server.answered.total() < 20 and running.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        running.kill()
        assert running.wait() == -signal.SIGKILL
        before, in_flight = server.answered.copy(), server.most_in_flight
        assert 20 <= before.total() < 54
        again = subprocess.run(process, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    run = only_run(tmp_path)
    assert run.complete
    assert len(run.table) == len(server.asked)
    repeated = [key for key, times in server.asked.items() if times > 1]
    assert max(server.asked.values()) <= 2
    # In flight when the kill came, or answered in the moment before and not yet written down.
    assert len(repeated) <= 2 * in_flight


def test_a_spent_budget_ends_the_run_and_a_larger_one_goes_on(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, budget = Paid(), 40 * (READ + WRITTEN)
    with Loopback(server) as loopback:
        assert main(command(loopback, budget_tokens=budget)) == 1
        said = capsys.readouterr().err
        first = only_run(tmp_path)
        asked = server.asked.total()
        assert first.info["state"] == "incomplete"
        assert first.info["unanswered"] == {"budget": 54 - asked}
        assert asked > 0
        assert server.tokens <= budget
        assert f"{54 - asked} budget" in said
        assert "raise the budget: then the same command asks these again" in said
        assert main(command(loopback, budget_tokens=10**9)) == 0
    last = only_run(tmp_path)
    assert last.folder == first.folder
    assert last.complete
    assert (len(server.asked), max(server.asked.values())) == (54, 1)
    assert set(last.table["tokens"].to_pylist()) == {READ + WRITTEN}


@pytest.mark.parametrize("options", [{}, {"probe": "false"}])
def test_a_wrong_key_stops_at_once_and_is_not_shown(
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, str],
) -> None:
    wrong = "sk-wrong-0123456789abcdef"
    monkeypatch.setenv(KEY_ENV, wrong)
    server = Paid()
    with Loopback(server) as loopback:
        assert main(command(loopback, concurrency=1, **options)) == 1
    shown = capsys.readouterr()
    assert f"the key in the environment variable {KEY_ENV} is not accepted" in shown.err
    assert "Traceback" not in shown.err
    assert server.asked.total() == 0
    kept = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert all(wrong not in text for text in (shown.out, shown.err))
    assert all(wrong.encode() not in content for content in kept)


def test_a_key_that_is_not_set_is_asked_for(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(KEY_ENV)
    with Loopback(Paid()) as loopback:
        assert main(command(loopback)) == 1
    assert f"the environment variable {KEY_ENV} is not set" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["ppd", "profile"])
def test_trouble_on_three_attempts_in_ten_changes_no_verdict(command: Command, tmp_path: Path, protocol: str) -> None:
    calm, troubled = Paid(), Paid(trouble=0.3)
    with Loopback(calm) as loopback:
        assert main(command(loopback, "calm", protocol=protocol)) == 0
    with Loopback(troubled) as loopback:
        same = command(loopback, "troubled", protocol=protocol, timeout=1.5)
        # An unlucky question fails in every pass of a run; the same command asks it again.
        assert 0 in (main(same) for _ in range(3))
    assert len(troubled.faults - Paid().faults) == 6
    assert set(calm.asked) == set(troubled.asked)
    assert calm.asked.total() < troubled.asked.total()
    assert set(only_run(tmp_path, "calm").table["status"].to_pylist()) == {"ok"}
    assert verdicts(only_run(tmp_path, "calm")) == verdicts(only_run(tmp_path, "troubled"))
