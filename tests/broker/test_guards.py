"""The defects of this kafka-python, shown on a real Apache Kafka, and that none of them reaches us."""

import time
import uuid
from collections.abc import Callable, Iterator

import kafka
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import MemberToRemove
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from stream.broker.cluster import Cluster
from stream.broker.contract import Delivery, DeliveryRefused, Message, Position
from stream.broker.guards import VERIFIED_VERSION, keep_finished_joins, resume_parked_records
from stream.broker.kafka import KafkaBroker
from stream.broker.reading import committed_offsets, read_topic
from stream.broker.transactions import FencedTwiceError, TransactionFailedError, Transactions
from stream.records import Partition

NewTopic = Callable[..., str]
Join = Callable[..., KafkaBroker]
TICK_S = 0.02


def anyone(group: str) -> ConsumerGroupMetadata:
    """What kafka-python reports for a member that was removed."""
    return ConsumerGroupMetadata(group, -1, "")


def stranger(group: str) -> ConsumerGroupMetadata:
    return ConsumerGroupMetadata(group, 5, "nobody knows it")


def values(cluster: Cluster, topic: str) -> list[bytes | None]:
    return [record.value for record in read_topic(cluster, topic)]


def drive(*brokers: KafkaBroker, until: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not until():
        assert time.monotonic() < deadline
        for broker in brokers:
            broker.poll(max_records=0, timeout_s=0.0)
        time.sleep(TICK_S)


@pytest.fixture
def transactions(cluster: Cluster) -> Iterator[Transactions]:
    made = Transactions(cluster, transactional_id=f"test-{uuid.uuid4()}", timeout_s=10)
    yield made
    made.close()


def test_the_guards_were_verified_against_the_installed_version():
    assert kafka.__version__ == VERIFIED_VERSION, "look at the defects again, then bump it"


# 1: offsets of a failed transaction leak into the producer's next one.


def test_kafka_python_commits_the_offsets_of_a_failed_transaction_with_the_next_one(
    cluster: Cluster, new_topic: NewTopic
):
    topic, group = new_topic(2), f"group-{uuid.uuid4()}"
    producer = cluster.producer(transactional_id=str(uuid.uuid4()))
    producer.init_transactions()
    producer.begin_transaction()
    with pytest.raises(kafka.errors.CommitFailedError):
        producer.send_offsets_to_transaction({TopicPartition(topic, 0): OffsetAndMetadata(5, "", -1)}, stranger(group))
    producer.abort_transaction()
    producer.begin_transaction()
    producer.send_offsets_to_transaction({TopicPartition(topic, 1): OffsetAndMetadata(7, "", -1)}, anyone(group))
    producer.commit_transaction()
    producer.close()
    assert committed_offsets(cluster, group, topic) == {0: 5, 1: 7}


def test_offsets_of_a_failed_transaction_are_forgotten(
    cluster: Cluster, new_topic: NewTopic, transactions: Transactions
):
    topic, group = new_topic(2), f"group-{uuid.uuid4()}"
    with pytest.raises(TransactionFailedError) as failed:
        transactions.commit([Message(topic, None, b"a")], {TopicPartition(topic, 0): Position(5)}, stranger(group))
    assert not failed.value.in_doubt
    transactions.commit([], {TopicPartition(topic, 1): Position(7)}, anyone(group))
    assert committed_offsets(cluster, group, topic) == {1: 7}
    assert values(cluster, topic) == []


# 2: a commit succeeds although a record of its transaction was lost.


def next_is_out_of_order(producer: KafkaProducer, topic: str) -> None:
    """The broker refuses the next record, as after a batch that got lost."""
    producer._transaction_manager.set_sequence_number(TopicPartition(topic, 0), 7)


def test_kafka_python_commits_although_a_record_was_lost(cluster: Cluster, new_topic: NewTopic):
    topic = new_topic()
    producer = cluster.producer(transactional_id=str(uuid.uuid4()))
    producer.init_transactions()
    for value in (b"first", b"lost"):
        producer.begin_transaction()
        future = producer.send(topic, value)
        producer.commit_transaction()
        next_is_out_of_order(producer, topic)
    producer.close()
    assert future.failed()
    assert values(cluster, topic) == [b"first"]


def test_a_transaction_that_lost_a_record_fails(cluster: Cluster, new_topic: NewTopic, transactions: Transactions):
    topic, group = new_topic(), f"group-{uuid.uuid4()}"
    transactions.commit([Message(topic, None, b"first")], {TopicPartition(topic, 0): Position(1)}, anyone(group))
    next_is_out_of_order(transactions._producer, topic)
    with pytest.raises(TransactionFailedError):
        transactions.commit([Message(topic, None, b"lost")], {TopicPartition(topic, 0): Position(2)}, anyone(group))
    transactions.settle()
    assert (values(cluster, topic), committed_offsets(cluster, group, topic)) == ([b"first"], {0: 1})
    transactions.commit([Message(topic, None, b"again")], {TopicPartition(topic, 0): Position(2)}, anyone(group))
    assert (values(cluster, topic), committed_offsets(cluster, group, topic)) == ([b"first", b"again"], {0: 2})


# 3: two owners of one transactional.id fence each other for ever.


def test_of_two_owners_of_one_transactional_id_one_gives_up(cluster: Cluster, new_topic: NewTopic):
    topic, group, name = new_topic(), f"group-{uuid.uuid4()}", str(uuid.uuid4())
    owners = [Transactions(cluster, transactional_id=name, timeout_s=10) for _ in range(2)]
    committed, given_up = 0, []
    for _ in range(6):
        for owner in [each for each in owners if each not in given_up]:
            try:
                owner.commit([Message(topic, None, b"x")], {TopicPartition(topic, 0): Position(1)}, anyone(group))
                committed += 1
            except TransactionFailedError:
                assert len(values(cluster, topic)) == committed
            except FencedTwiceError:
                given_up.append(owner)
    for owner in owners:
        owner.close()
    assert len(given_up) == 1
    assert len(values(cluster, topic)) == committed > 0


def test_two_members_never_share_a_transactional_id(new_topic: NewTopic, join: Join):
    topic = new_topic()
    assert join(topic).client_id != join(topic).client_id


# 4: Kafka takes the offsets of a member without a generation from anybody.


def test_a_removed_member_sends_nothing_although_kafka_would_take_it(
    cluster: Cluster, new_topic: NewTopic, join: Join, transactions: Transactions
):
    topic, group = new_topic(), f"group-{uuid.uuid4()}"
    broker = join(topic, group=group)
    generation = -1
    while generation < 0 or not broker._owned:
        generation = broker.poll(max_records=0, timeout_s=0.1).generation
    with cluster.admin() as admin:
        (member,) = admin.describe_groups([group])[group]["members"]
        admin.remove_group_members(group, [MemberToRemove(member_id=member["member_id"])])
    deadline = time.monotonic() + 10
    while broker._consumer.group_metadata().generation_id >= 0 and time.monotonic() < deadline:
        time.sleep(TICK_S)  # the heartbeats find out, not a poll
    identity = broker._consumer.group_metadata()
    assert (identity.generation_id, identity.member_id) == (-1, "")
    for number in (generation, -1):
        with pytest.raises(DeliveryRefused):
            broker.deliver(Delivery((Message(topic, None, b"late"),), {Partition(topic, 0): Position(9)}, number))
    assert (values(cluster, topic), committed_offsets(cluster, group, topic)) == ([], {})
    transactions.commit([], {TopicPartition(topic, 0): Position(9)}, identity)
    assert committed_offsets(cluster, group, topic) == {0: 9}, "Kafka checks it by now: the guard may go"


# 7: a join that ends between two polls is lost.


def is_assigned(consumer: KafkaConsumer, *, polls: int) -> bool:
    """Whether it has partitions after so many polls, each of them after a join that has ended since the one before."""
    for _ in range(polls):
        consumer.poll(timeout_ms=0)
        deadline = time.monotonic() + 20.0
        while (join := consumer._coordinator._join_task) is not None and not join.is_done:
            assert time.monotonic() < deadline
            time.sleep(TICK_S / 10)
        if consumer.assignment():
            return True
        time.sleep(TICK_S)
    return False


@pytest.mark.parametrize("guarded", [False, True])
def test_a_member_that_polls_shortly_gets_its_partitions_only_with_the_guard(
    cluster: Cluster, new_topic: NewTopic, *, guarded: bool
):
    topic = new_topic()
    with cluster.consumer(
        group_id=f"group-{uuid.uuid4()}", partition_assignment_strategy=[CooperativeStickyAssignor]
    ) as consumer:
        if guarded:
            keep_finished_joins(consumer)
        consumer.subscribe([topic])
        assigned = is_assigned(consumer, polls=60)
    assert assigned == guarded, "kafka-python keeps joins by itself now: the guard may go"


def test_four_members_that_poll_shortly_settle(new_topic: NewTopic, join: Join):
    topic = new_topic(4)
    brokers = [join(topic) for _ in range(4)]
    drive(*brokers, until=lambda: all(len(broker._owned) == 1 for broker in brokers))
    assert len({partition for broker in brokers for partition in broker._owned}) == 4


def test_added_partitions_are_found_and_read(cluster: Cluster, new_topic: NewTopic, join: Join):
    topic = new_topic()
    broker = join(topic, metadata_max_age_s=0.5)
    drive(broker, until=lambda: len(broker._owned) == 1)
    with cluster.admin() as admin:
        admin.create_partitions({topic: 3})
    drive(broker, until=lambda: len(broker._owned) == 3)


# 8: what was fetched of a partition that is paused is not taken up again when it is resumed.


def read_until(consumer: KafkaConsumer, count: int, patience_s: float) -> list[int]:
    """Numbers of the partitions that the next records come from, `count` or as many as come."""
    read: list[int] = []
    deadline = time.monotonic() + patience_s
    while len(read) < count and time.monotonic() < deadline:
        for partition, records in consumer.poll(timeout_ms=50, max_records=5).items():
            read += [partition.partition] * len(records)
    return read


@pytest.mark.parametrize("guarded", [False, True])
def test_a_partition_that_was_paused_halfway_goes_on_only_with_the_guard(
    cluster: Cluster, new_topic: NewTopic, *, guarded: bool
):
    topic = new_topic(2)
    producer = cluster.producer(partitioner=None)
    for number in range(20):
        producer.send(topic, b"a record", partition=number % 2)
    producer.close()
    with cluster.consumer(group_id=None, auto_offset_reset="earliest") as consumer:
        if guarded:
            resume_parked_records(consumer)
        consumer.assign([TopicPartition(topic, 0), TopicPartition(topic, 1)])
        first, *_ = read_until(consumer, 5, patience_s=10.0)
        halfway = TopicPartition(topic, first)
        consumer.pause(halfway)
        assert set(read_until(consumer, 10, patience_s=10.0)) == {1 - first}
        consumer.resume(halfway)
        rest = read_until(consumer, 5, patience_s=10.0 if guarded else 1.5)
    assert (rest == [first] * 5) == guarded, "kafka-python takes parked records up by itself now: the guard may go"


def test_a_member_that_is_thrown_out_while_it_joins_loses_its_partitions(
    cluster: Cluster, new_topic: NewTopic, join: Join
):
    topic = new_topic(2)
    member, idle = join(topic), join(topic)
    drive(member, idle, until=lambda: len(member._owned) == len(idle._owned) == 1 and not member._membership.joining)
    held = {Partition(each.topic, each.partition) for each in member._owned}
    newcomer = join(topic)  # its join waits for the idle one, which doesn't answer, and so does the member's
    drive(member, newcomer, until=lambda: member._consumer._coordinator._join_task is not None)
    with cluster.admin() as admin:
        thrown_out = MemberToRemove(member_id=member._membership.member_id)
        assert "NoError" in str(admin.remove_group_members(f"group-{topic}", [thrown_out]))
    lost: set[Partition] = set()

    def told() -> bool:
        lost.update(member.poll(max_records=0, timeout_s=0.0).lost)
        return lost == held

    drive(newcomer, idle, until=told)
