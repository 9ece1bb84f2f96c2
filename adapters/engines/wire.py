"""A request as the fields of a chat completion (OpenAI API reference, "Create chat completion").

Pure: the same request, options and images give the same fields in the same order, so the same bytes, and a server's
prefix cache finds what it has seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from adapters.engines.options import EndpointOptions
from harness.generation import Decoding, Message, Part, Request
from harness.records import Image

TOP_LOGPROBS = 20
"""Alternatives asked for at each token: the most that OpenAI takes, and vLLM unless started with more."""

LOGPROBS = ("logprobs", "top_logprobs")

Fields = dict[str, Any]


def fields(request: Request, options: EndpointOptions, url: Callable[[Image], str]) -> Fields:
    """All fields of the body but the model. `url(image)` gives an image's data URL.

    Token probabilities are asked for only where the request names options.
    """
    body: Fields = {"messages": [_message(message, url) for message in request.messages]}
    body |= _decoding(request.decoding, options)
    if options.logprobs and request.decoding.options:
        body |= dict(zip(LOGPROBS, (True, TOP_LOGPROBS), strict=True))
    if options.continue_prefix and request.messages and request.messages[-1].role == "assistant":
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    return {key: value for key, value in body.items() if key not in options.omit} | dict(options.extra)


def _decoding(decoding: Decoding, options: EndpointOptions) -> Fields:
    """OpenAI's own fields; a vLLM server is sent the neutral values too, where others might refuse the field.

    vLLM takes what a request leaves out from the checkpoint's generation_config.json, and top_k -1 is all tokens
    (vLLM, "OpenAI-Compatible Server": sampling parameters). `transformers serve` does so too, and takes a whole
    generation config as text in its place (transformers, cli/serving/utils.py).
    """
    body: Fields = {options.length_field: decoding.max_tokens, "temperature": decoding.temperature}
    if decoding.temperature > 0:
        body |= {"top_p": decoding.top_p, "seed": decoding.seed}
    if options.server == "vllm":
        body |= {"top_p": decoding.top_p, "top_k": -1, "min_p": 0.0}
    if options.server == "transformers":
        return body | {"generation_config": json.dumps(_generation_config(decoding))}
    if options.server == "vllm" or decoding.repetition_penalty != 1.0:
        body["repetition_penalty"] = decoding.repetition_penalty
    return body


def _generation_config(decoding: Decoding) -> Fields:
    """What a checkpoint's own file might set otherwise, said explicitly; a value left out would come from there."""
    sampling = {"temperature": decoding.temperature, "top_p": decoding.top_p, "top_k": 0, "min_p": 0.0}
    return {
        "do_sample": decoding.temperature > 0,
        "num_beams": 1,
        "no_repeat_ngram_size": 0,
        "repetition_penalty": decoding.repetition_penalty,
        **(sampling if decoding.temperature > 0 else {}),
    }


def _message(message: Message, url: Callable[[Image], str]) -> Fields:
    """Text alone is sent as a string: the chat templates of some models take nothing else."""
    if any(isinstance(part, Image) for part in message.parts):
        return {"role": message.role, "content": list(_parts(message.parts, url))}
    return {"role": message.role, "content": "".join(str(part) for part in message.parts)}


def _parts(parts: Sequence[Part], url: Callable[[Image], str]) -> Iterator[Fields]:
    """In order. Neighbouring texts become one: servers join them with line breaks that nobody wrote."""
    for is_image, group in groupby(parts, key=lambda part: isinstance(part, Image)):
        if not is_image:
            text = "".join(str(part) for part in group)
            yield from [{"type": "text", "text": text}] if text else []
        else:
            yield from ({"type": "image_url", "image_url": {"url": url(i)}} for i in group if isinstance(i, Image))
