"""The few of many that are kept, for a person to look at."""

from heapq import heappush, heappushpop
from typing import Generic, TypeVar

EXAMPLES = 10

T = TypeVar("T")
Rank = tuple[int, ...]


class Foremost(Generic[T]):
    """Counts any number, and keeps the `most` that rank highest; of equal ones those that came first."""

    def __init__(self, most: int = EXAMPLES) -> None:
        self.count = 0
        self._most = most
        self._kept: list[tuple[Rank, int, T]] = []

    def add(self, item: T, *, rank: Rank = ()) -> None:
        """Enters one more; all have ranks of one length."""
        self.count += 1
        entry = rank, -self.count, item  # no two have one number, so items themselves are never compared
        if len(self._kept) < self._most:
            heappush(self._kept, entry)
        else:
            heappushpop(self._kept, entry)

    @property
    def kept(self) -> tuple[T, ...]:
        """Those that are kept, the highest rank first."""
        return tuple(item for *_, item in sorted(self._kept, reverse=True))
