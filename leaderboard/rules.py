"""The rules of a table in words, so that a table read on its own cannot be misread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from harness.metrics.bootstrap import DRAWS
from leaderboard.rows import Row, Table
from leaderboard.words import SENTENCES, clip, plural, short


def rules_of(table: Table) -> list[str]:
    """Sentences that stand under the main table."""
    return [
        _data(table),
        "refs: whose past choices the judge saw, the user's own, another user's or none; not read: it looks at none.",
        "acc w/ tie: share of all pairs answered as the user did; the answer tie is right exactly where the user left "
        "the pair tied: (C + Thm) / N.",
        "acc w/o tie: share of the pairs with a preferred image answered rightly; the answer tie is wrong: C / ND.",
        *(() if table.ties else ("Without gold ties, acc w/ tie and acc w/o tie are equal by definition.",)),
        "ties at half: the answer tie earns half a point on such a pair, as random tie-breaking would: "
        "(C + Tm / 2) / ND; judges are ranked by it, and equal values share a rank.",
        "half credit: half a point also for any answer but tie on a gold tie, so it rewards hedging; "
        "excl.: C / (C + D), to be read only with its coverage, the share of pairs with a preferred image it decides.",
        "A failure (X: no usable answer) scores 0 in every column.",
        *_intervals(table),
        *_gains(table),
        *_lines(table.part("line")),
        *_dropped(table.rows),
        *_images(table.rows),
        f"Items {short(table.item_digest)}; the questions' digest (items, references, sides) stands with the counts.",
    ]


def details_of(table: Table) -> list[str]:
    """Sentences that stand under the counts."""
    told = [
        "Where the user preferred an image (ND): C right, D opposite, Tm tie, X no usable answer. Where they left a "
        "tie: Thm tie, Th not a tie, Xh no usable answer. N: all. Pairs asked in both orders count once: two equal "
        "answers are that answer, two different ones a tie, any failure a failure.",
        "were failures answered: lowest and highest ties at half over all answers the failures might have been.",
    ]
    if users := {row.calibrated.fitted_users for row in table.rows if row.calibrated}:
        told.append(
            "@cal: acc w/ tie where score gaps up to eps are ties; eps, in the judge's own units, is fitted on "
            f"{plural(max(users), 'user')} and the value is that of the others. Elsewhere only equal scores are ties."
        )
    if any(row.wilson.available for row in table.rows):
        told.append("Wilson: every user has one item here, so the plain interval of a proportion is shown beside it.")
    if any(row.probabilities for row in table.rows):
        told.append(
            "Brier: mean squared distance of the probability of the first image and the user's choice, a tie being one "
            "half; 0 is perfect. In brackets: after a temperature and a bias were fitted on a fifth of the users; both "
            "are of the others' answers."
        )
    if any(row.usage.flagged for row in table.rows):
        told.append(
            "flagged answers: share of the questions whose answer is odd in form (a wrong sum, a verdict against "
            "its own totals, cut off …), whether or not a verdict could be read; a flag never changes who won."
        )
    if any(row.usage.cost for row in table.rows):
        told.append("US$ a thousand: price of a thousand questions at the prices given when the run was made.")
    if any(row.position for row in table.rows):
        told.append(
            "swap consistency: share of pairs answered alike in both orders. first position: share of decisive answers "
            "that name the image shown first; 50.00 is unbiased."
        )
    return told


def _data(table: Table) -> str:
    protocol = clip(table.protocol)
    users = plural(table.users, "user") if table.users else "users unknown"
    sizes = ", ".join((users, plural(table.sets, "set"), plural(table.items, "item")))
    return f"Data: {sizes}, {plural(table.ties, 'gold tie')}. Protocol: {protocol}."


def _intervals(table: Table) -> Iterator[str]:
    shown = [interval for row in table.rows for interval in row.intervals.values() if interval.available]
    if not shown:
        return
    methods = ", or ".join(sorted({f"{interval.method} ({interval.cluster_word})" for interval in shown}))
    yield f"95 % interval: {methods}; {DRAWS:,} draws, percentiles; resampled: {table.basis}."
    if len(table.part("judge")) > 1:
        yield (
            "rank range: lowest and highest rank in the middle 95 % of as many draws, in each of which all judges are "
            "ranked on the same resampled items."
        )


def _gains(table: Table) -> Iterator[str]:
    tests = [row.gain.test for row in table.rows if row.gain.test]
    if tests:
        paired = ", ".join(sorted({f"{test.items:,}" for test in tests}))
        yield (
            "gain: ties at half with the user's own references minus that with another user's, in percentage points, "
            f"paired by item ({paired} items)."
        )


def _lines(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        title = f" ({clip(row.title)})" if row.title else ""
        how = clip(row.method, SENTENCES) or "how it is made is not stated"
        yield f"{clip(row.name)}{title}: {how}. No judge: it knows labels, or how these data were made."


def _dropped(rows: Iterable[Row]) -> Iterator[str]:
    """What the protocol left out, once for each kind of references and each account of it."""
    seen: dict[tuple[str, tuple[tuple[str, int], ...]], None] = {}
    for row in rows:
        if row.dropped:
            seen.setdefault((row.references, tuple(sorted(row.dropped.items()))))
    for references, reasons in sorted(seen):
        told = "; ".join(f"{clip(reason)}: {n:,}" for reason, n in reasons)
        yield f"Left out or kept by the protocol with references={clip(references)}: {told}."


def _images(rows: Sequence[Row]) -> Iterator[str]:
    """Warns where the same questions were asked with other image files."""
    names: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        names[row.comparison_digest][row.images_digest].append(clip(row.name))
    for questions, files in sorted(names.items()):
        if len(files) > 1:
            told = "; ".join(
                f"{short(digest) or 'unknown'}: {', '.join(sorted(who))}" for digest, who in sorted(files.items())
            )
            yield f"Questions {short(questions)} were asked with different image files ({told})."
