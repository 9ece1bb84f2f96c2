"""Where verdicts stand in an answer, and which of them counts: the last that is explicit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile

from adapters.parsers.clauses import IMAGES, Token, sentences, tokens
from adapters.parsers.lexicon import PREDICATE, phrases
from adapters.parsers.text import folded, lines
from adapters.parsers.verdicts import Reading, statement
from harness.records import Winner

_LEADS = (
    r"(?:(?:so|thus|therefore|hence)[,: ]+)?"
    r"(?:(?:my|the|your|our|final|overall|official|la|el|il|le|der|die|das) ){0,3}"
)
_LABEL = re.compile(
    rf"(?:^|[,.;!。] ?)[^\w\n]{{0,6}}{_LEADS}(?:{phrases('verdict')})(?: finale?| definitiva)?[\"']?"
    r"(?: ?\([^()\n]{1,20}\)(?=:))?(?: (?:for|on) [^:\n]{1,30}(?=:))?"
    r"(?: ?(?::|=|-+>| - |\||は)| is:?(?= )| would be(?= )|(?<=\?))"
)
_LABEL_ALONE = re.compile(rf"\W*{_LEADS}(?:{phrases('verdict')})\W*")
_ENDS = r"[^\w/|?+%=&~<-]*$"
_PAUSES = r"[\"')\]>]* ?(?:[.,;:|](?!\d)|\()(?! ?[\d(]? ?[12ab](?!\w))| - (?!\d)"
_REASONS = r" (?=because|since|as |is (?:the )?(?:better|best|winner|preferred)|wins)"
_OPINION = (
    r"(?:(?:i'?d?|i'll|would|will|say|guess|predict|expect|think|prefer|choose|pick|go with|it is|it's|it|is|slightly"
    r"|probably|likely|definitely|clearly|that|the user|user|prefers) ){0,8}"
)
_LONE = re.compile(
    rf"[\s\"'(\[#:=]*{_OPINION}(?:(?:number|no\.) ?)?"
    r"(?:(?:the )?(?P<one>first|one)|(?:the )?(?P<two>second|two)|(?P<sign>[12ab]))(?:\.0{1,3})?"
    rf"(?P<rest>(?:{_ENDS}|{_PAUSES}|{_REASONS}).*)",
    re.DOTALL,
)
"""A number, letter or word alone, or before a pause and something other than another number."""
_TIE = re.compile(
    r"\W*(?:(?:it'?s|this is|is|a|an|exact|complete) )*"
    rf"(?:{phrases('tie_word')}|(?:image )?[12ab] ?=+ ?(?:image )?[12ab])"
    r"(?:\W*$|\W+(?:because|since|as|both)\b.*|[,;:.(].*)",
    re.DOTALL,
)
_PLACEHOLDER = re.compile(
    r"\W*(?:(?:insert|enter|write|put|choose|select|either|one of)\b.*"
    r"|(?:your|the|final|my) (?:final )?(?:answer|verdict|choice|prediction|winner|decision)(?: here)?"
    r"|(?:verdict|answer|winner|choice|prediction|number|image)(?: here| number)?|x|n|_+|\.\.\.|…)\W*",
    re.DOTALL,
)
_SIGN = r"(?:[12ab]|first|second|tie)"
_ALTERNATIVES = re.compile(
    rf"[\s\"'(\[<]*{_SIGN}[\"')\]>]* ?(?:[|/]| or | vs\.? |或|または|또는| oder | ou | o )"
    rf"[\"'(\[< ]*(?:image |the )?{_SIGN}(?!\w)"
)
_LISTED = re.compile(r"\W*?(?:[/|]|(?:or|oder|ou) |或者?)", re.IGNORECASE)
"""How a sentence begins that is one of several to choose from."""
_QUOTE = re.compile(r"[\"']")
_QUOTED = re.compile(r"\s*([\"'])([^\"']*)\1[.!]?\s*$")
_BRACKETED = re.compile(r"<([12ABab])>")
_LONGEST = 2000
"""Characters of an answer that are read, and of a line that may hold a labelled one."""
_LONGEST_NAME = 120
"""Characters of a line that does no more than name an image."""
_NAME = re.compile(r"(?:[-•] )?[\"'(\[]?[\w #]{1,16}[\"')\].!。]{0,3}")
_NUMBERED = re.compile(r"\W{0,4}\d{1,2}[.)]")
_PARAGRAPH_END = re.compile(r"[.!?)>\]\"'。]$")
_JOINED = re.compile(r"[\"')\]>.]* ?(?:\bor|\boder|\bou|[/|]|或者?)\W*$")
"""How a value ends that is one of several to choose from."""
_SHORT_SUBJECT = re.compile(
    r"^(?=\W*[12ABab] ?(?:>|is |was |wins|beats|over ))\W*([12ABab])"
    r"|(?:(?<=> )|(?<=>)|(?<=than )|(?<=over )|(?<=beats ))([12ABab])(?!\w)"
)
"""`A > B`, `1 is better than 2`: the sign stands for the image."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The verdict that counts and what is odd about it."""

    winner: Winner | None
    flags: tuple[str, ...] = ()


