"""Numbers and written-out sums in the answers of models."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

NUMBER = r"[-+]?(?:\d{1,320}(?:\.\d{1,40}|,\d{1,40}(?![\d,]))?|\.\d{1,40})(?:e[-+]?\d{1,4})?%?"
"""A number, with a decimal point or comma. Bounded, so that a run of digits is not tried from each of its ends."""

_OUT_OF = r"(?: ?/ ?\d{1,3}(?:\.0)?(?![\d/])| out of \d{1,3})?"
_PLAIN = r"\d{1,6}(?:[.,]\d{1,6}(?!\d))?"
_NOT_A_NUMBER = r"[-+]?(?:nan|inf(?:inity)?|n/a)(?![a-z])"

SUM = rf"{NUMBER}{_OUT_OF}(?: ?\+ ?{NUMBER}{_OUT_OF}){{0,200}}(?: ?= ?{NUMBER}{_OUT_OF})?|{_NOT_A_NUMBER}"
"""`8`, `8/10`, `8+6+9=23`, or a word that stands for no number."""

RANGE_AHEAD = rf"(?! ?(?:-|~|to|or|\||/) ?{_PLAIN}(?![\d.]))"
"""Behind a number: not the lower end of a range, which is how templates are written."""

_TERM = re.compile(rf"({NUMBER}){_OUT_OF}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as written: alone, or as a sum with or without its result."""

    value: float
    """The result where it is written, else the sum of the terms."""
    terms: tuple[float, ...]
    """The summands; one for a plain number."""

    @property
    def is_sum(self) -> bool:
        """Whether at least two terms are written out."""
        return len(self.terms) > 1

    @property
    def adds_up(self) -> bool:
        """Whether the result is the sum of the terms."""
        return same(self.value, total(self.terms))


def number(text: str) -> float | None:
    """The number, or None when it is none or not finite."""
    try:
        value = float(text.replace(",", ".").rstrip("%"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def amount(text: str) -> Amount | None:
    """What `SUM` matched; None when one of its numbers is not finite."""
    left, _, right = text.partition("=")
    terms = [number(term[1]) for term in _TERM.finditer(left)]
    result = number(term[1]) if right and (term := _TERM.search(right)) else None
    known = tuple(term for term in terms if term is not None)
    if not known or len(known) < len(terms) or (right and result is None):
        return None
    value = total(known) if result is None else result
    return Amount(value, known) if math.isfinite(value) else None


def total(values: tuple[float, ...]) -> float:
    """The sum to nine decimals, so that 0.1 + 0.2 equals 0.3 in whatever order; infinity where it overflows."""
    try:
        return round(math.fsum(values), 9)
    except OverflowError:
        return math.inf


def same(a: float, b: float) -> bool:
    """Equal up to the nine decimals of `total`."""
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
