"""What a run will take, said before it is begun. Estimates, and labelled as such."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.engines.pricing import Prices, Tokens
from adapters.engines.tokens import image_rule, likely_text_tokens, sent_size
from harness.generation import Request

SPEED = 40.0
"""Tokens a second one request is answered at where nothing was measured: about what a 7 B model does on one GPU with
several requests in flight. An assumption, and named as one."""
LATENCY = 1.0
"""Seconds before the first token where nothing was measured. An assumption as well."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What replies so far took together."""

    replies: int = 0
    seconds: float = 0.0
    """From sending a request to its reply."""
    written: int = 0
    """Tokens."""

    def __add__(self, other: Measured) -> Measured:
        return Measured(self.replies + other.replies, self.seconds + other.seconds, self.written + other.written)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Estimates, none of them a promise; `str` says so."""

    requests: int
    tokens_in: int
    """Text at four characters a token, images by the rule for the model."""
    tokens_out: int
    """By the replies so far; without any, as many as the requests allow."""
    cost: float | None
    """US dollars; None without prices."""
    seconds: float
    """With `concurrency` requests in flight."""
    concurrency: int
    measured: int
    """Replies the estimate rests on; 0: on assumptions alone."""

    def __add__(self, other: Forecast) -> Forecast:
        """Of both, one after the other."""
        return Forecast(
            self.requests + other.requests,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            None if self.cost is None or other.cost is None else self.cost + other.cost,
            self.seconds + other.seconds,
            max(self.concurrency, other.concurrency),
            self.measured + other.measured,
        )

    def __str__(self) -> str:
        basis = f"from {self.measured} replies" if self.measured else "replies as long as allowed, speed assumed"
        price = "cost unknown (no prices given)" if self.cost is None else f"about ${self.cost:,.2f}"
        return (
            f"estimate for {self.requests:,} requests: about {self.tokens_in:,} tokens in and {self.tokens_out:,} out, "
            f"{price}, about {self.seconds:,.0f} s with {self.concurrency} in flight ({basis})"
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """What a forecast depends on besides the requests."""

    model: str
    prices: Prices
    max_pixels: int | None
    concurrency: int
    measured: Measured = Measured()


def forecast(sample: Sequence[Request], terms: Terms, total: int | None = None) -> Forecast:
    """Estimates for `total` requests like those of the sample; None: for the sample itself.

    An image that cannot be read counts as one of `max_pixels`. Raises `ValueError` for an empty sample.
    """
    if not sample:
        raise ValueError("a forecast needs at least one request as a sample")
    rule, n = image_rule(terms.model), total if total is not None else len(sample)
    sizes = [sent_size(image, terms.max_pixels) for request in sample for image in request.images]
    read = sum(map(likely_text_tokens, sample)) + sum(rule(*size) for size in sizes)
    allowed = sum(request.decoding.max_tokens for request in sample) / len(sample)
    known = terms.measured.replies
    written = terms.measured.written / known if known else allowed
    each = terms.measured.seconds / known if known else LATENCY + written / SPEED
    tokens = Tokens(round(read / len(sample) * n), round(written * n))
    seconds = each * n / min(terms.concurrency, max(n, 1))
    return Forecast(n, tokens.read, tokens.written, terms.prices.cost(tokens), seconds, terms.concurrency, known)
