"""The nouns: image, choice, reference, comparison, verdict. Standard library, numpy and Pillow only.

A data set yields `Choice`s, a protocol turns them into `Comparison`s, a judge answers each with a `Verdict`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol, Self, get_args

if TYPE_CHECKING:
    import PIL.Image

Winner = Literal["A", "B", "tie"]
"""The answer to a comparison: the first image, the second, or neither."""

WINNERS: tuple[str, ...] = get_args(Winner)

TIE_KINDS: tuple[str, ...] = ("", "both-good", "both-bad")
"""Which kind of tie a tie is, where somebody says so: not said, both images good, both bad."""


ROLES: tuple[str, ...] = ("both", "target", "reference")
"""What a choice may serve as: asked and shown, asked only, shown as a reference only."""


class Status(StrEnum):
    """`ok` or the kind of failure. Only `ok` carries a winner."""

    OK = "ok"
    UNPARSEABLE = "unparseable"
    REFUSED = "refused"
    FILTERED = "filtered"
    TRUNCATED = "truncated"
    IMAGE_ERROR = "image_error"
    JUDGE_ERROR = "judge_error"
    NON_FINITE = "non_finite"
    TIMEOUT = "timeout"
    API_ERROR = "api_error"
    EMPTY = "empty"
    BUDGET = "budget"
    OUT_OF_MEMORY = "out_of_memory"

    @property
    def transient(self) -> bool:
        """True when the same question may be answered later; such a verdict is never final."""
        return self in TRANSIENT


TRANSIENT = frozenset({Status.TIMEOUT, Status.API_ERROR, Status.EMPTY, Status.BUDGET, Status.OUT_OF_MEMORY})


def digest_of(*parts: bytes) -> bytes:
    """First 16 bytes of the SHA-256 of the parts, each preceded by its length so that no two lists collide."""
    return hashlib.sha256(b"".join([b"%d:%b" % (len(part), part) for part in parts])).digest()[:16]


class Picture(Protocol):
    """Where an image comes from. Known to data sets and the harness, never shown to a judge."""

    def read(self) -> bytes:
        """The encoded bytes. Raises `ImageError`."""

    def decode(self) -> PIL.Image.Image:
        """The pixels in mode RGB, 8 bits a channel. Raises `ImageError`."""

    def digest(self) -> str:
        """SHA-256 (64 hex digits) of the encoded bytes, or of the recipe for an image made by code."""

    def stamp(self) -> str:
        """Shared with no other picture, and another one whenever the content may have changed; cheap, reads no content.

        Empty when it cannot be told: the digest is then taken anew in each run.
        """


class Image:
    """What a judge sees of a picture: content and digest, no path, file name or label."""

    __slots__ = ("_digest", "_picture")

    def __init__(self, picture: Picture, digest: str = "") -> None:
        self._picture = picture
        self._digest = digest

    @property
    def digest(self) -> str:
        """64 hex digits that identify the content. Raises `ImageError` when it cannot be read."""
        if not self._digest:
            self._digest = self._picture.digest()
        return self._digest

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, orientation applied."""
        return self.decode().size

    def bytes(self) -> bytes:
        """The encoded file content (PNG for an image made by code). Raises `ImageError`."""
        return self._picture.read()

    def decode(self) -> PIL.Image.Image:
        """The pixels, mode RGB; shared, so not to be changed in place. Raises `ImageError`."""
        return self._picture.decode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Image) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Image({self._digest[:12] or 'unread'})"


@dataclass(frozen=True, slots=True)
class Choice:
    """What one user did once: which of some images they preferred, for one prompt."""

    user: str
    """The person. Choices of different users are never compared."""
    source: str
    """Key of this choice in its source, unique for the user; ids are hashed from it."""
    prompt: str
    """The text the images were made from."""
    images: tuple[str, ...]
    """Source keys (path, uid, file + row): the data set's `picture(key)` opens them."""
    ranks: tuple[int | None, ...]
    """1 = best, equal = tie, numbers may skip, None = unknown; aligned with `images`."""
    set: str = ""
    """The set of images shown, when several users or choices share it; empty: this choice alone."""
    time: float | None = None
    """When: seconds since the epoch or a running number; only the order matters."""
    scores: tuple[float, ...] | None = None
    """The ratings behind the ranks (higher is better), aligned with `images`; used by the consensus line."""
    weight: float = 1.0
    """Weight of the choice in weighted views. Never alters a count."""
    tie_kind: str = ""
    """One of `TIE_KINDS` for a tie of all images; never shown to a judge."""
    role: str = "both"
    """One of `ROLES`: a `target` is never shown as a reference, a `reference` never asked."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One past choice of the user, as a judge sees it."""

    prompt: str
    preferred: tuple[Image, ...]
    """One or more."""
    rejected: tuple[Image, ...] = ()
    """May be empty (only liked images are known) or several."""
    time: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The question. Carries nothing a judge could peek at: no label, no model name, no path."""

    item: str
    """32 hex digits: data set, user, source choice and unordered pair. The same whatever the references."""
    id: str
    """32 hex digits: item, references and order of presentation."""
    prompt: str
    image_a: Image
    image_b: Image
    references: tuple[Reference, ...] = ()
    """The user's past choices in the order the protocol gives them; empty for a user-blind question."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A criterion a judge named, with its score for each image on the judge's own scale."""

    name: str
    score_a: float
    score_b: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer. A failure is a status, never a score and never a tie."""

    winner: Winner | None
    """None unless the status is ok."""
    status: Status = Status.OK
    score_a: float | None = None
    score_b: float | None = None
    p_a: float | None = None
    """Probability in [0, 1] that A is preferred."""
    grade: str | None = None
    """A finer answer for rules that need one, such as `both-good`."""
    rationale: str | None = None
    dimensions: tuple[Dimension, ...] = ()
    raw: str | None = None
    """Raw output; for a failure without output, the error's text."""
    tokens: int | None = None
    """Tokens read and written for this answer."""
    flags: tuple[str, ...] = ()
    """What is odd about the answer, such as `sum-wrong`; a flag never changes who won."""
    cost: float | None = None
    """Price of this answer in US dollars, where prices are known."""

    def __post_init__(self) -> None:
        if (self.winner is not None) != (self.status is Status.OK):
            raise ValueError(f"a verdict has a winner exactly when it is ok; got {self.winner!r}, {self.status!r}")
        if self.winner is not None and self.winner not in WINNERS:
            raise ValueError(f"winner is one of {', '.join(WINNERS)}; got {self.winner!r}")

    @classmethod
    def from_scores(cls, score_a: float, score_b: float, p_a: float | None = None) -> Self:
        """The higher score wins and equal floats tie (eps = 0); NaN or infinity gives `non_finite`."""
        gap = score_a - score_b
        if gap - gap != 0.0:
            return cls(None, Status.NON_FINITE, raw=f"scores {score_a!r} and {score_b!r}")
        winner: Winner = "A" if gap > 0 else "B" if gap < 0 else "tie"
        return cls(winner, Status.OK, score_a, score_b, p_a)

    @classmethod
    def failure(cls, status: Status, message: str) -> Self:
        """No answer, and why."""
        return cls(None, status, raw=message)
