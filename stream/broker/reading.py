"""Reads whole topics as they stand: committed records only, up to the end that they had at the start."""

import time
from collections.abc import Generator, Iterator

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from stream.broker.cluster import Cluster
from stream.broker.topics import require_topics
from stream.errors import UserError
from stream.records import Partition, Record

_POLL_MS = 500
_STALLED_AFTER_S = 30.0


def to_record(given: ConsumerRecord) -> Record:
    """A record as kafka-python gives it, in our terms."""
    return Record(
        partition=Partition(given.topic, given.partition),
        offset=given.offset,
        key=given.key,
        value=given.value,
        headers=tuple((name, value or b"") for name, value in given.headers),  # null isn't taken back by a producer
        timestamp_ms=given.timestamp,
    )


def read_topic(cluster: Cluster, topic: str) -> Generator[Record, None, None]:
    """Each record that a reader of committed records sees, in order within its partition.

    What is appended meanwhile is left out, and so is what lies behind a transaction that is open at the start.

    Raises:
        UserError: the cluster is not reachable or stops answering, or the topic doesn't exist.
    """
    require_topics(cluster, [topic])
    with cluster.consumer() as consumer:
        partitions = _partitions(consumer, topic)
        ends: dict[TopicPartition, int] = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        unread = {partition for partition in partitions if consumer.position(partition) < ends[partition]}
        consumer.pause(*(set(partitions) - unread))
        yield from _read_until(consumer, ends, unread)


def _read_until(
    consumer: KafkaConsumer, ends: dict[TopicPartition, int], unread: set[TopicPartition]
) -> Iterator[Record]:
    progress_at = time.monotonic()
    while unread:
        polled = consumer.poll(timeout_ms=_POLL_MS)
        for partition, records in polled.items():
            yield from (to_record(each) for each in records if each.offset < ends[partition])
        # The position also passes the markers of transactions, which come as no record.
        done = {partition for partition in unread if consumer.position(partition) >= ends[partition]}
        consumer.pause(*done)
        unread -= done
        if polled or done:
            progress_at = time.monotonic()
        elif time.monotonic() > progress_at + _STALLED_AFTER_S:
            raise UserError(
                f"Kafka gave nothing for {_STALLED_AFTER_S:.0f} s although {len(unread)} partitions have more: "
                "check that the broker runs and try again"
            )


def first_offsets(cluster: Cluster, topic: str) -> dict[int, int]:
    """The first offset that each partition still holds; what was before, retention has deleted."""
    require_topics(cluster, [topic])
    with cluster.consumer() as consumer:
        found = consumer.beginning_offsets(_partitions(consumer, topic))
    return {partition.partition: offset for partition, offset in found.items()}


def end_offsets(cluster: Cluster, topic: str) -> dict[int, int]:
    """The offset that each partition's next committed record gets, at least."""
    require_topics(cluster, [topic])
    with cluster.consumer() as consumer:
        found = consumer.end_offsets(_partitions(consumer, topic))
    return {partition.partition: offset for partition, offset in found.items()}


def committed_offsets(cluster: Cluster, group: str, topic: str) -> dict[int, int]:
    """The next offset of each partition that the group has committed; partitions without a commit are left out."""
    require_topics(cluster, [topic])
    with cluster.consumer(group_id=group) as consumer:
        try:
            found = {each.partition: consumer.committed(each) for each in _partitions(consumer, topic)}
        except KafkaError as error:
            raise UserError(f"the offsets of group {group!r} can't be read: {error}") from None
    return {number: offset for number, offset in found.items() if offset is not None}


def _partitions(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
