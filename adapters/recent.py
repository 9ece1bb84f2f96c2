"""What was used last, as much of it as fits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Values by key; those used longest ago go when the rest exceeds `limit`, summed over `size`."""

    def __init__(self, limit: float, size: Callable[[V], float] = lambda _: 1) -> None:
        self._limit = limit
        self._size = size
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._total = 0.0

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def get(self, key: K) -> V | None:
        """The value, now the one used last; None when it is not kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: K, value: V) -> None:
        """Keeps a value for a key that is not kept."""
        self._kept[key] = value
        self._total += self._size(value)
        while self._total > self._limit and self._kept:
            self._total -= self._size(self._kept.popitem(last=False)[1])
