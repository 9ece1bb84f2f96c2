"""What the tests of PIGReward share."""

from __future__ import annotations

import pytest

from tests.adapters.pigreward.two import Two


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Two:
    engines = Two()
    monkeypatch.setattr("adapters.pigreward.judge.engine_of", engines.engine_of)
    return engines