def settle(readings: Sequence[Reading]) -> Settled:
    """The last reading that does not just repeat the choice decides, whatever stood before it.

    A denial decides nothing, but contradicts nothing either where the verdict before it was the other one.
    """
    told = [reading for reading in readings if reading.why != "echo"]
    if not told:
        return Settled(None, ("echo",) if readings else ())
    last = told[-1]
    given = [reading for reading in told if reading.winner]
    if last.why == "negation" and given and given[-1].winner != last.excluded:
        last = given[-1]
    if last.winner is None:
        return Settled(None, (last.why,))
    return Settled(last.winner, ("several-verdicts",) if len({r.winner for r in given}) > 1 else ())


def scan(text: str) -> list[Reading]:
    """Every verdict of a text in order: labelled ones and sentences."""
    found: list[tuple[int, Reading]] = []
    rows = lines(text)
    for place, row in enumerate(rows):
        before = rows[place - 1] if place else ""
        found += [(place, reading) for reading in _row(row, before, rows[place + 1 : place + 2])]
    return _without_echoes(found)


def closing(text: str) -> list[Reading]:
    """The verdict of the last line; that may be nothing but the name of an image."""
    rows = lines(text)
    if rows and _stands_apart(rows):
        if _NAME.fullmatch(rows[-1]) and (named := value(rows[-1])).winner:
            return [named]
        if image := _nothing_but_image(rows[-1]):
            return [Reading(image)]
    return scan("\n".join(rows[-2:]))[-1:] if rows and _row(rows[-1], "", []) else []


def _nothing_but_image(row: str) -> Winner | None:
    """The image a line names with words that say nothing else of it: `In conclusion: Image 2, not Image 1.`"""
    if len(row) > _LONGEST_NAME or PREDICATE.search(folded(row)):
        return None
    found = list(dropwhile(lambda token: token.kind in _BESIDE | _PAUSING, tokens(row)))
    if not found or found[0].kind not in IMAGES:
        return None
    behind = [token.kind for token in found[1:] if token.kind not in _PAUSING]
    excludes = behind[:1] in (["not"], ["than"]) and behind[1:] == ["two" if found[0].kind == "one" else "one"]
    adverbs = row.endswith((".", "!")) and set(behind) <= {"filler"}
    return IMAGES[found[0].kind] if excludes or adverbs or not behind else None


def _stands_apart(rows: Sequence[str]) -> bool:
    """Whether the last row answers what is above it, rather than heading the next part of a list that is cut off."""
    if len(rows) == 1:
        return True
    listed = {found[0].kind for row in rows[:-1] if (found := tokens(row[:24])) and found[0].kind in ("one", "two")}
    numbered = rows[-1].strip().isdecimal() and any(_NUMBERED.match(row) for row in rows[:-1])
    apart = _PARAGRAPH_END.search(rows[-2]) or rows[-1].endswith((".", "!", "。"))
    return bool(apart) and not numbered and len(listed) != 1


def value(text: str) -> Reading:
    """What is said where a verdict is asked for: in an answer tag, behind a label, in a field."""
    text = _QUOTED.sub(r"\2", text[:_LONGEST])
    plain = folded(text).strip()
    if not plain or plain.endswith("?"):
        return Reading(None, "unreadable" if plain else "cut")
    if _PLACEHOLDER.fullmatch(plain) or _ALTERNATIVES.match(plain):
        return Reading(None, "echo")
    if (label := _LABEL.match(plain)) and label.end() < len(plain):
        text = plain = plain[label.end() :].strip()
    text, plain = _BRACKETED.sub(r"\1", text), _BRACKETED.sub(r"\1", plain)
    text = _SHORT_SUBJECT.sub(r"image \1\2", text)
    said = [reading for sentence in sentences(text) if (reading := statement(sentence, concludes=True))]
    if any(token.kind == "either" for token in tokens(text)) or any(reading.why == "echo" for reading in said):
        return Reading(None, "echo")
    readings = [*said, *_bare(text, plain)]
    if len({reading.winner for reading in readings}) > 1:
        return Reading(None, "conflict")
    return readings[0] if readings else Reading(None, "unreadable")


