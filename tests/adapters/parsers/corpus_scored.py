"""Outputs of the families that give scores or JSON instead of a sentence: UnifiedReward 2.0, Flex and pointwise."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from tests.adapters.parsers.corpus_families import flex_object, flex_text, shares, two_blocks
from tests.adapters.parsers.corpus_phrases import ASPECTS, FOREIGN, OPENINGS, REFUSALS, foreign, review
from tests.adapters.parsers.corpus_pigreward import Expected, fails, ok

Made = tuple[str, str, str, dict[str, Expected]]
"""(family, kind, text, parser -> expected)"""


def whole(parser: str, kind: str, text: str, expected: Expected) -> Made:
    return parser, kind, text, {parser: expected}


def two_cases(rng: random.Random) -> Iterator[Made]:
    name = "unifiedreward-2-pair"
    for place in range(14):
        winner = "AB"[place % 2]
        yield whole(name, "good", rng.choice(OPENINGS) + "\n".join(two_blocks(rng, winner)), ok(winner))
    for _ in range(4):
        yield whole(name, "tie", "\n".join(two_blocks(rng, "tie")), ok("tie"))
    for winner in "AB":
        for order in ((2, 1, 0), (1, 0, 2)):
            blocks = two_blocks(rng, winner)
            yield whole(name, "swapped", review(rng) + "\n" + "\n".join(blocks[i] for i in order), ok(winner))
    for place in range(6):
        blocks = two_blocks(rng, "A")
        text = (
            "\n".join(blocks[: 1 + place % 2])
            + ("\nStyle:\nImage 1:", "\nSty", "\nStyle:", "\nStyle:\nImage", "\nStyle:\nImage 1: 0.4\nImage", "")[place]
        )
        yield whole(name, "cut", f"{review(rng)}\n{text}", fails("few-dimensions", status="truncated"))
    for place in range(3):
        first, second, third = shares(rng, "A", 3)
        if place == 2:
            yield whole(
                name,
                "negation",
                f"{review(rng)}\nAlignment:\nImage 1: nan\nImage 2: 0.5\nCoherence:\nImage 1: 0.5\nImage 2: 0.5\n"
                "Style:\nImage 1: inf\nImage 2: 0.5\nThese are final.",
                fails("few-dimensions"),
            )
            continue
        rows = zip(("Alignment", "Coherence", "Style"), (first, second, third), strict=True)
        values = "\n".join(f"{criterion}: Image 1: {value}%, Image 2: {100 - value}%" for criterion, value in rows)
        yield whole(name, "good", f"{review(rng)}\n{values}", ok("A", "out-of-range"))
    templates = (
        "Alignment:\nImage 1: X\nImage 2: X\nCoherence:\nImage 1: X\nImage 2: X\nStyle:\nImage 1: X\nImage 2: X",
        "Alignment Score:\nImage 1: [0-1]\nImage 2: [0-1]\n\nCoherence Score:\nImage 1: [0-1]\nImage 2: [0-1]",
        "\n".join(f"{name}: Image 1: <score>, Image 2: <score>" for name in ("Alignment", "Coherence", "Style")),
        "For each of Alignment, Coherence and Style give floats.\nImage 1: Y\nImage 2: Z",
    )
    for template in templates:
        yield whole(name, "echo", template, fails("echo"))
        winner = rng.choice("AB")
        yield whole(name, "echo", f"{template}\n\n" + "\n".join(two_blocks(rng, winner)), ok(winner))
    for place in range(4):
        inside = "<think>" + "\n".join(two_blocks(rng, "B"))
        status = "truncated" if place == 3 else "unparseable"
        yield whole(
            name,
            "reasoning",
            inside + ("</think>", "</think>\nDone.", "\n</think>\n\nThose were my thoughts.", "")[place],
            fails(status=status),
        )
    for winner in "AB":
        text = (
            "\n".join(two_blocks(rng, "B" if winner == "A" else "A"))
            + "\n\nOn reflection I correct all three.\n\n"
            + "\n".join(two_blocks(rng, winner))
        )
        yield whole(name, "both", text, ok(winner, "several-verdicts"))
        yield whole(name, "fence", "```\n" + "\n".join(two_blocks(rng, winner)), ok(winner))
        other = "2" if winner == "A" else "1"
        yield whole(
            name,
            "negation",
            "\n".join(two_blocks(rng, winner)) + f"\n\nImage {other} is better.",
            ok(winner, "total-against-verdict"),
        )
        yield whole(
            name, "noise", f"{{{{noise {ord(winner)} 100000}}}}\n" + "\n".join(two_blocks(rng, winner)), ok(winner)
        )
    for language in FOREIGN:
        winner = rng.choice("AB")
        yield whole(name, "language", f"{foreign(rng, language)}\n\n" + "\n".join(two_blocks(rng, winner)), ok(winner))
    for refusal in REFUSALS[3:7]:
        yield whole(name, "refusal", f"{refusal} ", fails(status="refused"))


def flex_cases(rng: random.Random) -> Iterator[Made]:
    name = "unifiedreward-flex"
    for place in range(8):
        winner = "AB"[place % 2]
        yield whole(name, "good", flex_text(rng, winner), ok(winner))
        yield whole(
            name,
            "fence",
            ("```json\n", "```\n", "Here is the JSON:\n```json\n", "``` json\n")[place % 4]
            + flex_text(rng, winner)
            + ("\n```" if place % 2 else ""),
            ok(winner),
        )
    spelled: tuple[object, ...] = (
        "Image 1 is better overall",
        "image 1",
        "Image 1 wins because Image 2 lacks detail",
        1,
        "1",
        "IMAGE_1",
        "The first image",
        "Image 1 (clear lead)",
        "**Image 1**",
        "Image A",
        1.0,
    )
    for value in spelled:
        yield whole(name, "good", json.dumps(flex_object(rng, "A") | {"winner": value}), ok("A"))
    for tie in ("tie", "Tie", "Both images are equally good", "It's a tie"):
        yield whole(name, "tie", json.dumps(flex_object(rng, "tie") | {"winner": tie}), ok("tie", "tie-not-offered"))
    for winner in "AB":
        made = flex_object(rng, winner)
        yield whole(
            name,
            "swapped",
            json.dumps({key: made[key] for key in ("winner", "reason", "categories", "prompt")}),
            ok(winner),
        )
        yield whole(name, "swapped", json.dumps({"result": dict(reversed(made.items()))}, indent=2), ok(winner))
        early = json.dumps({"winner": made["winner"], **made})
        yield whole(name, "cut", early[: len(early) * 2 // 3], ok(winner, "broken-json"))
        loose = flex_text(rng, winner).replace("}]", "},]", 1)
        yield whole(name, "fence", "```json\n" + loose, ok(winner))
        yield whole(name, "language", json.dumps(made | {"reason": foreign(rng, "zh")}, ensure_ascii=False), ok(winner))
        other = "Image 2" if winner == "A" else "Image 1"
        quoted = json.dumps(made | {"reason": f'the caption reads "winner": "{other}" and {{"winner": "{other}"}}'})
        yield whole(name, "negation", quoted, ok(winner))
        yield whole(
            name,
            "both",
            flex_text(rng, "B" if winner == "A" else "A") + "\n\nCorrected:\n" + flex_text(rng, winner),
            ok(winner, "several-verdicts"),
        )
        yield whole(
            name,
            "noise",
            f"{{{{noise {ord(winner) + 9} 100000}}}}\n".replace("{{noise", "{{plain") + flex_text(rng, winner),
            ok(winner),
        )
        yield whole(name, "reasoning", f"<think>I lean to {other}.</think>\n" + flex_text(rng, winner), ok(winner))
        against = flex_object(rng, winner)
        for category in against["categories"]:  # type: ignore[attr-defined]
            category["cat_winner"] = other
        yield whole(name, "negation", json.dumps(against), ok(winner, "categories-against-verdict"))
    for place in range(6):
        made_text = flex_text(rng, "A")
        yield whole(
            name,
            "cut",
            ("```json\n" if place % 2 else "") + made_text[: len(made_text) * (place + 2) // 9],
            fails("broken-json", status="truncated"),
        )
    for echo in ("Image 1/2", "Image 1 or Image 2", "Image X", "<winner>", "Image 1 / Image 2", "[Image 1 or 2]"):
        yield whole(name, "echo", json.dumps(flex_object(rng, "A") | {"winner": echo}), fails())
        yield whole(
            name,
            "echo",
            json.dumps({"prompt": "...", "categories": [], "winner": echo}) + "\n" + flex_text(rng, "B"),
            ok("B"),
        )
    odd: tuple[object, ...] = (
        "not Image 1",
        "Image 1 is not better than Image 2",
        "Image 1, Image 2",
        None,
        3,
        0,
        "unclear",
        True,
        "Image 1 and Image 2",
        -1,
        1.5,
        float("nan"),
    )
    for value in odd:
        yield whole(name, "negation", json.dumps(flex_object(rng, "A") | {"winner": value}), fails())
    for place in range(4):
        inside = f"<think>{flex_text(rng, 'B')}"
        yield whole(
            name,
            "reasoning",
            inside + ("</think>", "</think>\n\nDone.", "</think>\n", "")[place],
            fails(status="truncated" if place == 3 else "unparseable"),
        )
    for language in FOREIGN:
        winner = rng.choice("AB")
        yield whole(name, "language", foreign(rng, language) + "\n" + flex_text(rng, winner), ok(winner))
    for refusal in REFUSALS[7:11]:
        yield whole(name, "refusal", json.dumps({"error": refusal}, ensure_ascii=False), fails(status="refused"))
        yield whole(name, "refusal", refusal + "  ", fails(status="refused"))


def point_cases(rng: random.Random) -> Iterator[Made]:
    name, score = "unifiedreward-point", {"score": 4.0, "flags": []}  # type: str, Expected
    finals = (
        "Final Score: 4",
        "**Final Score:** 4",
        "Final Score: 4.0",
        "Final Score: 4/5",
        "Final Score: **4**",
        "Final score: 4 out of 5",
        "Final Score (1-5): 4",
        "Final Score: [4]",
        "### Final Score: 4",
        "Final Score: \\boxed{4}",
        "FINAL SCORE: 4",
        "最终得分:4",
        "Final Score: ４",
        "Final Score:\u00a04.",
        "Final Score is 4",
    )
    for final in finals:
        elements = "\n".join(f"{aspect.lower()} (attribute): {rng.randint(0, 1)}" for aspect in rng.sample(ASPECTS, 3))
        yield whole(name, "good", f"{elements}\n{final}", score)
        yield whole(name, "fence", f"```\n{rng.choice(OPENINGS)}{elements}\n{final}", score)
    for language in FOREIGN:
        yield whole(name, "language", f"{foreign(rng, language)}\nFinal Score: 4", score)
    for echo in (
        "Final Score: 1-5",
        "Final Score: [1-5]",
        "Final Score: X",
        "Final Score: <score>",
        "Final Score: 1 to 5",
    ):
        yield whole(name, "echo", f"cat (object): 0|1\n{echo}", fails())
        yield whole(name, "echo", f"{echo}\n{review(rng)}\nFinal Score: 4", score)
    for value in ("nan", "inf", "9", "-3", "8/10", "1e400", "99999999999999999999"):
        yield whole(name, "negation", f"{rng.choice(ASPECTS)} (quality): 1\nFinal Score: {value}", fails())
    yield whole(
        name,
        "both",
        f"{review(rng)}\nFinal Score: 2\nOn reflection I was too harsh.\nFinal Score: 4",
        {"score": 4.0, "flags": ["several-verdicts"]},
    )
    for text in (
        "lake (object): 1\nboat (object): 0\nFinal Score:",
        "lake (object): 1\nquiet (attribute): 1\nThe image shows a boat that is partially hidden behind the",
    ):
        yield whole(name, "cut", text, fails(status="truncated"))
    yield whole(name, "noise", "{{noise 5 100000}}\nFinal Score: 4", score)
    yield whole(name, "reasoning", f"<think>{review(rng)} Final Score: 2</think>\nFinal Score: 4", score)
    yield whole(name, "reasoning", f"<think>{review(rng)} Final Score: 4</think>", fails())
    for refusal in REFUSALS[:5]:
        yield whole(name, "refusal", f"\n{refusal}", fails(status="refused"))
    yield from _criteria(rng)


def _criteria(rng: random.Random) -> Iterator[Made]:
    name, score = "unifiedreward-acs", {"score": 3.5, "flags": []}  # type: str, Expected
    styles = (
        "{n} Score (1-5): {v}",
        "**{n} Score (1-5):** {v}",
        "{n} Score: {v}",
        "{n}: {v}/5",
        "- {n} Score (1-5): **{v}**",
        "{n} score (1-5) = {v}",
        "{n} Score (1-5): {v}.0",
        "### {n} Score\n{n} Score (1-5): {v}",
    )
    rows = (("Alignment", 5), ("Coherence", 3), ("Style", 2.5))
    for style in styles:
        for order, kind in (((0, 1, 2), "good"), ((2, 0, 1), "swapped")):
            values = [style.format(n=rows[i][0], v=rows[i][1]).replace("2.5.0", "2.5") for i in order]
            head = rng.choice(("[No_mistakes]\n", "lake: 0.1, boat: 0.7\n", review(rng) + "\n", ""))
            yield whole(name, kind, head + "\n".join(values), score)
    tail = "Alignment Score (1-5): 5\nCoherence Score (1-5): 3\nStyle Score (1-5): 2.5"
    for language in FOREIGN:
        yield whole(name, "language", f"{foreign(rng, language)}\n{tail}", score)
    for place in range(3):
        yield whole(name, "cut", review(rng) + "\n" + tail[: (23, 50, 68)[place]], fails(status="truncated"))
    for refusal in REFUSALS[5:9]:
        yield whole(name, "refusal", f"\n\n{refusal}", fails(status="refused"))
    for value in ("X", "[1-5]", "1-5", "<float>"):
        yield whole(name, "echo", "\n".join(f"{n} Score (1-5): {value}" for n, _ in rows), fails())
    for value in ("nan", "7", "inf", "-1", "9/10"):
        yield whole(
            name,
            "negation",
            f"{review(rng)}\nAlignment Score (1-5): {value}\n{tail.partition(chr(10))[2]}\nThose are all.",
            fails("few-dimensions"),
        )
    yield whole(
        name,
        "both",
        f"{tail.replace(': 5', ': 4').replace('2.5', '1.5')}\n\nCorrected after a second look:\n{tail}",
        score | {"flags": ["several-verdicts"]},
    )
    yield whole(name, "fence", f"```\n{tail}", score)
    yield whole(name, "noise", "{{noise 6 100000}}\n" + tail, score)
    yield whole(name, "reasoning", f"<think>{tail}</think>", fails())
    yield whole(name, "reasoning", f"<think>{tail.replace('3', '1')}</think>\n\n{tail}", score)
