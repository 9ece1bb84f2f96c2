"""The HTTP side: one client, one post, one question about the model. Imports `openai` when a client is opened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from adapters.engines.answers import Malformed
from adapters.engines.failures import Failure, Failures, backoff
from adapters.engines.options import EndpointOptions
from harness.errors import ConfigError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NO_KEY = "none"
"""Sent where there is no key: the client insists on one, and a server that asks for none ignores it."""

TOLD = ("owned_by", "root", "max_model_len")
"""What is kept of a model's entry (vLLM's model card; other servers give fewer). The time of creation is not: vLLM
gives that of the question."""
PATIENCE = 10.0
"""Seconds to wait for that entry."""
TRIES = 4


@asynccontextmanager
async def opened(options: EndpointOptions, key: str) -> AsyncIterator[AsyncOpenAI]:
    """A client that retries nothing by itself, closed at the end."""
    from openai import AsyncOpenAI  # noqa: PLC0415 - takes a second; listing judges must not

    async with AsyncOpenAI(
        base_url=options.base_url, api_key=key or NO_KEY, timeout=options.timeout, max_retries=0
    ) as client:
        yield client


async def completion(client: AsyncOpenAI, model: str, fields: Mapping[str, Any], timeout: float) -> Any:
    """The decoded body of a chat completion. Raises what the client raises, `TimeoutError` or `Malformed`."""
    rest = {key: value for key, value in fields.items() if key != "messages"}
    async with asyncio.timeout(timeout):
        answer = await client.chat.completions.with_raw_response.create(
            model=model, messages=fields["messages"], extra_body=rest
        )
    return decoded(answer.content)


def decoded(content: bytes) -> Any:
    """JSON. Raises `Malformed`: a body cut short is one case, a page of a proxy another."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"no JSON, or cut short, after {len(content)} bytes ({error})") from None


async def served(client: AsyncOpenAI, options: EndpointOptions, failures: Failures) -> dict[str, Any]:
    """What the server's list of models says of the model; empty where it has no such list.

    Raises `ConfigError` when no server answers or the key is not accepted.
    """
    for attempt in range(TRIES):
        try:
            async with asyncio.timeout(min(PATIENCE, options.timeout)):
                answer = await client.models.with_raw_response.list()
            return _entry(decoded(answer.content), options.model)
        except Exception as error:
            problem: Exception = error
        # Outside of the handler: an error's context may hold the server's text, and that an echoed key.
        if getattr(problem, "status_code", 0) in {400, 403, 404, 405, 501}:
            return {}
        failure: Failure = failures.of(problem)
        if attempt + 1 < TRIES:
            await asyncio.sleep(failure.wait + backoff(b"models", attempt))
    if getattr(problem, "status_code", 0) == 500:
        # It is there and cannot list its models: `transformers serve` on a machine without a hub cache.
        return {}
    raise ConfigError(
        f"no server answers at {options.base_url} ({failure.text}); start it, correct base_url, or set probe=false"
    )


def _entry(listing: Any, model: str) -> dict[str, Any]:
    data = listing.get("data") if isinstance(listing, Mapping) else None
    entries = [entry for entry in data if isinstance(entry, Mapping)] if isinstance(data, list) else []
    found: Mapping[str, Any] = next((entry for entry in entries if entry.get("id") == model), {})
    told = {name: found[name] for name in TOLD if isinstance(found.get(name), str | int)}
    # vLLM's root is a repository, or the folder the weights were loaded from: that tells about a machine.
    return {name: value for name, value in told.items() if not str(value).startswith(("/", "~", "."))}
