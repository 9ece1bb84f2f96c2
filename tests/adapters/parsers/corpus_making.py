"""Writes the made part of the corpus: `python -m tests.adapters.parsers.corpus_making`.

Each text is built around a verdict that is drawn first, so what is expected follows from the construction and never
from a parser. `{{noise SEED SIZE}}` in a text stands for that much noise, made when the corpus is read.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from tests.adapters.parsers import corpus_pigreward
from tests.adapters.parsers.corpus_families import FAMILIES, Family
from tests.adapters.parsers.corpus_phrases import FOREIGN, OPENINGS, REFUSALS, foreign, review, translated
from tests.adapters.parsers.corpus_pigreward import fails, ok
from tests.adapters.parsers.corpus_scored import Made, flex_cases, point_cases, two_cases, whole

FOLDER = Path(__file__).with_name("corpus")


def family_cases(family: Family, rng: random.Random) -> Iterator[Made]:
    name = family.parser
    for place, _ in enumerate(family.finals):
        winner = "AB"[place % 2]
        fixed = Family(name, family.body, family.finals[place : place + 1], (), (), (), family.inside, family.names)
        yield whole(name, "good", rng.choice(OPENINGS) + fixed.answer(rng, winner), ok(winner))
    for tie in family.ties:
        yield whole(name, "tie", f"{family.body(rng)}\n{tie}", ok("tie"))
    for place in range(3):
        winner = "AB"[place % 2]
        body = "\n".join(reversed(review(rng, 3).split(". ")))
        text = body + "\n\n" + family.answer(rng, winner)
        yield whole(name, "swapped", text, ok(winner))
    yield from _cut(family, rng)
    for winner in "AB":
        yield whole(name, "fence", "```\n" + family.answer(rng, winner), ok(winner))
        yield whole(name, "fence", "```text\n" + family.answer(rng, winner) + "\n```", ok(winner))
    for echo in family.echoes:
        yield whole(name, "echo", rng.choice((echo, f"{family.body(rng)}\n\n{echo}")), fails())
        winner = rng.choice("AB")
        yield whole(name, "echo", f"{echo}\n\n{family.body(rng)}\n\n{family.final(rng, winner)}", ok(winner))
    for place in range(4):
        after = ("", "\nThank you.", "\n\nThat concludes the comparison of the two renders.", "\n")[place]
        yield whole(name, "reasoning", family.inside(rng) + after, fails("only-in-reasoning"))
    yield whole(
        name, "reasoning", family.inside(rng).replace("</think>", ""), fails("only-in-reasoning", status="truncated")
    )
    yield from _both(family, rng)
    for language in FOREIGN:
        winner = rng.choice("AB")
        yield whole(name, "language", f"{foreign(rng, language)}\n\n{family.final(rng, winner)}", ok(winner))
    for place, size in enumerate((100_000, 20_000, 5_000)):
        winner, hole = "AB"[place % 2], f"{{{{noise {place + len(name)} {size}}}}}"
        yield whole(name, "noise", f"{hole}\n{family.answer(rng, winner)}", ok(winner))
    for place in range(3):
        refusal = rng.choice(REFUSALS)
        wrapped = (
            refusal,
            f"{refusal}\n\nIf you have other pictures, feel free to share them.",
            f"<think>The pictures show people.</think>\n\n{refusal}",
        )[place]
        yield whole(name, "refusal", wrapped, fails(status="refused"))
    for final in family.unreadable:
        yield whole(name, "negation", f"{family.body(rng)}\n\n{final}", fails())


def _cut(family: Family, rng: random.Random) -> Iterator[Made]:
    """Ends within a sentence before anything was decided."""
    for place in range(4):
        said = review(rng, 3)
        text = said[: said.rindex(" ", 0, len(said) * (5 + place) // 10)].rstrip(".") + " of the"
        if family.parser in ("unifiedreward-think", "preferthinker"):
            text = f"<think>{text}"
        yield whole(family.parser, "cut", rng.choice(OPENINGS) + text, fails(status="truncated"))


def _both(family: Family, rng: random.Random) -> Iterator[Made]:
    for place in range(4):
        first, last = ("A", "B") if place % 2 else ("B", "A")
        link = (
            "\n\nWait, looking again I have to correct myself.\n\n",
            "\n",
            "\n\nOn second look:\n",
            f"\n\n{review(rng)}\n\n",
        )[place]
        text = f"{family.answer(rng, first)}{link}{family.final(rng, last)}"
        yield whole(family.parser, "both", text, ok(last, "several-verdicts"))


def translations(rng: random.Random) -> Iterator[Made]:
    """The verdict itself in another language, where a sentence decides."""
    for name in ("unifiedreward-pair", "lvlm"):
        for language in FOREIGN:
            for winner in "AB":
                text = f"{foreign(rng, language)}\n{translated(rng, language, winner)}"
                yield whole(name, "language", text, ok(winner))
    for language in FOREIGN:
        winner = rng.choice("AB")
        text = f"<think>{foreign(rng, language)}</think><answer>{translated(rng, language, winner)}</answer>"
        yield whole("unifiedreward-think", "language", text, ok(winner))


def made() -> Iterator[Made]:
    """The whole made corpus; the same each time."""
    for family in FAMILIES.values():
        yield from family_cases(family, random.Random(f"corpus {family.parser}"))
    yield from translations(random.Random("corpus translations"))
    yield from two_cases(random.Random("corpus 2"))
    yield from flex_cases(random.Random("corpus flex"))
    yield from point_cases(random.Random("corpus point"))
    for kind, text, expected in corpus_pigreward.cases(random.Random("corpus pigreward")):
        yield "pigreward", kind, text, expected


def rows() -> dict[str, list[str]]:
    """File name -> lines."""
    files: dict[str, list[str]] = {}
    for family, kind, text, expected in made():
        row = {"kind": kind, "text": text, "expected": expected}
        files.setdefault(f"{family}.jsonl", []).append(json.dumps(row, ensure_ascii=False))
    return files


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, written in rows().items():
        (FOLDER / file).write_text("\n".join(written) + "\n", encoding="utf-8")
