"""A broker that hangs or dies in the middle of a delivery: what was said of the delivery is what can be read."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.structs import ConsumerGroupMetadata

from stream.broker.cluster import Cluster
from stream.broker.contract import Delivery, DeliveryRefused, Message, Position
from stream.broker.exactly_once import ExactlyOnce
from stream.broker.joining import KafkaOptions
from stream.broker.kafka import KafkaBroker
from stream.broker.reading import committed_offsets, read_topic
from stream.broker.topics import Topic, create_topics
from stream.broker.transactions import TransactionFailedError, Transactions
from stream.broker.writing import Writer
from stream.errors import Outage
from stream.local.embedded import EmbeddedKafka
from stream.local.ports import free_ports
from stream.records import Partition
from tests.broker.test_secure_ways import until_an_outage
from tests.system.commands import until

TRANSACTION_TIMEOUT_S = 1.0
HANGS_S = 2.5  # longer than a flush and a close would wait


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker of our own, for nobody else may be disturbed."""
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka-outage")) as node:
        yield node


@pytest.fixture
def cluster(node: EmbeddedKafka) -> Cluster:
    return Cluster(node.bootstrap)


@pytest.fixture
def topic(cluster: Cluster) -> str:
    name = f"topic-{uuid.uuid4().hex[:12]}"
    create_topics(cluster, [Topic(name)])
    return name


@pytest.fixture
def broker(cluster: Cluster, topic: str) -> Iterator[KafkaBroker]:
    options = KafkaOptions(
        cluster=cluster, group=f"group-{topic}", topic=topic, transaction_timeout_s=TRANSACTION_TIMEOUT_S
    )
    with closing(KafkaBroker(options)) as broker:
        yield broker


def settle(broker: KafkaBroker) -> int:
    """Polls until the member has its partition; returns the generation."""
    generation = -1
    deadline = time.monotonic() + 30.0
    while generation < 0 or not broker._owned:
        assert time.monotonic() < deadline
        generation = broker.poll(max_records=0, timeout_s=0.05).generation
    return generation


def producer_of(broker: KafkaBroker) -> KafkaProducer:
    assert isinstance(broker._deliverer, ExactlyOnce)
    assert broker._deliverer._transactions._producer is not None
    return broker._deliverer._transactions._producer


def freeze_at(producer: KafkaProducer, call: str, node: EmbeddedKafka) -> None:
    """The broker stands still from the producer's next such call on."""
    proceed: Callable[..., Any] = getattr(producer, call)

    def freeze_and_proceed(**arguments: Any) -> Any:
        delattr(producer, call)
        os.kill(node.pid or 0, signal.SIGSTOP)
        return proceed(**arguments)

    setattr(producer, call, freeze_and_proceed)


def one_outcome(topic: str, generation: int) -> Delivery:
    return Delivery((Message(topic, None, b"outcome"),), {Partition(topic, 0): Position(1)}, generation)


def test_a_member_that_begins_while_a_broker_is_away_asks_again(
    cluster: Cluster, topic: str, monkeypatch: pytest.MonkeyPatch
):
    begin, times_away = KafkaProducer.init_transactions, [1, 1]

    def begin_when_it_is_back(producer: KafkaProducer) -> None:
        if times_away:
            times_away.pop()
            raise KafkaTimeoutError("initialize_transactions was not answered for 10 s")
        begin(producer)

    monkeypatch.setattr(KafkaProducer, "init_transactions", begin_when_it_is_back)
    with closing(KafkaBroker(KafkaOptions(cluster=cluster, group=f"group-{topic}", topic=topic))) as broker:
        settle(broker)
    assert not times_away


