"""How far the group is behind, as the broker tells it: a worker that is dead tells nothing."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

from stream.broker.cluster import Cluster
from stream.broker.reading import committed_offsets, end_offsets, first_offsets


@dataclass(frozen=True, slots=True)
class Backlog:
    """Offsets at one moment, by partition."""

    at_s: float
    """By this machine's monotonic clock."""
    ends: Mapping[int, int]
    done: Mapping[int, int]
    """Up to these references have their outcome."""

    @property
    def behind(self) -> dict[int, int]:
        """References of each partition without one."""
        return {number: max(0, end - self.done.get(number, 0)) for number, end in self.ends.items()}

    @property
    def total(self) -> int:
        """Of all partitions."""
        return sum(self.behind.values())


@dataclass(frozen=True, slots=True)
class Trend:
    """Where two moments lead to."""

    first: Backlog
    last: Backlog

    @property
    def come_per_s(self) -> float:
        """References that are appended."""
        return self._per_s(sum(self.last.ends.values()) - sum(self.first.ends.values()))

    @property
    def done_per_s(self) -> float:
        """References that get their outcome."""
        return self._per_s(sum(self.last.done.values()) - sum(self.first.done.values()))

    @property
    def all_new(self) -> bool:
        """Whether all that was there at the first moment has its outcome at the last."""
        return all(self.last.done.get(number, 0) >= end for number, end in self.first.ends.items())

    def drained_in_s(self, number: int | None = None) -> float:
        """Until nothing is behind at this pace, in all partitions together or in one; infinite where that never is."""
        first, last = (each.total if number is None else each.behind.get(number, 0) for each in (self.first, self.last))
        if last == 0:
            return 0.0
        return last / self._per_s(first - last) if first > last else math.inf

    def _per_s(self, references: float) -> float:
        return references / max(self.last.at_s - self.first.at_s, 1e-9)


def backlog_of(cluster: Cluster, *, group: str, topic: str) -> Backlog:
    """What the broker tells now; a partition that the group has never committed is behind from its first offset on.

    Raises:
        UserError: Kafka is not reachable, a topic is missing, or a right.
    """
    done = committed_offsets(cluster, group, topic, settled=False)
    ends = end_offsets(cluster, topic)
    return Backlog(time.monotonic(), ends, {**first_offsets(cluster, topic), **done})
