"""What only the real broker can show: slots, lost ranges, and what is said when it isn't there."""

import logging
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from kafka import TopicPartition

from stream.broker.cluster import Cluster
from stream.broker.contract import Delivery, DeliveryRefused, Message, Position
from stream.broker.guards import is_fenced
from stream.broker.joining import KafkaOptions
from stream.broker.kafka import KafkaBroker
from stream.broker.positions import OffsetsLostError
from stream.broker.reading import committed_offsets
from stream.broker.topics import require_topics
from stream.broker.watchdog import Watchdog
from stream.broker.writing import Writer
from stream.errors import UserError
from stream.records import Partition, Record

NewTopic = Callable[..., str]
Join = Callable[..., KafkaBroker]


def settle(broker: KafkaBroker, timeout_s: float = 20.0) -> int:
    """Polls until the member owns something; returns the generation."""
    deadline = time.monotonic() + timeout_s
    generation = -1
    while generation < 0 or not broker._owned:
        assert time.monotonic() < deadline
        generation = broker.poll(max_records=0, timeout_s=0.05).generation
    return generation


def poll_on(broker: KafkaBroker) -> None:
    for _ in range(200):
        broker.poll(max_records=10, timeout_s=0.1)


def write(cluster: Cluster, topic: str, count: int) -> None:
    with Writer(cluster) as writer:
        for number in range(count):
            writer.write(Message(topic, None, b"%d" % number))


def delete_before(cluster: Cluster, topic: str, offset: int) -> None:
    with cluster.admin() as admin:
        admin.delete_records({TopicPartition(topic, 0): offset})


def test_a_member_that_does_not_answer_keeps_nobody_from_work(cluster: Cluster, new_topic: NewTopic, join: Join):
    topic = new_topic(3)
    at_work, silent = join(topic), join(topic)
    while not (len(at_work._owned) and len(silent._owned)):
        for each in (at_work, silent):
            each.poll(max_records=0, timeout_s=0.02)
    came_back = join(topic)  # the join that this starts waits for the silent one, longer than this test lasts
    began = time.monotonic()
    while time.monotonic() < began + 2:
        at_work.poll(max_records=0, timeout_s=0.02)
        came_back.poll(max_records=0, timeout_s=0.02)
    held = {Partition(each.topic, each.partition) for each in at_work._owned}
    write(cluster, topic, 60)
    records: list[Record] = []
    while not records:
        polled = at_work.poll(max_records=60, timeout_s=0.1)
        records += polled.records
        assert time.monotonic() < began + 8, "nothing is read while the others join"
    assert not came_back._owned
    assert {record.partition for record in records} <= held
    positions = {record.partition: Position(record.offset + 1) for record in records}
    at_work.deliver(Delivery((), positions, polled.generation))
    found = committed_offsets(cluster, f"group-{topic}", topic)
    assert found == {partition.number: at.next_offset for partition, at in positions.items()}


def test_a_member_whose_slot_was_taken_stops_although_the_other_is_gone(new_topic: NewTopic, join: Join):
    topic = new_topic()
    first = join(topic, slot="a")
    settle(first)
    second = join(topic, slot="a")
    settle(second)
    deadline = time.monotonic() + 10
    while not is_fenced(first._consumer):  # its heartbeats find out, and kafka-python goes on polling as if nothing was
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second.close()
    with pytest.raises(UserError, match="slot 'a' is used by another process"):
        poll_on(first)


def test_a_member_whose_join_does_not_settle_ends_its_process(cluster: Cluster, new_topic: NewTopic, join: Join):
    topic = new_topic()
    settle(join(topic, group="waited-for"))  # it never polls again, and is waited for 30 s
    options = KafkaOptions(
        cluster=cluster,
        group="waited-for",
        topic=topic,
        session_timeout_s=1.0,
        heartbeat_s=0.2,
        max_poll_interval_s=1.0,
    )
    ended: list[str] = []
    with closing(KafkaBroker(options, watchdog=Watchdog(ended.append))) as broker:
        deadline = time.monotonic() + 15
        while not ended:
            assert time.monotonic() < deadline
            broker.poll(max_records=0, timeout_s=0.05)
    assert ended == ["the group did not settle"]


