"""Which references are meant: by their offsets, by the time of their append, or both; by default all."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from stream.broker.cluster import Cluster
from stream.broker.reading import first_offsets, offsets_at
from stream.errors import UserError

_OFFSETS = re.compile(r"(\d{1,18}):(\d{0,18})-(\d{0,18})", re.ASCII)
_NO_END = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What is left after all limits."""

    offsets: Mapping[int, range] = field(default_factory=dict)
    """By partition; if there are any, the partitions that aren't named are left out."""
    since: datetime | None = None
    until: datetime | None = None
    """The time itself is no part of it any more."""

    def within(self, cluster: Cluster, topic: str) -> Mapping[int, range] | None:
        """The offsets of each partition that are meant; None where all are.

        Raises:
            UserError: the topic has no such partition, or as `read_topic`.
        """
        if not self.offsets and self.since is None and self.until is None:
            return None
        first = first_offsets(cluster, topic)
        for number in self.offsets.keys() - first.keys():
            raise UserError(f"{topic!r} has no partition {number}: it has {', '.join(map(str, sorted(first)))}")
        starts = offsets_at(cluster, topic, milliseconds(self.since)) if self.since else dict.fromkeys(first, 0)
        ends = offsets_at(cluster, topic, milliseconds(self.until)) if self.until else dict.fromkeys(first, _NO_END)
        return {number: _both(range(starts[number], ends[number]), self._offsets_of(number)) for number in first}

    def _offsets_of(self, number: int) -> range:
        return self.offsets.get(number, range(0)) if self.offsets else range(_NO_END)


ALL = Extent()


def _both(one: range, other: range) -> range:
    start = max(one.start, other.start)
    return range(start, max(start, min(one.stop, other.stop)))


def milliseconds(time: datetime) -> int:
    """Since 1970, as Kafka's records have it."""
    return int(time.timestamp() * 1000)


def parse_offsets(texts: Iterable[str]) -> dict[int, range]:
    """Reads `PARTITION:FIRST-LAST`, of which either end may be left out: `["0:100-200", "2:17-"]`.

    Raises:
        UserError: it is something else, ends before it begins, or names a partition twice.
    """
    found: dict[int, range] = {}
    for text in texts:
        match = _OFFSETS.fullmatch(text)
        if match is None:
            raise UserError(f"--offsets {text}: give PARTITION:FIRST-LAST, as 0:100-200, or 0:100- for all from 100 on")
        number, first, last = int(match[1]), int(match[2] or 0), int(match[3] or _NO_END - 1)
        if last < first:
            raise UserError(f"--offsets {text}: it ends before it begins: give the smaller offset first")
        if number in found:
            raise UserError(f"--offsets {text}: partition {number} is named twice: give one range for each partition")
        found[number] = range(first, last + 1)
    return found
