"""Where a group stands in its partitions, and what to say when the log doesn't reach there any more."""

from collections.abc import Mapping

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import OffsetOutOfRangeError
from kafka.structs import OffsetAndMetadata

from stream.broker.contract import Position
from stream.errors import UserError
from stream.records import Partition


class OffsetsLostError(UserError):
    """The records that come next are gone: going on would skip references without a word."""


At = Mapping[TopicPartition, Position]


def at_of(positions: Mapping[Partition, Position]) -> At:
    """Positions by kafka-python's name of each partition."""
    return {TopicPartition(each.topic, each.number): position for each, position in positions.items()}


def to_offsets(positions: At) -> dict[TopicPartition, OffsetAndMetadata]:
    """Positions as kafka-python commits them."""
    return {each: OffsetAndMetadata(at.next_offset, at.note, -1) for each, at in positions.items()}


class Positions:
    """The committed positions of a consumer's group."""

    def __init__(self, consumer: KafkaConsumer, group: str) -> None:
        self._consumer = consumer
        self._group = group

    def committed(self, partition: TopicPartition, *, timeout_s: float) -> Position | None:
        """The committed position with its note, if there is one.

        Raises:
            KafkaTimeoutError: it isn't known within the time-out; a transaction that is open keeps it from being so.
        """
        found = self._consumer.committed(partition, metadata=True, timeout_ms=timeout_s * 1000)
        return None if found is None else Position(found.offset, found.metadata or "")

    def earliest(self, partition: TopicPartition, *, timeout_s: float) -> Position:
        """Where the log begins now; raises as `committed` does."""
        return Position(self._consumer.beginning_offsets([partition], timeout_ms=timeout_s * 1000)[partition])

    def lost_range(self, error: OffsetOutOfRangeError) -> OffsetsLostError:
        """What is missing where a fetch was out of range, and how to go on."""
        partition, wanted = next(iter(error.args[0].items()))
        first = self._consumer.beginning_offsets([partition])[partition]
        end = self._consumer.end_offsets([partition])[partition]
        where = f"{partition.topic}[{partition.partition}]"
        what = (
            f"the references {wanted} to {first - 1} of {where} were deleted before they were read (its retention)"
            if wanted < first
            else f"{where} ends at {end}, but group {self._group!r} has read up to {wanted}: was it made anew?"
        )
        return OffsetsLostError(
            f"{what}: stop the workers and set the group's offsets "
            f"(kafka-consumer-groups --group {self._group} --reset-offsets) to go on without them"
        )
