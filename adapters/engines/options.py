"""Where an endpoint is, what it is asked for and what may be spent on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from adapters.engines.pictures import ImagePolicy
from adapters.engines.pricing import Budget, Prices
from harness.errors import ConfigError
from harness.parameters import number, one_of, whole

SERVERS = ("openai", "vllm", "transformers")
LENGTH_FIELDS = ("max_tokens", "max_completion_tokens")
LONGEST = 86_400.0
"""Seconds a reply may be waited for at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOptions:
    """Everything an endpoint needs. Raises `ConfigError` for a value out of range.

    Only what can change a reply is part of a run's identity: `identity()`.
    """

    base_url: str
    """Address of the API, such as `http://127.0.0.1:8000/v1`; never with a user or a password in it."""
    model: str
    """The name the server knows the model by."""
    key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key. Without such a variable none is sent; a local server needs none."""
    image_format: str = "png"
    """`png` or `jpeg`; see `ImagePolicy`."""
    jpeg_quality: int = 95
    max_pixels: int | None = None
    """A larger image is made smaller before it is sent; None: never."""
    server: str = "openai"
    """`openai`: only fields every provider takes. `vllm` (SGLang as well): every decoding field is sent, so that the
    checkpoint's own generation config, with its top-k or repetition penalty, does not apply. `transformers` does so for
    `transformers serve`: the model then writes what it would write in this process."""
    continue_prefix: bool = False
    """Asks vLLM to go on from an assistant message at the end, not to begin a new turn after it."""
    logprobs: bool = True
    """Asks for token probabilities where a request names options."""
    length_field: str = "max_tokens"
    """What the limit of new tokens is called; OpenAI's reasoning models take `max_completion_tokens` only."""
    omit: tuple[str, ...] = ()
    """Fields a server refuses and that are left out, such as `temperature`."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of every request; wins over what the engine would send."""
    probe: bool = True
    """Whether a run's identity asks the server what it says of the model. Without, a finished run is recognised while
    the server is off."""
    timeout: float = 600.0
    """Seconds for one attempt, from sending to the last byte of the reply."""
    concurrency: int = 64
    """Requests in flight at most; how many there are is found out: see `adapters.engines.limits`."""
    retries: int = 4
    """Further attempts after a 429, a server error or a lost connection."""
    budget_usd: float | None = None
    """US dollars at most, in the life of an engine; needs both prices."""
    budget_tokens: int | None = None
    """Tokens in and out at most, likewise."""
    price_in: float | None = None
    """US dollars for a million tokens of the prompt."""
    price_out: float | None = None
    """US dollars for a million tokens of the reply."""

    def __post_init__(self) -> None:
        check_address(self.base_url)
        _check_text("model", self.model)
        _check_text("key_env", self.key_env)
        _ = self.policy
        one_of("server", self.server, SERVERS)
        one_of("length_field", self.length_field, LENGTH_FIELDS)
        for name in ("continue_prefix", "logprobs", "probe"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"parameter {name} is {getattr(self, name)!r}; expected true or false")
        self._check_fields()
        number("timeout", self.timeout, 0.001, LONGEST)
        whole("concurrency", self.concurrency, 1, 1000)
        whole("retries", self.retries, 0, 100)
        self.budget()

    def _check_fields(self) -> None:
        if not isinstance(self.omit, list | tuple) or not all(isinstance(name, str) for name in self.omit):
            raise ConfigError(
                f'parameter omit is {self.omit!r}; expected a list of field names, such as ["temperature"]'
            )
        try:
            if not isinstance(self.extra, Mapping):
                raise TypeError(f"a {type(self.extra).__name__} came")
            json.dumps(dict(self.extra), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"parameter extra: {error}; expected a table of JSON fields and values") from error

    @property
    def policy(self) -> ImagePolicy:
        """How images are sent."""
        return ImagePolicy(self.image_format, self.jpeg_quality, self.max_pixels)

    @property
    def prices(self) -> Prices:
        """What tokens cost."""
        return Prices(self.price_in, self.price_out)

    def budget(self) -> Budget:
        """A budget of which nothing is spent."""
        return Budget(self.prices, self.budget_usd, self.budget_tokens)

    def identity(self) -> Mapping[str, Any]:
        """What can change a reply: not the address, the key, timeouts, concurrency, prices or the budget."""
        names = ("model", "server", "continue_prefix", "logprobs", "length_field")
        told = {name: getattr(self, name) for name in names}
        return {**told, "omit": sorted(self.omit), "extra": dict(self.extra), "images": self.policy.identity()}


def check_address(base_url: object) -> None:
    """Raises `ConfigError`, without repeating a password, for anything but a plain http or https address."""
    parts = _split(base_url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        shown = (
            "an address with a user or password" if isinstance(base_url, str) and "@" in base_url else repr(base_url)
        )
        raise ConfigError(f"parameter base_url is {shown}; expected an address such as http://127.0.0.1:8000/v1")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"parameter base_url holds a user or password for {parts.hostname}, and addresses end up in logs; "
            "take them out, put the key in an environment variable and name that variable with key_env"
        )
    if parts.query or parts.fragment:
        raise ConfigError(
            f"parameter base_url for {parts.hostname} has a part after ? or #; expected scheme, host, port and path"
        )


def _split(base_url: object) -> SplitResult | None:
    try:
        parts = urlsplit(base_url) if isinstance(base_url, str) else None
        # Reading the port checks it.
        return parts if parts is None or parts.port is None or parts.port else None
    except ValueError:
        return None


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"parameter {name} is {value!r}; expected text")
