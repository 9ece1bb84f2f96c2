"""VisionReward (image): thirty questions about each image, asked once, and the authors' linear rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from adapters.generative.judge import ModelJudge
from adapters.generative.messages import filled
from adapters.generative.options import model_options
from adapters.generative.remembering import Remembering
from adapters.visionreward.alignment import Alignment
from adapters.visionreward.checklist import Checklist, official_wordings
from adapters.visionreward.reading import parser, stored
from adapters.vqascore import LIBRARIES
from harness.errors import ConfigError
from harness.generation import Engine, Message, Reply, Request
from harness.generator import read
from harness.parameters import one_of, takes
from harness.records import Comparison, Image, Status, Verdict

OPTIONS = model_options(model="THUDM/VisionReward-Image-bf16", max_tokens=16, max_pixels=None)

RELEASED = ("VisionReward-Image", "VisionReward-Image-bf16")
"""Names of the released checkpoints on the hub, under whichever owner."""

ALIGNMENTS = ("vqascore", "none")


@takes(OPTIONS)
class VisionReward(ModelJudge):
    """Prefers the image with the higher reward (Xu et al., arXiv 2412.21059; THUDM/VisionReward, inference-image.py).

    Reward: the sum of weighed answers to 30 questions, +1 for `yes` letter by letter and -1 for anything else, plus a
    weight times VQAScore. The questions do not show the prompt, so an image is asked about once, whatever its prompts.
    A question that is not answered, for whatever reason, fails the comparison; officially it would count -1.

    The released checkpoint is one of CogVLM2 in SwissArmyTransformer's format, which transformers does not load:
    `base_url` has to name a server of it. In this process `model` may be any other vision-language model.

    Args:
        alignment: `vqascore`, or `none`: the checklist alone, which is not the official score and knows no prompt.
        form: how a question is put. `Question: {question} Short answer:` for a server that does not add the
            checkpoint's own form.
        vqascore_weights: of the `vqascore` judge, as are the next three.
        vqascore_device: see there.
        vqascore_dtype: see there.
        vqascore_batch: see there.
        given: the options of the model.

    Raises:
        ConfigError: a parameter out of range, official texts that were not fetched, or a model that cannot be loaded.
    """

    incidental: ClassVar[tuple[str, ...]] = (
        *ModelJudge.incidental, "vqascore_weights", "vqascore_device", "vqascore_dtype", "vqascore_batch",
    )  # fmt: skip
    window: ClassVar[int] = 16

    def __init__(
        self,
        *,
        alignment: str = "vqascore",
        form: str = "{question}",
        vqascore_weights: str = "zhiqiulin/clip-flant5-xxl",
        vqascore_device: str = "auto",
        vqascore_dtype: str = "bfloat16",
        vqascore_batch: int = 8,
        **given: Any,
    ) -> None:
        one_of("alignment", alignment, ALIGNMENTS)
        if not isinstance(form, str) or "{question}" not in form:
            raise ConfigError(f"parameter form is {form!r}; expected a text with {{question}} in it")
        options = OPTIONS(**given)
        if not options.base_url:
            check_loadable(options.model)
        wordings = official_wordings()
        self._checklist = Checklist.official()
        super().__init__(options, parser(self._checklist), wordings)
        self.engine = Remembering(self.engine)
        self._form = form
        vqascore = {"weights": vqascore_weights, "device": vqascore_device, "dtype": vqascore_dtype}
        self._alignment = None if alignment == "none" else Alignment({**vqascore, "batch": vqascore_batch})
        if self._alignment:
            self.libraries = tuple(dict.fromkeys((*self.libraries, *LIBRARIES)))

    def identity(self) -> Mapping[str, Any]:
        """As for any generative judge, and VQAScore's."""
        alignment = self._alignment.scorer.identity() if self._alignment else "none"
        return {**super().identity(), "form": self._form, "alignment": alignment}

    def prepare(self, comparisons: Sequence[Comparison]) -> None:
        """Has the VQAScores computed together."""
        if self._alignment:
            self._alignment.prepare(comparisons)

    def messages(self, comparison: Comparison) -> Sequence[Message]:
        """The first question about A."""
        return self._questions(comparison)[0].messages

    def requests(self, comparison: Comparison) -> Sequence[Request]:
        """Thirty questions about A, then about B."""
        if self._alignment:
            # Said before anything is asked: what has no VQAScore has no verdict.
            self._alignment.of(comparison)
        return self._questions(comparison)

    def foreseen(self, comparisons: Sequence[Comparison]) -> Iterable[tuple[Engine, Request]]:
        """The questions; VQAScore costs nothing."""
        return ((self.engine, request) for comparison in comparisons for request in self._questions(comparison))

    def verdict(self, comparison: Comparison, replies: Sequence[Reply]) -> Verdict:
        """The rule's, from all answers; where one was cut off, there is none."""
        questions, half = self._checklist.questions, len(replies) // 2
        aligned = self._alignment.of(comparison) if self._alignment else (None, None)
        texts = [reply.text for reply in replies]
        whole = next((reply.status for reply in replies if reply.status is not Status.OK), Status.OK)
        return read(self.parser, Reply(whole, stored(questions, texts[:half], texts[half:], aligned)))

    def _questions(self, comparison: Comparison) -> list[Request]:
        asked = [(image, question) for image in (comparison.image_a, comparison.image_b)
                 for question in self._checklist.questions]  # fmt: skip
        return [Request((self._asking(*one),), self.decoding) for one in asked]

    def _asking(self, image: Image, question: str) -> Message:
        return Message("user", (image, *filled(self._form, {"question": question})))


def check_loadable(model: str) -> None:
    """Raises `ConfigError` for the released checkpoint, by name or by its files: nothing here can load it."""
    name, folder = model.partition("@")[0].rpartition("/")[2], Path(model).expanduser()
    unpacked = (folder / "model_config.json").is_file()
    if (name in RELEASED or unpacked) and not (folder / "config.json").is_file():
        raise ConfigError(
            f"model {name}: a CogVLM2 in SwissArmyTransformer's format, which transformers does not load, and code "
            "that a checkpoint brings is not run here. Serve it with the authors' code behind an OpenAI-compatible "
            "endpoint and give base_url=http://HOST:PORT/v1,model=NAME, or name another vision-language model"
        )
