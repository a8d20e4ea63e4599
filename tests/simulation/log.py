"""A partition's log as brokers keep it: records of transactions stand in it before it is known whether they count."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Literal

from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One record; the fields that the client's own records have, too."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int
    transaction: "Transaction | None"


@dataclass(slots=True, eq=False)
class Transaction:
    """What one producer wrote and committed in one go."""

    began_s: float
    state: Literal["open", "committing", "committed", "aborted"] = "open"
    """Committing: it will be committed whatever happens, but nobody sees it yet."""
    entries: list[Entry] = field(default_factory=list)
    offsets: dict[TopicPartition, OffsetAndMetadata] = field(default_factory=dict)
    logs: dict[TopicPartition, "Log"] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        return self.state in ("committed", "aborted")


class Log:
    """Offsets rise, with gaps: markers of transactions take some, and what is deleted or compacted is missing."""

    def __init__(self, partition: TopicPartition, *, start: int = 0) -> None:
        self.partition = partition
        self.start = self.end = start
        self._entries: list[Entry] = []
        self._offsets: list[int] = []
        self._unsettled: dict[Transaction, int] = {}

    def append(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        *,
        timestamp_ms: int,
        transaction: Transaction | None = None,
    ) -> Entry:
        entry = Entry(
            self.partition.topic, self.partition.partition, self.end, key, value, headers, timestamp_ms, transaction
        )
        self._entries.append(entry)
        self._offsets.append(entry.offset)
        if transaction is not None:
            transaction.entries.append(entry)
            transaction.logs[self.partition] = self
            self._unsettled.setdefault(transaction, entry.offset)
        self.end += 1
        return entry

    def skip(self, offsets: int) -> None:
        """These are taken by something that no reader sees."""
        self.end += offsets

    def settle(self, transaction: Transaction) -> None:
        """Its marker is written."""
        del self._unsettled[transaction]
        self.end += 1

    @property
    def stable_end(self) -> int:
        """Readers of committed records get no further."""
        return min(self._unsettled.values(), default=self.end)

    def read(self, offset: int, count: int) -> list[Entry]:
        """At most so many committed records from the offset on."""
        found: list[Entry] = []
        end = self.stable_end
        for entry in self._entries[bisect_left(self._offsets, offset) :]:
            if entry.offset >= end or len(found) == count:
                break
            if entry.transaction is None or entry.transaction.state == "committed":
                found.append(entry)
        return found
