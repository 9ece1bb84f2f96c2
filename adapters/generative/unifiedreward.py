"""The UnifiedReward family (Wang et al. 2025; CodeGoat24/UnifiedReward): pairs, single images, reasoning, JSON.

The models read no references: two images and their caption, images first, as the released inference scripts have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.generative import pointwise
from adapters.generative.judge import ModelJudge
from adapters.generative.messages import filled
from adapters.generative.options import model_options
from adapters.generative.pointwise import both
from adapters.generative.remembering import Remembering
from adapters.parsers import PARSERS
from adapters.prompts.wording import wording
from harness.generation import Message, Parser, Reply, Request
from harness.generator import read
from harness.parameters import one_of, takes
from harness.records import Comparison, Image, Status, Verdict

SERVED = {"image_format": "jpeg", "max_pixels": None}
"""The clients released for the served models send JPEG of quality 95 at full size (vllm_qwen/vllm_request.py)."""

FIRST = model_options(model="CodeGoat24/UnifiedReward-qwen-7b", max_pixels=None)
SECOND = model_options(model="CodeGoat24/UnifiedReward-2.0-qwen3vl-8b", **SERVED)
THINK = model_options(model="CodeGoat24/UnifiedReward-Think-qwen3vl-8b", max_tokens=4096, **SERVED)
FLEX = model_options(model="CodeGoat24/UnifiedReward-Flex-qwen3vl-8b", max_tokens=4096, **SERVED)

GENERATIONS = ("qwen3-vl", "qwen2.5-vl")


class Family(ModelJudge):
    """Two images and their caption in one question, or each image in a question of its own.

    An image is asked about once for each caption, however many comparisons it stands in.
    """

    def __init__(self, options: Any, parser: Parser, name: str, prompt: str, *, each: bool = False) -> None:
        super().__init__(options, parser, [wording(name, prompt)])
        self._each = each
        if each:
            self.engine = Remembering(self.engine)

    def messages(self, comparison: Comparison) -> Sequence[Message]:
        """Both images, then the text."""
        return self._asking(comparison, comparison.image_a, comparison.image_b)

    def requests(self, comparison: Comparison) -> Sequence[Request]:
        """One question, or one for A and one for B."""
        if not self._each:
            return super().requests(comparison)
        sides = (comparison.image_a, comparison.image_b)
        return [Request(self._asking(comparison, image), self.decoding) for image in sides]

    def verdict(self, comparison: Comparison, replies: Sequence[Reply]) -> Verdict:
        """The parser's; where there are two answers and one was cut off, there is none."""
        if not self._each:
            return super().verdict(comparison, replies)
        a, b = replies
        whole = a.status if a.status is not Status.OK else b.status
        return read(self.parser, Reply(whole, both(a.text, b.text)))

    def _asking(self, comparison: Comparison, *images: Image) -> tuple[Message, ...]:
        text = filled(self.wordings[0].text, {"prompt": comparison.prompt})
        return (Message("user", (*images, *text)),)


@takes(FIRST)
class UnifiedReward(Family):
    """UnifiedReward 1.x (arXiv 2503.05236). `kind`:

    - `pair`: one of three sentences, the third of which is a tie.
    - `point`: each image alone, `Final Score:` from 1 to 5; the larger wins.
    - `acs`: each image alone, scores for alignment, coherence and style from 1 to 5; the larger mean wins.

    The default is the checkpoint on Qwen2.5-VL: the one on LLaVA-OneVision is in that project's own format.
    """

    def __init__(self, *, kind: str = "pair", prompt: str = "auto", **given: Any) -> None:
        one_of("kind", kind, ("pair", "point", "acs"))
        name = f"unifiedreward-{kind}"
        parser = PARSERS[name] if kind == "pair" else pointwise.PARSERS[name]
        super().__init__(FIRST(**given), parser, name, prompt, each=kind != "pair")


@takes(SECOND)
class UnifiedReward2(Family):
    """UnifiedReward-2.0. `kind`: `pair` has one point a dimension shared out, `point` rates each image alone.

    Dimensions are alignment, coherence and style. There is no official overall score: the mean of the three decides.
    """

    def __init__(self, *, kind: str = "pair", prompt: str = "auto", **given: Any) -> None:
        one_of("kind", kind, ("pair", "point"))
        parser = PARSERS["unifiedreward-2-pair"] if kind == "pair" else pointwise.PARSERS["unifiedreward-acs"]
        super().__init__(SECOND(**given), parser, f"unifiedreward-2-{kind}", prompt, each=kind == "point")


@takes(THINK)
class UnifiedRewardThink(Family):
    """UnifiedReward-Think (arXiv 2505.03318): reasoning by dimension, totals, an answer; no tie.

    `generation`: the family of the checkpoint, `qwen3-vl` or `qwen2.5-vl`; their templates are not interchangeable.
    """

    def __init__(self, *, generation: str = "qwen3-vl", prompt: str = "auto", **given: Any) -> None:
        one_of("generation", generation, GENERATIONS)
        super().__init__(THINK(**given), PARSERS["unifiedreward-think"], f"unifiedreward-think-{generation}", prompt)


@takes(FLEX)
class UnifiedRewardFlex(Family):
    """UnifiedReward-Flex (arXiv 2602.02380): categories and dimensions chosen for the pair, as JSON; no tie.

    "Personalized" there means fitted to the content: the model takes no references.
    """

    def __init__(self, *, prompt: str = "auto", **given: Any) -> None:
        super().__init__(FLEX(**given), PARSERS["unifiedreward-flex"], "unifiedreward-flex", prompt)