def test_a_session_that_the_brokers_do_not_allow_is_refused(new_topic: NewTopic, join: Join):
    with pytest.raises(UserError, match=r"--session-timeout-s = 4000 .* group\.max\.session\.timeout\.ms"):
        poll_on(join(new_topic(), session_timeout_s=4000))


def test_references_deleted_before_they_were_read_stop_the_member(cluster: Cluster, new_topic: NewTopic, join: Join):
    topic = new_topic()
    write(cluster, topic, 10)
    before = join(topic)
    before.deliver(Delivery((), {Partition(topic, 0): Position(3)}, settle(before)))
    before.close()
    delete_before(cluster, topic, 7)
    with pytest.raises(OffsetsLostError, match=rf"references 3 to 6 of {topic}\[0\] were deleted"):
        poll_on(join(topic))


def test_a_topic_made_anew_stops_the_member(cluster: Cluster, new_topic: NewTopic, join: Join):
    topic = new_topic()
    before = join(topic)
    before.deliver(Delivery((), {Partition(topic, 0): Position(30)}, settle(before)))
    before.close()
    with pytest.raises(OffsetsLostError, match=r"ends at 0, but group .* has read up to 30"):
        poll_on(join(topic))


def test_a_group_without_offsets_begins_at_what_is_left(cluster: Cluster, new_topic: NewTopic, join: Join):
    topic = new_topic()
    write(cluster, topic, 10)
    delete_before(cluster, topic, 7)
    broker = join(topic)
    records: list[Record] = []
    while len(records) < 3:
        records.extend(broker.poll(max_records=10, timeout_s=0.1).records)
    assert [record.offset for record in records] == [7, 8, 9]


def test_a_restarted_slot_takes_its_place_at_once_and_the_old_process_stops(
    cluster: Cluster, new_topic: NewTopic, join: Join
):
    topic = new_topic()
    hung = join(topic, slot="worker-0")
    old = Delivery((), {Partition(topic, 0): Position(1)}, settle(hung))
    restarted = join(topic, slot="worker-0")
    new = Delivery((), {Partition(topic, 0): Position(2)}, settle(restarted, timeout_s=5.0))  # a session is 10 s
    with pytest.raises(DeliveryRefused):
        hung.deliver(old)
    with pytest.raises(UserError, match="slot 'worker-0' is used by another process"):
        hung.deliver(old)
    hung.close()  # takes itself out, not its heir
    with pytest.raises(DeliveryRefused):  # once: the two fenced each other
        restarted.deliver(new)
    restarted.deliver(new)
    assert committed_offsets(cluster, f"group-{topic}", topic) == {0: 2}


def test_a_slot_that_closes_leaves_its_place_to_others_at_once(new_topic: NewTopic, join: Join):
    topic = new_topic()
    leaving = join(topic, slot="worker-0")
    settle(leaving)
    leaving.close()
    settle(join(topic, slot="worker-1"), timeout_s=5.0)


def test_a_missing_topic_is_named_with_the_command_that_creates_it(cluster: Cluster, new_topic: NewTopic):
    options = KafkaOptions(cluster=cluster, group="any", topic=new_topic(), output_topics=("no-such-topic",))
    with pytest.raises(UserError, match=r"'no-such-topic' doesn't exist .*python -m stream topics"):
        KafkaBroker(options)


def test_an_unreachable_broker_is_tried_said_so_and_given_up(caplog: pytest.LogCaptureFixture):
    nowhere = Cluster("127.0.0.1:1", connect_timeout_s=2.5, options={})
    began = time.monotonic()
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(UserError, match=r"127.0.0.1:1 did not answer .*: check the address, that the broker runs"),
    ):
        require_topics(nowhere, ["any"])
    assert 2.0 < time.monotonic() - began < 20.0
    assert any("doesn't answer yet" in record.message for record in caplog.records)