@pytest.mark.parametrize("call", ["flush", "commit_transaction"])
def test_a_broker_that_hangs_leaves_no_doubt(
    node: EmbeddedKafka, cluster: Cluster, topic: str, broker: KafkaBroker, call: str
):
    generation = settle(broker)
    freeze_at(producer_of(broker), call, node)
    timer = threading.Timer(HANGS_S, os.kill, (node.pid, signal.SIGCONT))
    timer.start()
    try:
        broker.deliver(one_outcome(topic, generation))
        said = 1
    except DeliveryRefused:
        said = 0
    finally:
        timer.join()
    assert len(list(read_topic(cluster, topic))) == said
    assert committed_offsets(cluster, f"group-{topic}", topic) == ({0: 1} if said else {})
    if not said:
        broker.deliver(one_outcome(topic, settle(broker)))
    assert len(list(read_topic(cluster, topic))) == 1


def test_a_commit_whose_answer_is_lost_counts_as_delivered(cluster: Cluster, topic: str, broker: KafkaBroker):
    generation = settle(broker)
    producer = producer_of(broker)
    commit = producer.commit_transaction

    def commit_and_lose_the_answer() -> None:
        commit()
        raise KafkaError("Could not execute transactional request for unknown reasons: RequestTimedOutError")

    producer.commit_transaction = commit_and_lose_the_answer
    broker.deliver(one_outcome(topic, generation))
    assert len(list(read_topic(cluster, topic))) == 1
    assert producer_of(broker) is not producer


def test_a_commit_that_never_arrived_is_refused_although_the_log_begins_later(
    cluster: Cluster, topic: str, broker: KafkaBroker
):
    with Writer(cluster) as writer:
        writer.write(Message(topic, None, b"reference"))
        writer.write(Message(topic, None, b"reference"))
    generation = settle(broker)
    with cluster.admin() as admin:
        admin.delete_records({TopicPartition(topic, 0): 2})

    def lose_the_request() -> None:
        raise KafkaError("Could not execute transactional request for unknown reasons: RequestTimedOutError")

    producer_of(broker).commit_transaction = lose_the_request
    with pytest.raises(DeliveryRefused):
        broker.deliver(one_outcome(topic, generation))
    assert committed_offsets(cluster, f"group-{topic}", topic) == {}


def test_a_broker_that_died_holds_no_call_of_a_transaction_for_ever(tmp_path: Path):
    with EmbeddedKafka(tmp_path) as node:
        cluster = Cluster(node.bootstrap)
        create_topics(cluster, [Topic("gone")])
        begin = lambda: Transactions(cluster, transactional_id=str(uuid.uuid4()), timeout_s=TRANSACTION_TIMEOUT_S)  # noqa: E731
        with closing(cluster.ask(begin)) as transactions:
            node.kill()
            began = time.monotonic()
            with pytest.raises(TransactionFailedError):
                transactions.commit(
                    [], {TopicPartition("gone", 0): Position(1)}, ConsumerGroupMetadata("group", -1, "")
                )
            assert time.monotonic() - began < 10 * TRANSACTION_TIMEOUT_S


@pytest.mark.parametrize("call", ["flush", "commit_transaction"])
def test_while_kafka_is_gone_a_delivery_stays_open_and_is_decided_when_it_is_back(
    node: EmbeddedKafka, cluster: Cluster, topic: str, broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch, call: str
):
    monkeypatch.setattr("stream.broker.transactions.RECONNECT_TIMEOUT_S", 1.0)
    delivery = one_outcome(topic, settle(broker))
    freeze_at(producer_of(broker), call, node)
    try:
        for _ in range(2):
            with pytest.raises(Outage, match="did not answer"):
                broker.deliver(delivery)
        deadline = time.monotonic() + 10
        while broker.poll(max_records=0, timeout_s=0.1).outage is None:
            assert time.monotonic() < deadline
    finally:
        os.kill(node.pid or 0, signal.SIGCONT)
    deadline, decided = time.monotonic() + 30, False
    while not decided:
        assert time.monotonic() < deadline
        try:
            broker.deliver(delivery)
            decided = True
        except Outage:
            pass
        except DeliveryRefused:
            delivery = one_outcome(topic, settle(broker))
    assert len(list(read_topic(cluster, topic))) == 1
    assert committed_offsets(cluster, f"group-{topic}", topic) == {0: 1}
    while broker.poll(max_records=0, timeout_s=0.1).outage:
        assert time.monotonic() < deadline


