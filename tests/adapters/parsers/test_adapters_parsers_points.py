from __future__ import annotations

import pytest

from adapters.parsers import POINT_PARSERS
from adapters.parsers.points import Point, pair_of
from harness.records import Dimension, Status

FINAL, CRITERIA = POINT_PARSERS["unifiedreward-point"], POINT_PARSERS["unifiedreward-acs"]
THREE = "Alignment Score (1-5): {}\nCoherence Score (1-5): {}\nStyle Score (1-5): {}"


def test_elements_of_the_caption_are_dimensions() -> None:
    point = FINAL.parse("corgi (animal): 1\ncrown (object): 0\nFinal Score: 3.5")
    assert point == Point(3.5, {"corgi (animal)": 1.0, "crown (object)": 0.0})


def test_the_mean_of_three_criteria_is_the_score() -> None:
    point = CRITERIA.parse(THREE.format(5, 3, 2.5))
    assert point.score == 3.5
    assert point.dimensions == {"Alignment": 5.0, "Coherence": 3.0, "Style": 2.5}


def test_the_higher_point_wins_and_equal_ones_tie() -> None:
    high, low = CRITERIA.parse(THREE.format(5, 4, 3)), CRITERIA.parse(THREE.format(3, 2, 4))
    assert pair_of(high, low).winner == "A"
    assert pair_of(low, high).winner == "B"
    assert pair_of(low, low).winner == "tie"
    assert pair_of(high, low).dimensions[0] == Dimension("Alignment", 5.0, 3.0)
    assert (pair_of(high, low).score_a, pair_of(high, low).score_b) == (4.0, 3.0)


def test_the_mean_does_not_depend_on_the_order_of_the_criteria() -> None:
    assert (
        pair_of(CRITERIA.parse(THREE.format(1.1, 2.2, 3.3)), CRITERIA.parse(THREE.format(3.3, 1.1, 2.2))).winner
        == "tie"
    )


@pytest.mark.parametrize("status", [Status.REFUSED, Status.TRUNCATED, Status.UNPARSEABLE])
def test_a_failed_point_fails_the_pair(status: Status) -> None:
    failed = Point(None, status=status, flags=("cut",))
    for verdict in (pair_of(failed, Point(3.0)), pair_of(Point(3.0, flags=("several-verdicts",)), failed)):
        assert verdict.winner is None
        assert verdict.status is status
        assert "cut" in verdict.flags


def test_a_point_has_a_score_exactly_when_it_is_ok() -> None:
    with pytest.raises(ValueError, match="exactly when it is ok"):
        Point(None)
    with pytest.raises(ValueError, match="exactly when it is ok"):
        Point(1.0, status=Status.REFUSED)


def test_names_and_versions() -> None:
    assert str(FINAL) == "unifiedreward-point/1"
    assert all(parser.name == name for name, parser in POINT_PARSERS.items())
