"""Who writes the chains of thought: a model behind a server, or a script that knows what the simulated images show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from harness.errors import ConfigError
from harness.generation import Engine, Reply, Request
from harness.records import Reference, Status
from training.draws import chance
from training.gates import Truth
from training.language import TRAITS, Levels, conclusions, evidence, rationale, written
from training.material import Material
from training.presets import Cot


class ScriptedTeacher:
    """An engine that answers the reward model's question by rule: it reads the rationales in the question, sums up what
    they say of each trait, and scores both images by the three traits that count most.

    It is told what each image shows, and nothing of the user but what the question says. Where that is nothing, it
    guesses three likes and dislikes by lot; the filter keeps the guesses that were right, and so what is liked most.
    """

    def __init__(self, levels: Mapping[str, Levels]) -> None:
        """`levels`: by digest of the image."""
        self._levels = levels

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """One chain of thought each."""
        return [self._reply(request) for request in requests]

    def stream(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply]]:
        """The same, one by one."""
        for index, request in enumerate(requests):
            yield index, self._reply(request)

    def identity(self) -> Mapping[str, Any]:
        """That it is a script."""
        return {"engine": "scripted teacher", "version": 2}

    def _reply(self, request: Request) -> Reply:
        first, second = (self._levels[image.digest] for image in request.images[-2:])
        said = "\n".join(part for message in request.messages for part in message.parts if isinstance(part, str))
        gaps = evidence(said)
        concluded = conclusions(gaps) if gaps else _guessed(request)
        return Reply(Status.OK, written(gaps, concluded, first, second))


def _guessed(request: Request) -> list[tuple[int, int]]:
    """(trait, sign) of three traits, a function of the images and the seed of the request."""
    name, seed = "|".join(image.digest for image in request.images), request.decoding.seed
    traits = sorted(range(len(TRAITS)), key=lambda trait: chance(name, seed, 9, trait))[:3]
    return [(trait, 1 if chance(name, seed, 10, trait) < 0.5 else -1) for trait in traits]


def levels_of(material: Material) -> dict[str, Levels] | None:
    """What each image shows, by digest; None where the data set does not know. Reads no image."""
    return levels_in(material.dataset, material.table.images)


def levels_in(dataset: Any, keys: Iterable[str]) -> dict[str, Levels] | None:
    """What the images of these keys show, by digest; None where the data set does not know."""
    attributes = getattr(dataset, "attributes", None)
    if attributes is None:
        return None
    return {dataset.picture(key).digest(): tuple(attributes(key)) for key in keys}


def truth_of(material: Material) -> Truth | None:
    """The true rationale of a reference; None where the data set does not know what its images show."""
    levels = levels_of(material)
    return None if levels is None else partial(true_rationale, levels)


def true_rationale(levels: Mapping[str, Levels], reference: Reference) -> str:
    """What is true of a reference's first images. Raises `KeyError` for an image whose content is not known."""
    preferred, rejected = (levels[side[0].digest] for side in (reference.preferred, reference.rejected))
    return rationale(preferred, rejected)


def teacher_of(settings: Cot, material: Material) -> Engine:
    """The teacher a preset names. Raises `ConfigError`."""
    if settings.teacher == "scripted":
        levels = levels_of(material)
        if levels is None:
            raise ConfigError(
                f"{material.table.name} does not know what its images show, so no script can teach; take "
                "cot.teacher=endpoint with cot.base_url and cot.model"
            )
        return ScriptedTeacher(levels)
    from adapters.engines.endpoint import Endpoint  # noqa: PLC0415
    from adapters.engines.options import EndpointOptions  # noqa: PLC0415

    if not settings.base_url or not settings.model:
        raise ConfigError("cot.teacher=endpoint needs cot.base_url and cot.model, such as --set cot.model=gpt-4o")
    priced = settings.budget_usd > 0
    return Endpoint(
        EndpointOptions(
            base_url=settings.base_url, model=settings.model, key_env=settings.key_env,
            concurrency=settings.concurrency, logprobs=False,
            budget_usd=settings.budget_usd if priced else None,
            price_in=settings.price_in if priced else None, price_out=settings.price_out if priced else None,
        )
    )  # fmt: skip
