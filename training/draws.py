"""Chance as a function of a name and a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.draw import mix


def words(names: Sequence[str], *salts: int) -> NDArray[np.uint64]:
    """64 bits for each name."""
    digests = b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
    return mix(np.frombuffer(digests, dtype="<u8").astype(np.uint64), *salts)


def chance(name: str, *salts: int) -> float:
    """A number in [0, 1)."""
    return int(words([name], *salts)[0] >> np.uint64(11)) / 2.0**53
