"""Where a group begins that has no offsets, on the real broker."""

import time
import uuid
from collections.abc import Callable
from contextlib import closing

import pytest
from kafka import TopicPartition
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from stream.broker.cluster import Cluster
from stream.broker.contract import Delivery, Message, Position
from stream.broker.kafka import KafkaBroker
from stream.broker.reading import committed_offsets
from stream.broker.start import Start, settle_start
from stream.broker.writing import Writer
from stream.errors import UserError
from stream.records import KafkaSource, Partition

NewTopic = Callable[..., str]
Join = Callable[..., KafkaBroker]


@pytest.fixture
def topics(cluster: Cluster, new_topic: NewTopic) -> tuple[str, str]:
    """Five references in two partitions; a topic for outcomes."""
    clips, verdicts = new_topic(2), new_topic()
    with Writer(cluster) as writer:
        for number in range(5):
            writer.write(Message(clips, b"%d" % number, b"a reference"))
    return clips, verdicts


def judged(join: Join, topics: tuple[str, str], *, source_topic: str | None = None) -> None:
    """A group judges the first reference of partition 0."""
    clips, verdicts = topics
    headers = KafkaSource(topic=source_topic or clips, partition=0, offset=0).headers()
    broker = join(clips, group=f"before-{clips}")
    while not broker._owned:
        generation = broker.poll(max_records=0, timeout_s=0.05).generation
    message = Message(verdicts, b"0", b"a verdict", headers)
    broker.deliver(Delivery((message,), {Partition(clips, 0): Position(1)}, generation))
    broker.close()


def settle(
    cluster: Cluster, topics: tuple[str, str], start: Start | None = None, *, group: str = "new"
) -> dict[int, int]:
    clips, verdicts = topics
    group = f"{group}-{clips}"
    settle_start(cluster, group=group, topic=clips, output_topics=[verdicts], start=start)
    return committed_offsets(cluster, group, clips)


def test_before_any_outcome_a_group_begins_at_the_beginning(cluster: Cluster, topics: tuple[str, str]):
    assert settle(cluster, topics) == {}


def test_a_worker_that_died_in_a_transaction_keeps_none_from_starting(
    cluster: Cluster, topics: tuple[str, str], join: Join
):
    judged(join, topics)
    clips, _ = topics
    identity = ConsumerGroupMetadata(f"before-{clips}", -1, "")
    with closing(cluster.producer(transactional_id=str(uuid.uuid4()), transaction_timeout_ms=60_000)) as dead:
        dead.init_transactions()
        dead.begin_transaction()
        dead.send_offsets_to_transaction({TopicPartition(clips, 0): OffsetAndMetadata(2, "", -1)}, identity)
        began = time.monotonic()
        settle_start(cluster, group=f"before-{clips}", topic=clips, output_topics=[], start=None)
        assert time.monotonic() - began < 20.0
        dead.abort_transaction()


def test_a_group_without_offsets_is_asked_where_there_are_outcomes(
    cluster: Cluster, topics: tuple[str, str], join: Join
):
    judged(join, topics)
    with pytest.raises(UserError, match=r"no offsets, but .* have outcomes already: give --start earliest"):
        settle(cluster, topics)
    assert settle(cluster, topics, "earliest") == {}


def test_a_group_with_offsets_goes_on_whatever_is_said(cluster: Cluster, topics: tuple[str, str], join: Join):
    judged(join, topics)
    for start in (None, "earliest", "latest"):
        assert settle(cluster, topics, start, group="before") == {0: 1}


def test_the_latest_is_where_each_partition_ends(cluster: Cluster, topics: tuple[str, str], join: Join):
    judged(join, topics)
    found = settle(cluster, topics, "latest")
    assert found.keys() == {0, 1}
    assert sum(found.values()) == 5
    assert settle(cluster, topics) == found


def test_the_offsets_of_a_group_at_work_are_not_set(cluster: Cluster, topics: tuple[str, str], join: Join):
    broker = join(topics[0], group=f"new-{topics[0]}")
    while not broker._owned:
        broker.poll(max_records=0, timeout_s=0.05)
    with pytest.raises(UserError, match=r"group 'new-.*' has members, and only they may commit"):
        settle(cluster, topics, "latest")


def test_outcomes_of_other_references_are_nobodys_business(cluster: Cluster, topics: tuple[str, str], join: Join):
    judged(join, topics, source_topic="another-topic")
    assert settle(cluster, topics) == {}
