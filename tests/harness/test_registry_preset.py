from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.registry import read_catalogue

TABLE = """
[sure]
target = "harness.fakes:Biased"
preset = { p = 0.9 }
"""


def test_a_preset_sets_some_parameters_and_leaves_all_open(tmp_path: Path) -> None:
    (tmp_path / "catalogue.toml").write_text(TABLE)
    (entry,) = read_catalogue(tmp_path / "catalogue.toml", "here")
    assert entry.create({}).p == 0.9
    made = entry.create({"p": 0.1, "seed": 7})
    assert (made.p, made.seed) == (0.1, 7)
    assert entry.resolved({"seed": 7}) == {"p": 0.9, "seed": 7}
    with pytest.raises(ConfigError, match="no parameter 'sede'; did you mean seed"):
        entry.create({"sede": 1})
