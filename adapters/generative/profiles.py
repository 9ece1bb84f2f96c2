"""Texts about users, written once for each set of references and kept with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from adapters.engines.tokens import stand_in
from harness.contexts import Contexts, references_digest
from harness.errors import ImageError, TransientError
from harness.generation import Decoding, Engine, Message, Reply, Request
from harness.records import Reference, Status

References = tuple[Reference, ...]


class Profiles:
    """Asks a model for the profiles that are not there yet."""

    def __init__(self, engine: Engine, decoding: Decoding, messages: Callable[[References], Sequence[Message]]) -> None:
        self._engine = engine
        self._decoding = decoding
        self._messages = messages
        self._contexts = Contexts()
        self._failed: dict[str, Reply] = {}

    def keep_in(self, folder: Path) -> None:
        """Goes on with the profiles of a run's folder, and adds to them."""
        self._contexts.keep_in(folder)

    def missing(self, sets: Iterable[References]) -> dict[str, Request]:
        """What asks for the profiles that are not there yet, by the digest of their references."""
        missing = {}
        for references in sets:
            try:
                digest = references_digest(references)
            except ImageError:
                # Said by `of`, to the comparisons it concerns.
                continue
            if self._contexts.get(digest) is None and not self._given_up(digest):
                missing[digest] = Request(tuple(self._messages(references)), self._decoding)
        return missing

    def prepare(self, sets: Iterable[References]) -> None:
        """Has the missing profiles written, together. One that fails is remembered as such, unless it may pass."""
        missing = self.missing(sets)
        for digest, reply in zip(missing, self._engine.generate([*missing.values()]) if missing else (), strict=True):
            if reply.status is Status.OK and reply.text.strip():
                facts = {"tokens_in": reply.tokens_in, "tokens_out": reply.tokens_out, "cost": reply.cost}
                self._contexts.add(digest, reply.text.strip(), **facts)
            else:
                self._failed[digest] = reply

    def expected(self, references: References) -> str:  # noqa: ARG002
        """A text as long as a profile may become."""
        return stand_in(self._decoding.max_tokens)

    def of(self, references: References) -> str:
        """The profile.

        Raises:
            TransientError: it may be had later.
            ImageError: a reference cannot be shown.
            RuntimeError: there is none, and why.
        """
        digest = references_digest(references)
        text = self._contexts.get(digest)
        if text is not None:
            return text
        reply = self._failed[digest]
        if reply.status.transient:
            raise TransientError(reply.status, f"profile: {reply.text}")
        if reply.status is Status.IMAGE_ERROR:
            raise ImageError(reply.text)
        raise RuntimeError(f"no profile ({reply.status}): {reply.text.strip()[:200] or 'an empty text came'}")

    def _given_up(self, digest: str) -> bool:
        """Failed for good. What may pass is told to every comparison that needs it, and asked for anew after that."""
        return digest in self._failed and not self._failed[digest].status.transient
