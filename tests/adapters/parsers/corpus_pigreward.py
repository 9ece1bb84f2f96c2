"""Outputs of the kinds the published PIGReward checkpoint shows, with what each of the three rules makes of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.adapters.parsers.corpus_families import NUMBER, OTHER
from tests.adapters.parsers.corpus_phrases import ASPECTS, BLAME, FOREIGN, PRAISE, REFUSALS, foreign, translated

Expected = dict[str, object]
Case = tuple[str, str, dict[str, Expected]]
"""(kind, text, rule -> expected)"""

RULES = ("pigreward", "pigreward-totals", "pigreward-strict")


@dataclass
class Sheet:
    """Dimensions with their scores, and how an answer writes them."""

    names: list[str]
    a: list[float]
    b: list[float]
    rows: list[str]

    @property
    def sums(self) -> tuple[float, float]:
        return round(sum(self.a), 6), round(sum(self.b), 6)

    @property
    def leader(self) -> str:
        a, b = self.sums
        return "A" if a > b else "B" if b > a else "tie"


def shown(value: float) -> str:
    return f"{value:g}"


def reason(rng: random.Random) -> str:
    shapes = (
        "Image 1 has {p} while Image 2 shows {b}.",
        "The first leans on {p}; the second has {b}",
        "{p} in Image 2, {b} in Image 1.",
        "Image 2 is stronger here thanks to {p}",
        "Neither fails, but {b} hurts Image 1.",
        "Given the user's history, {p} matters more than {b}.",
    )
    return rng.choice(shapes).format(p=rng.choice(PRAISE), b=rng.choice(BLAME))


def sheet(rng: random.Random, leader: str, count: int = 0, scale: tuple[float, float, float] = (1, 9, 1)) -> Sheet:
    """Dimensions whose sums have the leader asked for, on a scale (lowest, highest, step)."""
    low, high, step = scale
    count = count or rng.randint(3, 6)
    grid = [round(low + i * step, 6) for i in range(round((high - low) / step) + 1)]
    while True:
        a, b = rng.choices(grid, k=count), rng.choices(grid, k=count)
        made = Sheet(rng.sample(ASPECTS, count), a, b, [])
        if made.leader == leader:
            break
    shapes = (
        "{n}: {r} (Score 1: {a}, Score 2: {b})",
        "{i}. {n}: {r} (Score 1: {a}, Score 2: {b})",
        "**{n}**: {r} (Score 1: {a}, Score 2: {b})",
        "- {n}: {r} (Score 1: {a}; Score 2: {b})",
        "{n}: {r} (Score 2: {b}, Score 1: {a})",
        "{n}: {r} Score 1: {a}, Score 2: {b}.",
        "{n}: {r} (Score 1: {a} / Score 2: {b})",
        "{n}: {r} [Score 1: {a}, Score 2: {b}]",
    )
    shape = rng.choice(shapes)
    made.rows = [
        shape.format(i=i, n=n, r=reason(rng), a=shown(x), b=shown(y))
        for i, (n, x, y) in enumerate(zip(made.names, a, b, strict=True), 1)
    ]
    return made


def totals(made: Sheet, written_out: bool, off: tuple[float, float] = (0, 0)) -> list[str]:
    """The two lines of totals; `off` is what their results miss the true sums by."""
    lines = []
    for number, values, total, wrong in zip("12", (made.a, made.b), made.sums, off, strict=True):
        terms = "+".join(map(shown, values)) + "=" if written_out else ""
        lines.append(f"Score {number}: {terms}{shown(round(total + wrong, 6))}")
    return lines


def says(winner: str) -> str:
    return "Both images are equally good" if winner == "tie" else f"Image {NUMBER[winner]} is better"


def ok(winner: str, *flags: str) -> Expected:
    return {"winner": winner, "flags": list(flags)}


def fails(*flags: str, status: str = "unparseable") -> Expected:
    return {"status": status, "flags": list(flags)}


def rules(default: Expected, by_totals: Expected, strict: Expected) -> dict[str, Expected]:
    return dict(zip(RULES, (default, by_totals, strict), strict=True))


def every(expected: Expected) -> dict[str, Expected]:
    return rules(expected, expected, expected)


def _against(said: str, leader: str) -> dict[str, Expected]:
    """The verdict says one, the sums the other."""
    flag = "total-against-verdict"
    return rules(ok(said, flag), ok(leader, flag), fails(flag, "format-invalid"))


def cases(rng: random.Random) -> Iterator[Case]:
    yield from _regular(rng)
    yield from _odd_sums(rng)
    yield from _without_verdict(rng)
    yield from _broken(rng)
    yield from _several(rng)


def _regular(rng: random.Random) -> Iterator[Case]:
    scales = ((1, 9, 1), (0, 1, 0.1), (1, 4, 1), (0, 10, 0.5), (0, 100, 5))
    for place in range(24):
        winner, written_out = "AB"[place % 2], place % 3 != 0
        made = sheet(rng, winner, scale=scales[place % len(scales)])
        text = "\n".join([*made.rows, *totals(made, written_out), says(winner)])
        yield "good", text + ("." if place % 4 == 0 else ""), every(ok(winner))
    for place in range(6):
        winner = "AB"[place % 2]
        made = sheet(rng, winner)
        lines = totals(made, True)[::-1]
        yield "swapped", "\n".join([*made.rows[::-1], *lines, f"**{says(winner)}**"]), every(ok(winner))
    for language in list(FOREIGN)[:6]:
        winner = rng.choice("AB")
        made = sheet(rng, winner)
        rows = [f"{foreign(rng, language)}\n{row}" for row in made.rows]
        yield "language", "\n".join([*rows, *totals(made, True), says(winner)]), every(ok(winner))
        made = sheet(rng, winner)
        yield (
            "language",
            "\n".join([*made.rows, *totals(made, True), translated(rng, language, winner)]),
            every(ok(winner)),
        )
    for place in range(2):
        winner = "AB"[place]
        made = sheet(rng, winner)
        yield (
            "noise",
            "\n".join([f"{{{{noise {70 + place} 100000}}}}", *made.rows, *totals(made, True), says(winner)]),
            every(ok(winner)),
        )


def _odd_sums(rng: random.Random) -> Iterator[Case]:
    for place in range(8):
        winner = "AB"[place % 2]
        made = sheet(rng, winner)
        lines = totals(made, place % 3 != 0, ((1, 0), (0, -2), (3, 3))[place % 3])
        default = ok(winner, "sum-wrong")
        yield (
            "negation",
            "\n".join([*made.rows, *lines, says(winner)]),
            rules(default, default, fails("sum-wrong", "format-invalid")),
        )
    for place in range(8):
        leader, said = "AB"[place % 2], "BA"[place % 2]
        made = sheet(rng, leader)
        yield (
            "negation",
            "\n".join([*made.rows, *totals(made, place % 3 != 0), says(said)]),
            _against(said, leader),
        )
    for place in range(8):
        said = "AB"[place % 2]
        made = sheet(rng, "tie")
        yield (
            "tie",
            "\n".join([*made.rows, *totals(made, place % 3 != 0), says(said)]),
            rules(ok(said, "equal-totals"), ok("tie", "equal-totals"), fails("equal-totals", "format-invalid")),
        )
    for place in range(6):
        winner = "AB"[place % 2]
        made = sheet(rng, winner, count=1 + place % 2)
        default = ok(winner, "few-dimensions")
        yield (
            "good",
            "\n".join([*made.rows, *totals(made, True), says(winner)]),
            rules(default, default, fails("few-dimensions", "format-invalid")),
        )


def _without_verdict(rng: random.Random) -> Iterator[Case]:
    for place in range(6):
        leader = ("A", "B", "tie")[place % 3]
        made = sheet(rng, leader)
        yield (
            "tie" if leader == "tie" else "good",
            "\n".join([*made.rows, *totals(made, place % 2 == 0)]),
            rules(ok(leader), ok(leader), fails("format-invalid")),
        )
    for place in range(4):
        leader = ("A", "B", "tie", "A")[place]
        made = sheet(rng, leader)
        first = totals(made, True)[0]
        yield (
            "cut",
            "\n".join([*made.rows, first]) + "\nScore 2: 6+",
            rules(ok(leader, "truncated"), ok(leader, "truncated"), fails("truncated", "format-invalid")),
        )
    for place in range(4):
        made = sheet(rng, "AB"[place % 2])
        lines = [
            *totals(made, True),
            (
                "Image 1/2 is better",
                "Image X is better",
                "Image 1 is better or Image 2 is better",
                "[Image 1 is better / Image 2 is better]",
            )[place],
        ]
        by_sums = ok(made.leader)
        yield "echo", "\n".join([*made.rows, *lines]), rules(by_sums, by_sums, fails("format-invalid"))
    for _ in range(4):
        made = sheet(rng, "tie")
        yield (
            "tie",
            "\n".join([*made.rows, *totals(made, True), says("tie")]),
            rules(ok("tie"), ok("tie"), fails("format-invalid")),
        )


def _broken(rng: random.Random) -> Iterator[Case]:
    for place in range(8):
        made = sheet(rng, "A", count=4)
        whole = "\n".join(made.rows[: 1 + place % 3])
        row = made.rows[3]
        cut = row[: row.index(":") + 6 + place * 3].rstrip(" .")
        yield "cut", f"{whole}\n{cut}", every(fails(status="truncated"))
    loops = (
        "Score 1: 2\nScore 2: 2\n",
        "Score 1: 2 / Score 2: 2\n",
        "Score 1: 2, Score 2: 2 ",
        "Detail: fine. (Score 1: 2, Score 2: 2)\n",
        "(Score 1: 3, Score 2: 2)\n",
        "Score 1: 2\n\nScore 2: 2\n\n",
    )
    for loop in loops:
        yield "cut", loop * 60, every(fails("repetition", status="truncated"))
        made = sheet(rng, "B")
        yield (
            "cut",
            "\n".join(made.rows[:1]) + "\n" + loop * 40 + "Score",
            every(fails("repetition", status="truncated")),
        )
    for refusal in REFUSALS[:6]:
        yield "refusal", f"{refusal} These are {rng.choice(PRAISE)}.", every(fails(status="refused"))
    templates = (
        "Dimension: reason (Score 1: X, Score 2: Y)\nScore 1: sum\nScore 2: sum\nImage 1/2 is better",
        "<Dimension>: <comparison> (Score 1: <score>, Score 2: <score>)\nScore 1: total\nImage X is better",
        "[Name]: [text] (Score 1: [0-9], Score 2: [0-9])\nImage [1 or 2] is better",
        "Name: comparison (Score 1: x, Score 2: y)\nImage 1 is better or Image 2 is better",
    )
    for template in templates:
        yield "echo", template, every(fails())
    for winner in "AB":
        made = sheet(rng, winner)
        yield "fence", "```\n" + "\n".join([*made.rows, *totals(made, True), says(winner)]), every(ok(winner))
    for place in range(3):
        made = sheet(rng, "A")
        inside = "\n".join([*made.rows, *totals(made, True), says("A")])
        text = (
            f"<think>{inside}</think>",
            f"<think>\n{inside}\n</think>\nI hope this was useful.",
            f"<think>{inside}",
        )[place]
        yield "reasoning", text, every(fails("only-in-reasoning", status="truncated" if place == 2 else "unparseable"))


def _several(rng: random.Random) -> Iterator[Case]:
    for place in range(6):
        first, last = ("A", "B") if place % 2 else ("B", "A")
        made = sheet(rng, last)
        text = "\n".join(
            [
                f"{says(first)}.",
                "",
                "Let me redo this carefully.",
                *made.rows,
                *totals(made, place % 3 == 0),
                says(last),
            ]
        )
        flagged = ok(last, "several-verdicts")
        by_totals = ok(last)
        yield "both", text, rules(flagged, by_totals, fails("several-verdicts", "format-invalid"))
    for place in range(4):
        made = sheet(rng, "A")
        denial = (
            "Image 1 is not better than Image 2",
            "Image 1 is better, Image 2 is better",
            "Image 2 is not better",
            "It is false that Image 1 is better",
        )[place]
        yield "negation", "\n".join([*made.rows, *totals(made, True), denial]), rules(fails(), ok("A"), fails())
    for winner in "AB":
        yield (
            "good",
            f"{rng.choice(PRAISE).capitalize()} settles it. {says(winner)}.",
            rules(ok(winner), fails("no-scores"), fails("format-invalid")),
        )
    for winner in "AB":
        made = sheet(rng, OTHER[winner])
        rows = [
            f"{name}: Image {NUMBER[OTHER[winner]]} is better. (Score 1: {shown(a)}, Score 2: {shown(b)})"
            for name, a, b in zip(made.names, made.a, made.b, strict=True)
        ]
        yield (
            "negation",
            "\n".join([*rows, *totals(made, True), says(winner)]),
            _against(winner, OTHER[winner]),
        )
