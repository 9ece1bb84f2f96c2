"""What a failed attempt means: ask again, give up on this request, or stop the run."""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from adapters.engines.answers import Malformed, message_of
from adapters.engines.options import EndpointOptions
from harness.errors import ConfigError
from harness.records import Status

SHOWN = 500
"""Characters of a server's text that are kept."""

BUSY = frozenset({429, 503, 529})
"""Too many requests, unavailable, and Anthropic's overloaded: there were more requests than the server takes."""

FILTER = re.compile(r"content[_ -]?(filter|policy|management)|responsibleai|safety system|moderation", re.IGNORECASE)
NO_MONEY = re.compile(r"insufficient_quota|billing_hard_limit|credit balance is too low", re.IGNORECASE)
SECRET = re.compile(r"(?i:(bearer\s+)|(?<![a-z0-9])(sk-))[\w.~+/=-]{8,}")

LONGEST_WAIT = 600.0
"""Seconds. A server that wants a longer pause, such as until tomorrow, stops the run; the same command resumes it."""
FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 30.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt gave no reply."""

    status: Status
    text: str
    again: bool = False
    """Whether another attempt may help."""
    busy: bool = False
    """Whether the server had too much to do."""
    wait: float = 0.0
    """Seconds the server asks to wait."""
    spent: bool = False
    """Whether the server may have done, and billed, the work all the same."""


class Failures:
    """Tells what an exception of the client means, in words that hold no key."""

    def __init__(self, options: EndpointOptions, key: str) -> None:
        self._options = options
        self._key = key

    def of(self, error: Exception) -> Failure:
        """The failure an exception stands for. Raises `ConfigError` for one that every further request would meet."""
        import openai  # noqa: PLC0415 - loaded with the first request

        if isinstance(error, TimeoutError | openai.APITimeoutError):
            text = f"no reply within {self._options.timeout:g} s"
            return Failure(Status.TIMEOUT, text, busy=True, spent=True)
        if isinstance(error, openai.APIStatusError):
            return self._of_status(error.status_code, _body_of(error), error.response.headers)
        if isinstance(error, openai.APIConnectionError):
            text = f"connection lost ({type(error.__cause__).__name__}: {error.__cause__})"
            return Failure(Status.API_ERROR, self.shown(text), again=True, spent=True)
        if isinstance(error, Malformed):
            return Failure(Status.API_ERROR, self.shown(f"unreadable reply: {error}"), again=True, spent=True)
        # Whatever else the client trips over in what a server sends, such as a redirect to nowhere.
        return Failure(Status.API_ERROR, self.shown(f"{type(error).__name__}: {error}"), spent=True)

    def _of_status(self, code: int, body: object, headers: Mapping[str, str]) -> Failure:
        text = self.shown(f"HTTP {code}: {message_of(body)}")
        if code in {400, 403} and FILTER.search(str(body)):
            return Failure(Status.FILTERED, text)
        self._check_fatal(code, str(body), text)
        if code == 429 or code >= 500:
            wait = self._patient(retry_after(headers, time.time()), text)
            return Failure(Status.API_ERROR, text, again=True, busy=code in BUSY, wait=wait)
        if code == 408:
            return Failure(Status.TIMEOUT, text, busy=True)
        return Failure(Status.JUDGE_ERROR, text)

    def _check_fatal(self, code: int, body: str, text: str) -> None:
        options = self._options
        if code == 401:
            state = "is not accepted" if self._key else "is not set"
            raise ConfigError(f"the key in the environment variable {options.key_env} {state} ({text}); "
                              "set that variable, or name another one with key_env")  # fmt: skip
        if code == 403:
            raise ConfigError(f"the key in the environment variable {options.key_env} may not use model "
                              f"{options.model!r} ({text}); use another key or model")  # fmt: skip
        if code in {404, 405}:
            raise ConfigError(f"the server knows no model {options.model!r}, or base_url is not where its chat "
                              f"completions are ({text}); its address usually ends in /v1 and "
                              "GET base_url/models lists its models")  # fmt: skip
        if code == 402 or (code in {400, 429} and NO_MONEY.search(body)):
            raise ConfigError(f"the account behind {options.key_env} has nothing left to spend ({text}); "
                              "top it up, then give the same command to resume")  # fmt: skip

    @staticmethod
    def _patient(wait: float, text: str) -> float:
        if wait > LONGEST_WAIT:
            raise ConfigError(f"the server asks to wait {wait:.0f} s ({text}); give the same command then to resume")
        return wait

    def shown(self, text: str) -> str:
        """Shortened, on one line, without anything that looks like a key."""
        return " ".join(self.masked(SECRET.sub(r"\1\2***", self.masked(text))).split())[:SHOWN]

    def masked(self, text: str) -> str:
        """The key, as it is or as it stands in an address, replaced by `***`."""
        for spelling in filter(None, {self._key, quote(self._key, safe="")}):
            text = text.replace(spelling, "***")
        return text


def _body_of(error: object) -> object:
    body = getattr(error, "body", None)
    return body if body is not None else getattr(error, "message", "")


def retry_after(headers: Mapping[str, str], now: float) -> float:
    """Seconds the server asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date; 0 without one.

    RFC 9110, section 10.2.3. A date is read against the server's own clock where it sends one.
    """
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        return max(0.0, seconds) if math.isfinite(seconds) else 0.0
    until = _date(headers.get("retry-after"))
    sent = _date(headers.get("date"))
    return max(0.0, until - (now if sent is None else sent)) if until is not None else 0.0


def _date(value: str | None) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, OverflowError):
        return None


def backoff(seed: bytes, attempt: int) -> float:
    """Seconds before the next attempt, drawn evenly below a ceiling that doubles: "full jitter".

    M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. A function of the request and the
    attempt, so that two runs wait alike and yet no two requests together.
    """
    draw = int.from_bytes(hashlib.sha256(b"%b:%d" % (seed, attempt)).digest()[:8], "big") / 2**64
    return draw * min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0**attempt)
