"""Reads whole topics as they stand: committed records only, up to the end that they had at the start."""

import sys
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import AuthorizationError, KafkaError

from stream.broker.cluster import Cluster
from stream.broker.rights import Right, naming
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


def read_topic(
    cluster: Cluster, topic: str, *, within: Mapping[int, range] | None = None, wait_for_open: bool = False
) -> Generator[Record, None, None]:
    """Each record that a reader of committed records sees, in order within its partition.

    What is appended meanwhile is left out.

    Args:
        cluster: where.
        topic: what.
        within: the offsets that are read of each partition; by default all of all.
        wait_for_open: whether what lies behind a transaction that is open at the start is waited for; else it is left
            out.

    Raises:
        UserError: the cluster is not reachable or stops answering, the topic doesn't exist, or may not be read.
    """
    require_topics(cluster, [topic])
    with naming(cluster, Right("Read", "topic", topic)), cluster.consumer() as consumer:
        given = {TopicPartition(topic, number): offsets for number, offsets in (within or {}).items()}
        partitions = _partitions(consumer, topic) if within is None else list(given)
        whole = range(sys.maxsize)
        starts = consumer.beginning_offsets(partitions)
        last = _written(cluster, partitions) if wait_for_open else consumer.end_offsets(partitions)
        ends = {each: min(end, given.get(each, whole).stop) for each, end in last.items()}
        consumer.assign(partitions)
        for partition, start in starts.items():
            consumer.seek(partition, max(start, given.get(partition, whole).start))
        unread = {partition for partition in partitions if consumer.position(partition) < ends[partition]}
        consumer.pause(*(set(partitions) - unread))
        yield from _read_until(consumer, ends, unread)


def _written(cluster: Cluster, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    """Where the partitions end for a reader of all records, those of open transactions, too."""
    with cluster.consumer(isolation_level="read_uncommitted") as consumer:
        found: dict[TopicPartition, int] = consumer.end_offsets(partitions)
    return found


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


def offsets_at(cluster: Cluster, topic: str, time_ms: int) -> dict[int, int]:
    """The first offset of each partition whose record was appended at that time or later; its end where none was."""
    require_topics(cluster, [topic])
    with cluster.consumer() as consumer:
        partitions = _partitions(consumer, topic)
        ends = consumer.end_offsets(partitions)
        found = consumer.offsets_for_times(dict.fromkeys(partitions, max(0, time_ms)))
    return {each.partition: at.offset if (at := found[each]) else ends[each] for each in partitions}


def committed_offsets(cluster: Cluster, group: str, topic: str, *, settled: bool = True) -> dict[int, int]:
    """The next offset of each partition that the group has committed; partitions without a commit are left out.

    Offsets that are pending in a transaction are waited for: where a worker was killed in one, until it times out.
    Not so if `settled` is False; then it is what was committed before.
    """
    require_topics(cluster, [topic])
    level = "read_committed" if settled else "read_uncommitted"
    rights = Right("Describe", "group", group), Right("Describe", "topic", topic)
    with naming(cluster, *rights), cluster.consumer(group_id=group, isolation_level=level) as consumer:
        try:
            found = cluster.ask(
                lambda: {each.partition: consumer.committed(each) for each in _partitions(consumer, topic)}
            )
        except AuthorizationError:
            raise
        except KafkaError as error:
            raise UserError(f"the offsets of group {group!r} can't be read: {error}") from None
    return {number: offset for number, offset in found.items() if offset is not None}


def _partitions(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]


def find_record(cluster: Cluster, partition: Partition, offset: int) -> Record:
    """The record that stands there.

    Raises:
        UserError: there is no such partition, or no record at this offset: says where there are some.
    """
    first = first_offsets(cluster, partition.topic)
    if partition.number not in first:
        numbers = ", ".join(map(str, sorted(first)))
        raise UserError(f"{partition.topic!r} has no partition {partition.number}: it has {numbers}")
    begin, end = first[partition.number], end_offsets(cluster, partition.topic)[partition.number]
    where = f"{partition.topic}[{partition.number}]"
    if not begin <= offset < end:
        held = f"holds offsets {begin} to {end - 1}" if begin < end else "holds no records"
        raise UserError(f"there is no record at offset {offset} of {where}: it {held}")
    with closing(read_topic(cluster, partition.topic, within={partition.number: range(offset, offset + 1)})) as records:
        found = next(records, None)
    if found is None:
        raise UserError(f"at offset {offset} of {where} stands a marker of a transaction, or what was compacted away")
    return found
