"""The few of many that are named, for a person to look at."""

from heapq import heappush, heappushpop

EXAMPLES = 10


class Foremost:
    """Counts any number, and keeps the `EXAMPLES` that rank highest; of equal ones those that came first."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[tuple[int, int, str]] = []

    def add(self, text: str, *, rank: int = 0) -> None:
        """Enters one more."""
        self.count += 1
        entry = rank, -self.count, text
        if len(self._kept) < EXAMPLES:
            heappush(self._kept, entry)
        else:
            heappushpop(self._kept, entry)

    @property
    def named(self) -> tuple[str, ...]:
        """Those that are kept, the highest rank first."""
        return tuple(text for *_, text in sorted(self._kept, reverse=True))
