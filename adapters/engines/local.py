"""A vision-language model in this process, on transformers."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from adapters.engines import checkpoints
from adapters.engines.pictures import ImagePolicy
from harness.errors import ConfigError, ImageError
from harness.generation import Decoding, Reply, Request
from harness.parameters import one_of, whole
from harness.records import Status

if TYPE_CHECKING:
    from adapters.engines.bases import Base
    from adapters.engines.writing import Writer

LIBRARIES = ("torch", "transformers", "tokenizers", "torchvision", "peft", "bitsandbytes", "pillow")
"""Distributions whose versions can change a reply of a local model: for a judge's `libraries`."""

INCIDENTAL = ("batch", "reuse")
"""Parameters that change a reply by no more than rounding: for a judge's `incidental`."""

DTYPES = ("auto", "float32", "bfloat16", "float16")
QUANTIZATIONS = ("", "4bit")
DEVICES = re.compile(r"auto|cpu|mps|cuda(:\d+)?")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """Everything a local model needs. Raises `ConfigError` for a value out of range."""

    model: str
    """Hub id `owner/name`, `owner/name@revision`, or a folder with safetensors."""
    adapter: str = ""
    """LoRA adapter on top of it, named likewise."""
    device: str = "auto"
    """`cpu`, `mps`, `cuda`, `cuda:1` …; auto: a GPU where there is one."""
    dtype: str = "auto"
    """`float32`, `bfloat16` or `float16`; auto: bfloat16 on a GPU, float32 elsewhere."""
    quantization: str = ""
    """`4bit`: weights as NF4, with bitsandbytes on a GPU."""
    batch: int = 8
    """Requests generated together; fewer where memory is short."""
    max_pixels: int | None = 512 * 512
    """A larger image is made smaller, by the model's processor where it takes a limit; None: the checkpoint's limit."""
    image_format: str = "png"
    """`png` or `jpeg`; see `ImagePolicy`."""
    jpeg_quality: int = 95
    reuse: bool = True
    """Features of an image are computed once for all requests that show it, where the architecture allows it."""

    def __post_init__(self) -> None:
        for name in ("model", "adapter", "device"):
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f"parameter {name} is {getattr(self, name)!r}; expected text")
        if not self.model:
            raise ConfigError("parameter model is empty; expected a folder or a hub id as owner/name@revision")
        if not DEVICES.fullmatch(self.device):
            raise ConfigError(f"parameter device is {self.device!r}; expected auto, cpu, mps, cuda or cuda:NUMBER")
        one_of("dtype", self.dtype, DTYPES)
        one_of("quantization", self.quantization, QUANTIZATIONS)
        whole("batch", self.batch, 1, 4096)
        if not isinstance(self.reuse, bool):
            raise ConfigError(f"parameter reuse is {self.reuse!r}; expected true or false")
        _ = self.policy

    @property
    def policy(self) -> ImagePolicy:
        """How images are shown."""
        return ImagePolicy(self.image_format, self.jpeg_quality, self.max_pixels)


