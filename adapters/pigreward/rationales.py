"""The reasoner's part: a rationale for each past choice, written once, and the contexts made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from adapters.engines.tokens import stand_in
from adapters.pigreward.wording import Wording
from harness.contexts import Contexts, references_digest
from harness.errors import ImageError, TransientError
from harness.generation import Decoding, Engine, Reply, Request
from harness.records import Reference, Status, digest_of

References = tuple[Reference, ...]


class Rationales:
    """Asks the reasoner for what is not written yet. Each rationale is kept before anything is judged by it."""

    def __init__(self, engine: Engine, decoding: Decoding, wording: Wording) -> None:
        self._engine = engine
        self._decoding = decoding
        self._wording = wording
        self._kept = Contexts()
        self._failed: dict[str, Reply] = {}

    @property
    def longest(self) -> int:
        """Tokens of a rationale at most."""
        return self._decoding.max_tokens

    def keep_in(self, folder: Path) -> None:
        """Goes on with what a run's folder holds, and adds to it."""
        self._kept.keep_in(folder)

    def tell(self, reference: Reference, text: str) -> None:
        """A rationale that is known from elsewhere, in place of the reasoner's."""
        self._kept.add(key_of(reference), text, kind="rationale", status=Status.OK.value)

    def missing(self, sets: Iterable[References]) -> dict[str, Request]:
        """What asks for the rationales that are not there yet, by their keys."""
        wanted = {key_of(reference): reference for references in sets for reference in references}
        return {
            key: Request(tuple(self._wording.reasoner_messages(reference)), self._decoding)
            for key, reference in wanted.items()
            if self._kept.get(key) is None and not self._given_up(key)
        }

    def expected(self, references: References) -> str:
        """A context whose rationales are as long as they may become."""
        return self._wording.context([stand_in(self.longest)] * len(references), references)

    def prepare(self, sets: Iterable[References]) -> None:
        """Has the missing rationales of all these references written, and stores the contexts that are then whole."""
        known = [references for references in sets if _readable(references)]
        missing = self.missing(known)
        keys = list(missing)
        for index, reply in self._engine.stream(missing.values()) if missing else ():
            self._keep(keys[index], reply)
        for references in known:
            if self._kept.get(references_digest(references)) is None and not self._lacking(references):
                self._kept.add(references_digest(references), self._context(references), kind="context")

    def _keep(self, key: str, reply: Reply) -> None:
        text = reply.text.strip()
        if reply.status not in (Status.OK, Status.TRUNCATED) or not text:
            self._failed[key] = reply
            return
        # A rationale that was cut off says something still; an answer that was cut off does not.
        facts = {"tokens_in": reply.tokens_in, "tokens_out": reply.tokens_out, "cost": reply.cost}
        self._kept.add(key, text, kind="rationale", status=reply.status.value, **facts)

    def of(self, references: References) -> str:
        """The context C_u.

        Raises:
            TransientError: a rationale may be had later.
            ImageError: a reference cannot be shown.
            RuntimeError: a rationale cannot be had, and why.
        """
        text = self._kept.get(references_digest(references))
        if text is not None:
            return text
        key = self._lacking(references)[0]
        reply = self._failed[key]
        if reply.status.transient:
            raise TransientError(reply.status, f"reasoner: {reply.text}")
        if reply.status is Status.IMAGE_ERROR:
            raise ImageError(reply.text)
        raise RuntimeError(f"no rationale ({reply.status}): {reply.text.strip()[:200] or 'an empty text came'}")

    def _given_up(self, key: str) -> bool:
        """Failed for good. What may pass is told to every comparison that needs it, and asked for anew after that."""
        return key in self._failed and not self._failed[key].status.transient

    def _lacking(self, references: References) -> list[str]:
        return [key for key in map(key_of, references) if self._kept.get(key) is None]

    def _context(self, references: References) -> str:
        return self._wording.context([self._kept.get(key_of(r)) or "" for r in references], references)


def key_of(reference: Reference) -> str:
    """Of the rationale of one choice, apart from the context of a user who made just this one."""
    return digest_of(b"rationale", references_digest((reference,)).encode()).hex()


def _readable(references: Sequence[Reference]) -> bool:
    try:
        return bool(references_digest(references))
    except ImageError:
        # Said to the comparisons it concerns, when their context is asked for.
        return False
