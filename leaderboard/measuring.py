"""The numbers of a row, all from the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from harness.errors import DataError
from harness.metrics import MEASURES, Outcomes, bounds, calibrate, compare, count, one_each
from harness.metrics.intervals import intervals_of
from harness.plan import NONE, TIE
from leaderboard.resampling import Resampled
from leaderboard.rows import RANKED_BY, VALUES, WITH_INTERVAL, AtThreshold, Gain, Part, RankRange, Row
from leaderboard.sheets import Sheet

CALIBRATED = MEASURES["three_way_acc"]


def row_of(sheet: Sheet, part: Part, name: str, resampled: Resampled, run: int) -> Row:
    """Everything about a run that needs no other run; `run` is its place among the resampled ones."""
    outcomes, facts, counts = sheet.outcomes, sheet.facts, count(sheet.outcomes)
    return Row(
        part=part,
        rank=None,
        name=name,
        spec=facts.spec,
        title=facts.title,
        kind=facts.kind,
        references=facts.references,
        reads_references=facts.reads_references,
        values={measure: MEASURES[measure].value(counts) for measure in VALUES},
        intervals=intervals_of(
            resampled.counts[run],
            resampled.clusters,
            resampled.totals[run],
            [MEASURES[measure] for measure in WITH_INTERVAL],
        ),
        wilson=one_each(outcomes, MEASURES["three_way_acc"]),
        counts=counts,
        failures=_failures(outcomes),
        bounds=bounds(MEASURES[RANKED_BY], counts),
        position=sheet.position,
        usage=sheet.usage,
        probabilities=sheet.probabilities,
        rank_range=RankRange(reason="not ranked"),
        gain=Gain(),
        calibrated=_calibrated(sheet),
        method=facts.method,
        about=facts.about,
        identity=facts.identity,
        maker=facts.maker,
        comparison_digest=facts.comparison_digest,
        images_digest=facts.images_digest,
        dropped=facts.dropped,
    )


def gain_of(sheets: Sequence[Sheet], own: int, other: int, resampled: Resampled) -> Gain:
    """Own references against another user's, on the measure the board ranks by."""
    crossed = (resampled.totals[own], resampled.totals[other]) if resampled.crossed else None
    try:
        return Gain(compare(sheets[own].outcomes, sheets[other].outcomes, MEASURES[RANKED_BY], crossed=crossed))
    except DataError as error:
        return Gain(reason=str(error))


def _failures(outcomes: Outcomes) -> dict[str, int]:
    failed = np.asarray(outcomes.status)[outcomes.winner == NONE]
    return dict(sorted(Counter(map(str, failed.tolist())).items()))


def _calibrated(sheet: Sheet) -> AtThreshold | None:
    """None where a threshold has nothing to be fitted on, or to be applied to."""
    outcomes = sheet.outcomes
    answered = outcomes.winner != NONE
    if (
        not sheet.users
        or not (outcomes.gold == TIE).any()
        or np.isnan((outcomes.score_a - outcomes.score_b)[answered]).any()
    ):
        return None
    fitted = calibrate(outcomes, sheet.users, CALIBRATED)
    if fitted is None:
        return None
    value = CALIBRATED.value(count(fitted.outcomes))
    return AtThreshold(value, fitted.eps, fitted.users, len(fitted.outcomes))
