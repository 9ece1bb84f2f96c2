from __future__ import annotations

import pytest

from adapters.generative.pointwise import PARSERS, both
from harness.records import Status


def test_a_stored_output_is_read_again() -> None:
    text = both('Final Score: 4\n["\u2028', "Final Score: 2.5")
    verdict = PARSERS["unifiedreward-point"].parse(text)
    assert (verdict.winner, verdict.score_a, verdict.score_b) == ("A", 4.0, 2.5)


@pytest.mark.parametrize(
    "text", ["Final Score: 4", "", "[]", '["Final Score: 4"]', "3", "[" * 100_000, '{"a": 1, "b": 2}']
)
def test_anything_else_has_no_verdict(text: str) -> None:
    assert PARSERS["unifiedreward-point"].parse(text).status is Status.UNPARSEABLE
