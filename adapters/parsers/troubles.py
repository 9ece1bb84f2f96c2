"""Answers without a verdict: refused, cut off, looping, or just not readable."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from adapters.parsers.lexicon import bounded, phrases
from adapters.parsers.text import clean, folded, lines
from harness.records import Status, Verdict

_CANNOT, _DO = f"(?:{phrases('cannot')})", f"(?P<do>{phrases('do')})"
_REFUSAL = re.compile(
    r"(?:^|[.!:\n\"'>,] ?|\b(?:but|sorry|that) )"
    rf"(?:{phrases('refusal').replace('{cannot}', _CANNOT).replace('{do}', _DO)})"
)
_UNDECIDED = re.compile(rf"\b(?:{phrases('indecision')})\b")
_ENDED = re.compile(r"[.!?。…\"')\]>}|`~*]$")
_HANGING = re.compile(rf"(?:[,:;(\[=+/<-]|{bounded('hanging')})$")
_FORMAT = re.compile(rf"{bounded('scored')}|(?<![a-z])(?:images|profile|scores|verdict|prediction|answer)")
_TAIL = 1600
_LOOPS, _LOOP_LENGTH = 6, 100
"""A text loops when its end is at least six copies of one passage and at least so many characters long."""
_SAME_LINES = 12


def failure(text: str, flags: Iterable[str] = (), cut: bool = False) -> Verdict:
    """The verdict on an answer without one: refused, else truncated where the text ends early, else unparseable."""
    flags = set(flags)
    if not text.strip():
        flags.add("empty")
    if looping(text):
        flags.add("repetition")
    return Verdict(None, status_of(text, flags, cut), flags=tuple(sorted(flags)))


def status_of(text: str, flags: Iterable[str] = (), cut: bool = False) -> Status:
    """The kind of failure of a text without a verdict; `cut`: it is known to end early."""
    flags = set(flags)
    if refuses(text):
        return Status.REFUSED
    if flags & {"echo", "negation", "conflict", "unreadable", "format-invalid", "no-scores"} and not cut:
        return Status.UNPARSEABLE
    if cut or flags & {"cut", "repetition"} or ends_early(text):
        return Status.TRUNCATED
    return Status.UNPARSEABLE


def refuses(text: str) -> bool:
    """Whether the model declines, in one of a dozen languages; not being able to choose is no refusal."""
    for piece in (folded(clean(text[:700])), folded(clean(text[-300:]))):
        found = _REFUSAL.search(piece)
        if found and (found["do"] or not _UNDECIDED.search(piece[found.start() : found.end() + 50])):
            return True
    return False


def ends_early(text: str) -> bool:
    """Whether a text that is about images ends within a sentence. Short texts must end on a word that asks for more."""
    plain = folded(text[-4000:]).rstrip()
    if not plain or not _FORMAT.search(plain):
        return False
    return bool(_HANGING.search(plain[-20:])) or (len(text) >= 80 and not _ENDED.search(plain))


def looping(text: str) -> bool:
    """Whether the end of a text repeats one passage over and over, or one line makes up much of it."""
    rows = [row for row in lines(text) if any(map(str.isalpha, row))]
    if rows and Counter(rows).most_common(1)[0][1] >= _SAME_LINES:
        return True
    tail = " ".join(text[-_TAIL:].split())[::-1]
    return _periodic(tail)


def _periodic(text: str) -> bool:
    """Whether a prefix of at least `_LOOP_LENGTH` characters is `_LOOPS` copies of one (Knuth-Morris-Pratt)."""
    border = [0] * len(text)
    for at in range(1, len(text)):
        length = border[at - 1]
        while length and text[at] != text[length]:
            length = border[length - 1]
        border[at] = length + (text[at] == text[length])
        period = at + 1 - border[at]
        if at + 1 >= _LOOP_LENGTH and at + 1 >= _LOOPS * period and any(map(str.isalnum, text[:period])):
            return True
    return False