def only_image(text: str) -> Winner | None:
    """The image a text begins with, where it names no other and denies nothing: for a field that names the winner."""
    found = [token.kind for token in tokens(text)]
    subject = next((kind for kind in found if kind != "filler"), "")
    doubts = {"not", "maybe", "if", "or", "either", "both", "worse", "worse_than", "tie", "as_good", "alien"}
    if subject not in ("one", "two") or {"one", "two"} <= set(found) or doubts & set(found):
        return None
    return "A" if subject == "one" else "B"


def labelled(row: str, label: re.Pattern[str], following: Sequence[str] = ()) -> list[Reading]:
    """Values behind a label in a line; behind a label that ends it, the next line; where there is none, `cut`."""
    plain = folded(row)
    found = list(label.finditer(plain))
    if len(plain) != len(row):
        row = plain
    starts = [*(match.start() for match in found), len(row)]
    values = [row[match.end() : stop] for match, stop in zip(found, starts[1:], strict=True)]
    quoted = any(match.start() and len(_QUOTE.findall(match[0])) == 1 for match in found)
    if quoted or any(_JOINED.search(said) for said in values[:-1]):
        return [Reading(None, "echo")] * len(values)
    return [value(said if said.strip(" \"'") else "\n".join(following)) for said in values]


def _row(row: str, before: str, following: Sequence[str]) -> list[Reading]:
    behind = labelled(row, _LABEL, following) if len(row) < _LONGEST else []
    if behind and behind[-1].why != "unreadable":
        return behind
    if _LABEL_ALONE.fullmatch(folded(row[:80])) and (read := value("\n".join(following))).winner:
        return [read]
    said = list(sentences(row))
    readings = [reading for sentence in said if (reading := statement(sentence, before))]
    listed = any(_LISTED.match(sentence) for sentence in said)
    if listed:
        return [replace(reading, winner=None, why="echo") for reading in readings]
    # A label such as `Conclusion:` may stand before a paragraph that is read sentence by sentence.
    return readings or (behind if len(row) <= 80 else [])


def _without_echoes(found: Sequence[tuple[int, Reading]]) -> list[Reading]:
    """All three possible verdicts in a row are the list of what may be answered."""
    readings = [reading for _, reading in found]
    for at in range(len(found) - 2):
        three = found[at : at + 3]
        if {r.winner for _, r in three} == {"A", "B", "tie"} and three[2][0] - three[0][0] <= 2:
            readings[at : at + 3] = [replace(r, winner=None, why="echo") for _, r in three]
    return readings


def _bare(text: str, plain: str) -> list[Reading]:
    """An image named without a verb: `2`, `(B)`, `Image 1`, `the first, since …`; or a tie in a word."""
    if _TIE.fullmatch(plain):
        return [Reading("tie")]
    lone = _LONE.fullmatch(plain)
    if lone and not (lone["sign"] == "a" and not re.match(r"\W", lone["rest"] or ".")):
        return [Reading("A" if lone["one"] or lone["sign"] in ("1", "a") else "B")]
    return _named(tokens(next(sentences(text), "")))


_BESIDE = frozenset({"filler", "character", "so", "user"})
_PAUSING = frozenset({"neutral", "stop", "so"})


def _named(said: Sequence[Token]) -> list[Reading]:
    found = list(dropwhile(lambda token: token.kind in _BESIDE or token.kind == "stop", said))
    pause = next((place for place, token in enumerate(found) if token.kind in ("stop", "why", "but")), len(found))
    if not pause or found[pause - 1].kind not in ("one", "two"):
        return []
    head = [token.kind for token in found[:pause] if token.kind not in _BESIDE]
    rest = [token for token in found[pause + 1 :] if token.kind not in _BESIDE]
    if "not" in head and {"one", "two"} & set(head):
        affirms = bool(rest) and found[pause].kind == "but" and rest[0].kind not in head
        return _named(rest) if affirms else [Reading(None, "negation")]
    if head in (["one", "than", "two"], ["two", "than", "one"]):
        head = head[:1]
    if head not in (["one"], ["two"]) or (rest and found[pause].text == ":" and rest[0].text.isdecimal()):
        return []
    if [token.kind for token in rest] in (["one"], ["two"]) and rest[0].kind != head[0]:
        return [Reading(None, "conflict")]
    return [Reading(IMAGES[head[0]])]
