"""Stage `contexts`: the trained reasoner writes a rationale for each reference the reward model will be shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.pigreward.wording import Wording
from harness.contexts import Contexts, read_contexts, references_digest
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

    A reference whose images cannot be decoded is kept without a text, and the questions that show it are not put.
    Raises `RunError` when some did not come, `DataError` when one cannot be had, or none.
    """
    kept = Contexts()
    kept.keep_in(folder)
    missing = {digest: r for digest, r in references.items() if kept.get(digest) is None}
    requests = [Request(tuple(wording.reasoner_messages(r)), decoding) for r in missing.values()]
    later, reason, digests = 0, "", list(missing)
    with progress.task("rationales", len(references), len(references) - len(missing)) as advance:
        for index, reply in engine.stream(requests):
            if reply.status.transient:
                later, reason = later + 1, f"{reply.status}: {reply.text[:200]}"
                continue
            if reply.status not in (Status.OK, Status.TRUNCATED, Status.IMAGE_ERROR):
                raise DataError(f"{folder}: no rationale for {digests[index]} ({reply.status}): {reply.text[:200]}")
            broken = reply.status is Status.IMAGE_ERROR
            kept.add(digests[index], "" if broken else reply.text.strip(), status=str(reply.status))
            advance(1)
    if later:
        raise RunError(
            f"{folder}: {later} of {len(references)} rationales did not come (the last one: {reason}); the same "
            "command asks again"
        )
    statuses = Counter(record["status"] for digest, record in read_contexts(folder).items() if digest in references)
    unreadable = statuses[Status.IMAGE_ERROR]
    if unreadable == len(references):
        raise DataError(f"{folder}: no image of {unreadable} references can be decoded; fetch the data set again")
    return {"rationales": len(references) - unreadable, "cut off": statuses[Status.TRUNCATED], "unreadable": unreadable}


class Written:
    """Looks up what the stage wrote, and joins it to a user's context as the judge does."""

    def __init__(self, folder: Path, wording: Wording) -> None:
        self._kept = read_contexts(folder)
        self._folder = folder
        self._wording = wording

    def of(self, references: tuple[Reference, ...]) -> str:
        """C_u. Raises `DataError` for a reference without a rationale."""
        return self._wording.context([self.text(reference) for reference in references], references)

    def text(self, reference: Reference) -> str:
        """The rationale of one reference. Raises `DataError`."""
        return str(self._record(reference)["text"])

    def readable(self, references: tuple[Reference, ...]) -> bool:
        """Whether the images of all of them could be decoded. Raises `DataError` for one without a rationale."""
        return all(self._record(reference)["status"] != Status.IMAGE_ERROR for reference in references)

    def _record(self, reference: Reference) -> dict[str, Any]:
        digest = references_digest([reference])
        if digest not in self._kept:
            raise DataError(f"{self._folder}: no rationale for {digest}; run pigeval train contexts --fresh")
        return self._kept[digest]
