"""What is not installed breaks no more than the judges that need it; what a judge says after a run is printed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pigeval.cli import main
from tests.adapters import tiny

ROOT = Path(__file__).parents[2]


def without(missing: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process where importing a package fails."""
    code = f"import sys; sys.modules[{missing!r}] = None; from pigeval.cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )


@pytest.mark.parametrize("missing", ["torch", "transformers", "openai", "numpy"])
def test_judges_are_listed_whatever_is_missing(missing: str) -> None:
    done = without(missing, "judges")
    assert done.returncode == 0
    assert {"pickscore", "imagereward", "lvlm", "taste"} <= {line.split()[0] for line in done.stdout.splitlines()}


def test_a_missing_package_costs_its_judges_only(folder: Path, tmp_path: Path) -> None:
    suite = tmp_path / "suite.toml"
    specs = ("taste", "pickscore", "imagereward", "probe:encoder=features", "lvlm")
    judges = "".join(f'[[judges]]\nspec = "{spec}"\n' for spec in specs)
    suite.write_text(f'{judges}[[datasets]]\nspec = "ratings:path={folder},criterion=appeal"\n')
    done = without("torch", "run", str(suite), "--out", str(tmp_path / "out"), "--json")
    told = json.loads(done.stdout)
    assert {row["judge"] for row in told["runs"] if row["kind"] == "judge"} == {"taste", "probe:encoder=features"}
    left = {row["what"]: row["reason"] for row in told["left out"]}
    assert set(left) == {"pickscore", "imagereward", "lvlm"}
    assert "pip install 'pigeval[scorers]'" in left["pickscore"]


def test_the_fast_decode_tells_its_drift_and_is_another_run(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tiny.write_hf(tmp_path / "clip")
    spec = f"clipscore:weights={weights}"
    arguments = [
        "--judge",
        spec,
        "--judge",
        f"{spec},decode=fast",
        "--dataset",
        f"ratings:path={folder},criterion=appeal",
    ]
    assert main(["run", *arguments, "--out", str(tmp_path / "out"), "--no-lines"]) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if "fast decode" in line]
    assert len(notes) == 1
    head, _, drift = notes[0].rpartition(" ")
    assert head.endswith("decode=fast: fast decode: 1 - cosine to the exact decode is at most")
    assert float(drift) < 1e-12  # PNG files have no smaller scale to be decoded at
    assert len(list((tmp_path / "out").glob("*/clipscore-*"))) == 2