class LocalEngine:
    """An `Engine` that generates with a model in this process. Not for several threads at once.

    Making it checks the files and may fetch them from the hub; processor and weights are loaded when first needed.
    Engines that differ in nothing but their adapter hold one model together: weights of the base are in memory once.
    Replies do not depend on what else is asked, but for rounding: batches are padded on the left and sampled requests
    are generated one at a time from a seed of their own.
    """

    def __init__(self, options: LocalOptions) -> None:
        """Raises `ConfigError` when there is no such model or it is not in the expected form."""
        if options.quantization and importlib.util.find_spec("bitsandbytes") is None:
            raise ConfigError("quantization=4bit needs bitsandbytes; pip install bitsandbytes")
        if options.adapter and importlib.util.find_spec("peft") is None:
            raise ConfigError("an adapter needs peft; pip install peft")
        self.options = options
        self._checkpoint = checkpoints.model(options.model)
        self._adapter = checkpoints.adapter(options.adapter) if options.adapter else None
        self._together = options.batch

    def load(self) -> None:
        """Loads the weights now, not with the first request. Raises `ConfigError` when they do not fit together."""
        _ = self._writer

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """One reply each, in order; similar lengths are generated together. Raises `ConfigError` as `load` does."""
        replies: dict[int, Reply] = {}
        for indices in self._groups(requests):
            queue = indices
            while queue:
                now, queue = queue[: self._together], queue[self._together :]
                replies.update(zip(now, self._answers([requests[index] for index in now]), strict=True))
        return [replies[index] for index in range(len(requests))]

    def stream(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply]]:
        """(index of the request, reply) after each batch; takes one batch of requests at a time."""
        source, start = iter(requests), 0
        while some := list(islice(source, self._together)):
            yield from enumerate(self.generate(some), start)
            start += len(some)

    def identity(self) -> Mapping[str, Any]:
        """What can change a reply; no path. Loads the processor, not the weights."""
        from adapters.engines.loading import placed  # noqa: PLC0415

        device, dtype = placed(self.options.device, self.options.dtype)
        return {
            "engine": "transformers",
            "model": self._checkpoint.identity,
            "adapter": self._adapter.identity if self._adapter else "",
            "device": device.type,
            "dtype": str(dtype).removeprefix("torch."),
            "quantization": self.options.quantization,
            "images": dict(self.options.policy.identity()),
            "chat_template": hashlib.sha256(str(self._processor.chat_template).encode()).hexdigest(),
        }

    @cached_property
    def _processor(self) -> Any:
        from adapters.engines.loading import load_processor  # noqa: PLC0415

        return load_processor(self._checkpoint)

    @cached_property
    def _base(self) -> Base:
        from adapters.engines.bases import shared_base  # noqa: PLC0415
        from adapters.engines.loading import placed  # noqa: PLC0415

        place = placed(self.options.device, self.options.dtype)
        return shared_base(self._checkpoint, self._adapter, *place, self.options.quantization)

    @cached_property
    def _writer(self) -> Writer:
        from adapters.engines.writing import Writer  # noqa: PLC0415

        return Writer(self._base.model, self._processor, self.options.policy, reuse=self.options.reuse)

    def _groups(self, requests: Sequence[Request]) -> Iterator[list[int]]:
        """Indices of requests that may be generated together, the shortest first."""
        groups: defaultdict[tuple[Decoding, int], list[int]] = defaultdict(list)
        for index, request in enumerate(requests):
            alone = index if request.decoding.temperature > 0 else -1
            groups[request.decoding, alone].append(index)
        for indices in groups.values():
            yield sorted(indices, key=lambda index: _length(requests[index]))

    def _answers(self, requests: Sequence[Request]) -> list[Reply]:
        """Replies of one batch. One that fails is halved, so that a failure costs the request it belongs to."""
        # Outside of the try: a model that cannot be loaded is no request's failure.
        writer = self._writer
        self._base.use(self._adapter)
        try:
            return writer.replies(requests)
        except Exception as error:
            # Without its traceback, which would keep the tensors of the failed batch alive.
            failure = error.with_traceback(None)
        if short := _out_of_memory(failure):
            writer.free_memory()
        if len(requests) == 1:
            return [_failed(failure, short)]
        half = len(requests) // 2
        if short:
            self._shrink(len(requests), half)
        return self._answers(requests[:half]) + self._answers(requests[half:])

    def _shrink(self, tried: int, together: int) -> None:
        if self._together == self.options.batch:
            said = "out of memory with %d requests together: going on with fewer (batch=%d avoids the attempt)"
            log.warning(said, tried, together)
        self._together = min(self._together, together)


_shared: WeakValueDictionary[LocalOptions, LocalEngine] = WeakValueDictionary()


def shared_engine(options: LocalOptions) -> LocalEngine:
    """The engine of these options: the same one, and one model in memory, for as long as somebody holds it."""
    engine = _shared.get(options)
    if engine is None:
        engine = _shared[options] = LocalEngine(options)
    return engine


def _length(request: Request) -> tuple[int, int]:
    """Images, then characters: near enough to tokens to put similar lengths together without encoding anything."""
    texts = (part for message in request.messages for part in message.parts if isinstance(part, str))
    return len(request.images), sum(map(len, texts))


def _out_of_memory(error: Exception) -> bool:
    # Torch's allocator of host memory has no error type of its own.
    name = type(error).__name__
    return isinstance(error, MemoryError) or name == "OutOfMemoryError" or "not enough memory" in str(error)


def _failed(error: Exception, out_of_memory: bool) -> Reply:
    # What a library says may quote the whole prompt.
    text = f"{type(error).__name__}: {error}"[:500]
    if isinstance(error, ImageError):
        return Reply(Status.IMAGE_ERROR, str(error))
    if out_of_memory:
        return Reply(Status.OUT_OF_MEMORY, f"{text}; a smaller max_pixels, max_tokens or dtype needs less")
    # A GPU that failed fails every later request too: asked again by another process, not written down as an answer.
    return Reply(Status.API_ERROR if type(error).__name__ == "AcceleratorError" else Status.JUDGE_ERROR, text)
