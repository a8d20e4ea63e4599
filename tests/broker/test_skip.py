"""What is committed for a reference that is to be skipped, on the real broker."""

from collections.abc import Callable

import pytest
from kafka import TopicPartition

from stream.broker.cluster import Cluster
from stream.broker.contract import Message, Position
from stream.broker.groups import GroupAtWorkError, committed_position, set_positions
from stream.broker.kafka import KafkaBroker
from stream.broker.reading import find_record
from stream.broker.writing import Writer
from stream.errors import UserError
from stream.letters.skip import skip
from stream.records import Partition
from stream.worker.notes import Note

NewTopic = Callable[..., str]
Join = Callable[..., KafkaBroker]
COUNT = 5


@pytest.fixture
def clips(cluster: Cluster, new_topic: NewTopic) -> Partition:
    """Five references in a partition."""
    topic = new_topic()
    with Writer(cluster) as writer:
        for number in range(COUNT):
            writer.write(Message(topic, b"%d" % number, b"a reference"))
    return Partition(topic, 0)


def skipped(cluster: Cluster, clips: Partition, *offsets: int) -> Position:
    for offset in offsets:
        skip(cluster, "group-" + clips.topic, find_record(cluster, clips, offset))
    position = committed_position(cluster, "group-" + clips.topic, clips)
    assert position is not None
    return position


def test_a_group_without_a_position_begins_where_the_log_does(cluster: Cluster, clips: Partition):
    assert skipped(cluster, clips, 3) == Position(0, Note(skip=frozenset({3})).text)


def test_what_the_note_says_besides_is_kept_and_the_position_stays(cluster: Cluster, clips: Partition):
    note = Note(in_a_row=2, rejected=7, of=90, skip=frozenset({4}))
    set_positions(cluster, "group-" + clips.topic, {clips: Position(1, note.text)})
    expected = Note(in_a_row=2, rejected=7, of=90, skip=frozenset({1, 4}))
    assert skipped(cluster, clips, 1) == Position(1, expected.text)


def test_asked_for_again_nothing_changes(cluster: Cluster, clips: Partition):
    once = skipped(cluster, clips, 3, 2)
    assert skipped(cluster, clips, 2, 3) == once
    assert skip(cluster, "group-" + clips.topic, find_record(cluster, clips, 2)).before


def test_what_was_passed_has_its_outcome(cluster: Cluster, clips: Partition):
    set_positions(cluster, "group-" + clips.topic, {clips: Position(3)})
    with pytest.raises(UserError, match=r"has passed offset 2 of .*: it goes on at 3"):
        skipped(cluster, clips, 2)


@pytest.mark.parametrize("offset", [COUNT, 10**9])
def test_what_is_not_there_cannot_be_skipped(cluster: Cluster, clips: Partition, offset: int):
    with pytest.raises(UserError, match=rf"no record at offset {offset} of .*: it holds offsets 0 to 4"):
        find_record(cluster, clips, offset)


def test_nor_can_what_was_deleted(cluster: Cluster, clips: Partition):
    with cluster.admin() as admin:
        admin.delete_records({TopicPartition(clips.topic, 0): 2})
    with pytest.raises(UserError, match=r"no record at offset 1 of .*: it holds offsets 2 to 4"):
        find_record(cluster, clips, 1)
    assert skipped(cluster, clips, 3).next_offset == 2
    with cluster.admin() as admin:
        admin.delete_records({TopicPartition(clips.topic, 0): COUNT})
    with pytest.raises(UserError, match="it holds no records"):
        find_record(cluster, clips, 1)


def test_nor_a_marker_of_a_transaction(cluster: Cluster, clips: Partition):
    with cluster.producer(transactional_id=clips.topic) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(clips.topic, value=b"a reference").get(timeout=60)
        producer.commit_transaction()
    assert find_record(cluster, clips, COUNT).value == b"a reference"
    with pytest.raises(UserError, match="stands a marker of a transaction"):
        find_record(cluster, clips, COUNT + 1)


def test_a_partition_that_is_not_there_is_named(cluster: Cluster, clips: Partition):
    with pytest.raises(UserError, match="has no partition 7: it has 0"):
        find_record(cluster, Partition(clips.topic, 7), 0)


def test_while_workers_are_there_only_they_commit(cluster: Cluster, clips: Partition, join: Join):
    broker = join(clips.topic)
    while not broker.poll(max_records=0, timeout_s=0.05).assigned:
        pass
    with pytest.raises(GroupAtWorkError, match=r"has members, .*: stop the workers, do this, start them again"):
        skipped(cluster, clips, 3)
    broker.close()
    assert skipped(cluster, clips, 3).next_offset == 0


def test_more_than_a_note_holds_is_refused_before_kafka_refuses_it(cluster: Cluster, clips: Partition):
    many = Note(skip=frozenset(range(10**12, 10**12 + 291)))
    assert 4000 < len(many.text) < 4096
    set_positions(cluster, "group-" + clips.topic, {clips: Position(0, many.text)})
    kept = skipped(cluster, clips, 1, 2)
    fuller = Note(skip=frozenset(range(10**12, 10**12 + 292)))
    set_positions(cluster, "group-" + clips.topic, {clips: Position(0, fuller.text)})
    assert len(kept.note) <= 4096
    with pytest.raises(UserError, match="references of this partition are skipped already"):
        skipped(cluster, clips, 1, 2, 3, 4)
