"""What the worker needs of a broker; the real Kafka and the tests' fake are held to one suite."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from stream.records import Partition, Record


@dataclass(frozen=True, slots=True)
class Position:
    """Where a partition's reading stands: `next_offset` is the next one to read, never the last one done."""

    next_offset: int
    note: str = ""
    """A short text committed beside the offset; the next owner gets it back."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought. Changes of ownership come before the records, which are all of owned partitions."""

    records: tuple[Record, ...] = ()
    assigned: Mapping[Partition, Position] = field(default_factory=dict)
    parting: frozenset[Partition] = frozenset()
    """These go to others. No more of their records come, and what is in hand of them may still be delivered: until
    `let_go` is called for them or a short time is over, when they are told of as revoked."""
    revoked: frozenset[Partition] = frozenset()
    lost: frozenset[Partition] = frozenset()
    """Taken away without notice: another may own them already."""
    passed: Mapping[Partition, int] = field(default_factory=dict)
    """Of owned partitions the offsets that their reading has come to: all records before have been brought. What else
    takes offsets has been passed, too, as the markers of transactions."""
    generation: int = -1
    """Of the assignment that the owned partitions belong to; below 0 while the member has none."""
    outage: str | None = None
    """What is wrong while the cluster doesn't answer."""


@dataclass(frozen=True, slots=True)
class Message:
    """One record to be written."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """Messages and offsets that become visible together, or not at all; at least once: messages first."""

    messages: tuple[Message, ...]
    positions: Mapping[Partition, Position]
    generation: int


class DeliveryRefused(Exception):  # noqa: N818 - a refusal is an ordinary answer
    """Nothing of the delivery counts. Poll, then send what is still owned again, with the new generation."""


class Broker(Protocol):
    """One group member and its transactional producer. All calls come from one thread."""

    def poll(self, *, max_records: int, timeout_s: float) -> Polled:
        """Drives the membership and returns at most `max_records`; with 0 it still must be called often."""

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Stops fetching these; those not owned are ignored."""

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Undoes pause."""

    def unread(self) -> Mapping[Partition, int]:
        """How many offsets of each owned partition lie between the next record and the end, where that is known.

        The end is as Kafka last told it; of a paused partition it is asked for now and then, for a short time.
        """

    def let_go(self, partitions: Iterable[Partition]) -> None:
        """Nothing more of these parting partitions will be delivered, so that others need not wait for them."""

    def deliver(self, delivery: Delivery) -> None:
        """Writes messages and offsets, exactly once in one momentary transaction.

        Raises:
            DeliveryRefused: the offsets were not committed, and exactly once means that no message can be read
                (the group has moved on, the transaction was aborted). The broker has rebuilt its producer and
                settled what became of the transaction before it says so.
            Outage: the cluster doesn't answer, so what became of it isn't known. Nothing else may be delivered
                until this very delivery, asked for again, was taken or refused.
        """

    def close(self) -> None:
        """Leaves the group without committing anything more."""


class Deliverer(Protocol):
    """What a broker's deliveries go by; how often an outcome may come is what the kinds of it differ in."""

    def deliver(self, delivery: Delivery) -> None:
        """As `Broker.deliver`.

        Raises:
            FencedTwiceError: another process uses the same transactional.id.
            KafkaError: one of NEVER_TAKEN.
        """

    def close(self) -> None:
        """Ends the producer: what was not delivered never is."""
