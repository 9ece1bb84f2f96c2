"""The order of samples in a fit: a function of the seed and the epoch, so that going on after a kill keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices


class ByLength(Sampler[int]):
    """Samples of about the same length together, in a new order each epoch.

    The library's own sampler draws from torch's global generator: after a kill in a later epoch the rest of that epoch
    is another one, with samples left out and others shown twice, and processes of a launch may drift apart.
    """

    def __init__(self, lengths: Sequence[int], together: int, seed: int, epoch: Callable[[], int]) -> None:
        """`together`: samples of a step; `epoch`: tells the number of the epoch that begins."""
        self._lengths = list(lengths)
        self._together = together
        self._seed = seed
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        draw = torch.Generator().manual_seed(1_000_003 * self._seed + self._epoch())
        return iter(get_length_grouped_indices(self._lengths, self._together, generator=draw))