def test_a_coordinator_out_of_reach_is_an_outage_although_other_brokers_tell_where_it_is(broker: KafkaBroker):
    settle(broker)
    manager, seen, coordinator = broker._consumer._manager, broker._consumer._cluster, broker._consumer._coordinator
    (nobody,) = free_ports("127.0.0.1", 1)
    found = seen.add_coordinator

    def found_out_of_reach(response: Any, *args: Any) -> str:
        response.port = nobody
        return str(found(response, *args))

    async def hang_up() -> None:
        manager.close(coordinator.coordinator_id)
        coordinator.coordinator_dead("it moved")

    seen.add_coordinator = found_out_of_reach
    manager.run(hang_up)
    assert "no heartbeat" in until_an_outage(broker, max_records=5)
    seen.add_coordinator = found
    until(lambda: broker.poll(max_records=0, timeout_s=0.05).outage is None, timeout_s=30.0)


def test_a_leader_out_of_reach_is_an_outage_although_the_coordinator_answers(broker: KafkaBroker):
    settle(broker)
    manager, seen = broker._consumer._manager, broker._consumer._cluster
    (nobody,) = free_ports("127.0.0.1", 1)
    take = seen.update_metadata

    async def hang_up() -> None:
        for node in list(seen._brokers):
            manager.close(node)

    def take_out_of_reach(response: Any) -> None:
        for each in response.brokers:
            each.port = nobody
        take(response)
        manager.call_soon(hang_up)

    seen.update_metadata = take_out_of_reach
    seen.request_update()
    assert "nothing to be read from the leader of a partition" in until_an_outage(broker, max_records=5)


def test_a_partition_without_a_leader_is_an_outage(broker: KafkaBroker):
    settle(broker)
    broker._consumer._cluster.leader_for_partition = lambda _partition: -1
    assert "nothing to be read from the leader of a partition" in until_an_outage(broker, max_records=5)
    del broker._consumer._cluster.leader_for_partition
    until(lambda: broker.poll(max_records=5, timeout_s=0.05).outage is None, timeout_s=20.0)


class _CreatingByItself(EmbeddedKafka):
    """Makes each topic that is asked for, as Kafka does where nobody tells it not to."""

    def _properties(self, data: Path) -> str:
        return super()._properties(data) + "auto.create.topics.enable=true\n"


def test_a_topic_that_was_deleted_is_not_brought_back_by_a_member_that_asks_for_it(tmp_path: Path):
    with _CreatingByItself(tmp_path) as node:
        cluster = Cluster(node.bootstrap)
        create_topics(cluster, [Topic("clips"), Topic("other")])
        with closing(KafkaBroker(KafkaOptions(cluster=cluster, group="group", topic="clips"))) as broker:
            settle(broker)
            with cluster.admin() as admin:
                admin.delete_topics(["clips"])
            until(lambda: bool(broker.poll(max_records=0, timeout_s=0.05).revoked), timeout_s=20.0)
        with cluster.admin() as admin:
            assert {"clips", "other"} & set(admin.list_topics()) == {"other"}


@pytest.mark.long
def test_a_member_goes_on_after_the_broker_was_killed(
    node: EmbeddedKafka, cluster: Cluster, topic: str, broker: KafkaBroker
):
    settle(broker)
    node.kill()
    for _ in range(5):
        assert not broker.poll(max_records=10, timeout_s=0.1).records
    node.start()
    deadline = time.monotonic() + 30.0
    delivered = False
    while not delivered:
        assert time.monotonic() < deadline
        try:
            broker.deliver(one_outcome(topic, settle(broker)))
            delivered = True
        except DeliveryRefused:
            pass
    assert len(list(read_topic(cluster, topic))) == 1
