"""One batch of requests through a model: text and images in, tokens out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import torch
from transformers import LogitsProcessorList

from adapters.engines.chat import Chat
from adapters.engines.choosing import Options, generation_config, seed_of
from adapters.engines.pictures import ImagePolicy, prepared
from adapters.engines.vision import Vision
from harness.generation import Reply, Request
from harness.records import Status

Inputs = dict[str, Any]
"""What `generate` takes: `input_ids` and `attention_mask` of shape (rows, tokens), padded on the left, and images."""


class Writer:
    """A loaded model that answers batches of requests with one decoding."""

    def __init__(self, model: Any, processor: Any, policy: ImagePolicy, *, reuse: bool) -> None:
        self._model = model
        self._processor = processor
        self._tokenizer = processor.tokenizer
        self._chat = Chat(processor)
        self._sizing = _pixel_budget(processor.image_processor, policy.max_pixels)
        # A processor with a pixel budget resizes by itself: an image is not to be resampled twice.
        policy = ImagePolicy(policy.format, policy.quality) if self._sizing else policy
        self._pixels = partial(prepared, policy=policy)
        apart = reuse and Vision.known_for(model)
        self._vision = Vision(model, processor, self._pixels, self._sizing) if apart else None
        self._ends = _ends(model, self._tokenizer)
        self._options = lru_cache(maxsize=16)(partial(Options, self._tokenizer))
        self._room: int = getattr(model.config.get_text_config(), "max_position_embeddings", 1 << 60)

    def replies(self, requests: Sequence[Request]) -> list[Reply]:
        """One reply each.

        Raises:
            ImageError: an image of one of them cannot be decoded.
            ValueError: one of them is too long for the model.
            OutOfMemoryError: torch's, for all of them.
        """
        decoding = requests[0].decoding
        inputs = self._inputs(requests)
        read = inputs["attention_mask"].sum(dim=1).tolist()
        if max(read) + decoding.max_tokens > self._room:
            raise ValueError(
                f"a prompt of {max(read)} tokens and max_tokens {decoding.max_tokens} do not fit the model's context "
                f"of {self._room}; lower max_pixels, max_tokens or the number of references"
            )
        options: Options = self._options(decoding.options)
        recorder = options.recorder()
        written = self._written(requests[0], inputs, LogitsProcessorList([recorder] if options.available else []))
        logits = recorder.logits() if options.available else [None] * len(written)
        return [self._reply(*row, options) for row in zip(written, read, logits, strict=True)]

    def free_memory(self) -> None:
        """Gives back what torch keeps in reserve."""
        if self._model.device.type == "cuda":
            torch.cuda.empty_cache()

    def _written(self, first: Request, inputs: Inputs, recorders: LogitsProcessorList) -> list[list[int]]:
        """New tokens of each row. Sampling draws from a seed of its own and leaves torch's generators as they were."""
        sampling = first.decoding.temperature > 0
        config = generation_config(first.decoding, self._ends, self._tokenizer.pad_token_id)
        devices = [self._model.device] if self._model.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices, enabled=sampling):
            if sampling:
                torch.manual_seed(seed_of(first))
            output = self._model.generate(**inputs, generation_config=config, logits_processor=recorders)
        return list(output[:, inputs["input_ids"].shape[1] :].tolist())

    def _reply(self, row: list[int], read: int, logits: torch.Tensor | None, options: Options) -> Reply:
        end = next((place for place, token in enumerate(row) if token in self._ends), None)
        tokens = row[:end]
        text = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        if end is None:
            return Reply(Status.TRUNCATED, text, read, len(row))
        found = {} if logits is None else options.probabilities(tokens, logits)
        return Reply(Status.OK, text, read, end + 1, options=found)

    def _inputs(self, requests: Sequence[Request]) -> Inputs:
        texts = [self._chat.text(request.messages) for request in requests]
        for text, request in zip(texts, requests, strict=True):
            if (slots := text.count(self._chat.image_token)) != len(request.images):
                raise ValueError(f"the chat template wrote {slots} image slots for {len(request.images)} images")
        inputs = self._apart(texts, requests) if self._vision else self._together(texts, requests)
        inputs = {
            name: value.to(self._model.device) if hasattr(value, "to") else value for name, value in inputs.items()
        }
        # Padding counts for the repetition penalty though it is masked: each row is padded with its own first token.
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        first = ids.gather(1, mask.argmax(dim=1, keepdim=True))
        return {**inputs, "input_ids": torch.where(mask.bool(), ids, first)}

    def _apart(self, texts: Sequence[str], requests: Sequence[Request]) -> Inputs:
        """Features from `Vision`; each image's slot is repeated once for each of its feature rows."""
        assert self._vision is not None
        slot = self._chat.image_token
        shown = [[self._vision.see(image) for image in request.images] for request in requests]
        filled = []
        for text, images in zip(texts, shown, strict=True):
            before, *after = text.split(slot)
            pairs = zip(images, after, strict=True)
            filled.append(before + "".join(slot * len(seen.features) + rest for seen, rest in pairs))
        inputs = dict(self._tokenizer(filled, **self._tokenizing(texts[0])))
        types = self._processor.create_mm_token_type_ids(inputs["input_ids"].tolist())
        inputs["mm_token_type_ids"] = torch.tensor(types)
        return {**inputs, **self._vision.inputs([seen for images in shown for seen in images])}

    def _together(self, texts: Sequence[str], requests: Sequence[Request]) -> Inputs:
        """The processor's own way, for any architecture."""
        images = [[self._pixels(image) for image in request.images] for request in requests]
        shown = {"images": images, "images_kwargs": self._sizing} if any(images) else {}
        inputs = dict(self._processor(text=list(texts), **shown, **self._tokenizing(texts[0])))
        return {
            name: value.to(self._model.dtype) if value.is_floating_point() else value for name, value in inputs.items()
        }

    def _tokenizing(self, text: str) -> dict[str, Any]:
        """A template that writes the first token of a sequence itself does not get a second one."""
        begun = bool(self._tokenizer.bos_token) and text.startswith(self._tokenizer.bos_token)
        return {"padding": True, "padding_side": "left", "return_tensors": "pt", "add_special_tokens": not begun}


def _pixel_budget(image_processor: Any, max_pixels: int | None) -> dict[str, Any]:
    """`size` for processors of the Qwen-VL family, where the edges are numbers of pixels; empty for any other."""
    size = image_processor.size
    if max_pixels is None or not hasattr(image_processor, "merge_size") or "longest_edge" not in size:
        return {}
    return {"size": {"shortest_edge": min(size["shortest_edge"], max_pixels), "longest_edge": max_pixels}}


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Tokens that end an answer: those of generation_config.json, else the tokenizer's."""
    ends = model.generation_config.eos_token_id
    ends = [ends] if isinstance(ends, int) else list(ends or ())
    return frozenset(ends or [tokenizer.eos_token_id])
