"""Stage `contexts`: the trained reasoner writes a rationale for each reference the reward model will be shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.pigreward.wording import Wording
from harness.contexts import Contexts, references_digest
from harness.errors import DataError, RunError
from harness.generation import Decoding, Engine, Request
from harness.progress import Progress
from harness.records import Reference, Status


def write(
    folder: Path,
    references: Mapping[str, Reference],
    wording: Wording,
    engine: Engine,
    decoding: Decoding,
    progress: Progress,
) -> dict[str, Any]:
    """Asks for the rationales that are not there yet; each is kept before the next is waited for.

    Raises `RunError` when some did not come, `DataError` when one cannot be had.
    """
    kept = Contexts()
    kept.keep_in(folder)
    missing = {digest: r for digest, r in references.items() if kept.get(digest) is None}
    requests = [Request(tuple(wording.reasoner_messages(r)), decoding) for r in missing.values()]
    later, cut, digests = 0, 0, list(missing)
    with progress.task("rationales", len(references), len(references) - len(missing)) as advance:
        for index, reply in engine.stream(requests):
            if reply.status.transient:
                later += 1
                continue
            if reply.status not in (Status.OK, Status.TRUNCATED):
                raise DataError(f"{folder}: no rationale for {digests[index]} ({reply.status}): {reply.text[:200]}")
            cut += reply.status is Status.TRUNCATED
            kept.add(digests[index], reply.text.strip(), status=str(reply.status))
            advance(1)
    if later:
        raise RunError(f"{folder}: {later} of {len(references)} rationales did not come; the same command asks again")
    return {"rationales": len(references), "cut off now": cut}


class Written:
    """Looks up what the stage wrote, and joins it to a user's context as the judge does."""

    def __init__(self, folder: Path, wording: Wording) -> None:
        self._kept = Contexts()
        self._kept.keep_in(folder)
        self._folder = folder
        self._wording = wording

    def of(self, references: tuple[Reference, ...]) -> str:
        """C_u. Raises `DataError` for a reference without a rationale."""
        return self._wording.context([self.text(reference) for reference in references], references)

    def text(self, reference: Reference) -> str:
        """The rationale of one reference. Raises `DataError`."""
        digest = references_digest([reference])
        text = self._kept.get(digest)
        if text is None:
            raise DataError(f"{self._folder}: no rationale for {digest}; run pigeval train contexts again")
        return text
