"""Whether a trained reasoner is better than the untrained one: a check on held-out references, not on its own loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.pigreward.wording import Wording
from harness.generation import Decoding, Engine, Request
from harness.progress import Progress
from harness.records import Reference, Status
from training.hints import TRUE
from training.pairing import nearer

Truth = Callable[[Reference], str]
"""The rationale that is true by construction."""


@dataclass(frozen=True, slots=True)
class Check:
    """How a reasoner did."""

    measure: str
    """`exact`: texts equal to the truth that simulation knows. `agreement`: texts nearer to the reason hinted at the
    true image than to the one hinted at the other; a text as near to both counts as wrong."""
    right: int
    of: int

    @property
    def share(self) -> float:
        """Of right texts; 0 without any."""
        return self.right / self.of if self.of else 0.0

    def record(self) -> dict[str, Any]:
        """For the report."""
        return {"measure": self.measure, "right": self.right, "of": self.of, "share": round(self.share, 4)}


def check(
    engine: Engine, held_out: Mapping[str, Reference], pairs: Mapping[str, tuple[str, str]], wording: Wording,
    truth: Truth | None, tokens: int, title: str, progress: Progress,
) -> Check:  # fmt: skip
    """Asks for the rationale of each held-out reference as a judge would.

    Args:
        engine: the reasoner.
        held_out: references by digest.
        pairs: (chosen, rejected) texts of these, by digest; what `agreement` is measured with.
        wording: the judge's.
        truth: None where it is not known.
        tokens: of a rationale at most.
        title: of the task.
        progress: shows it.
    """
    digests = list(held_out)
    requests = [Request(tuple(wording.reasoner_messages(held_out[d])), Decoding(max_tokens=tokens)) for d in digests]
    right = 0
    with progress.task(title, len(digests)) as advance:
        for index, reply in engine.stream(requests):
            digest = digests[index]
            text = reply.text.strip() if reply.status is Status.OK else ""
            right += _right(text, held_out[digest], pairs[digest], truth)
            advance(1)
    return Check("exact" if truth else "agreement", right, len(digests))


def _right(text: str, reference: Reference, pair: Sequence[str], truth: Truth | None) -> bool:
    if truth:
        return text == truth(reference)
    return bool(text) and nearer(text, *pair) == TRUE


def report(before: Check, after: Check, tolerance: float, promote_worse: bool) -> dict[str, Any]:
    """What the check says, and whether the trained reasoner may take the place of the untrained one."""
    worse = after.share < before.share - tolerance
    decision = "promoted" if not worse else "promoted although worse" if promote_worse else "refused"
    return {
        "before": before.record(),
        "after": after.record(),
        "tolerance": tolerance,
        "worse": worse,
        "decision": decision,
    }
