"""Without transactions an outcome may come twice, and is never missing: what is written first, and what again."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stream.broker.at_least_once import AtLeastOnce
from stream.broker.cluster import Cluster
from stream.broker.contract import Delivery, DeliveryRefused, Message, Position
from stream.broker.kafka import KafkaBroker, KafkaOptions
from stream.broker.reading import committed_offsets, read_topic
from stream.broker.topics import Topic, create_topics
from stream.embedded import EmbeddedKafka
from stream.errors import Outage, UserError
from stream.records import Partition

TOPIC, GROUP = "outcomes", "workers"
TIMEOUT_S = 1.0


class KilledError(Exception):
    """As if the process had ended there."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker of our own, for it is frozen and holds one topic and group."""
    with EmbeddedKafka(tmp_path) as node:
        create_topics(Cluster(node.bootstrap), [Topic(TOPIC)])
        yield node


def join(node: EmbeddedKafka) -> KafkaBroker:
    options = KafkaOptions(
        cluster=Cluster(node.bootstrap), group=GROUP, topic=TOPIC, transaction_timeout_s=TIMEOUT_S, heartbeat_s=0.2
    )
    return KafkaBroker(options, delivery=AtLeastOnce)


def settle(broker: KafkaBroker) -> int:
    """Polls until the member has its partition; returns the generation."""
    deadline = time.monotonic() + 30.0
    generation = -1
    while generation < 0 or not broker._owned:
        assert time.monotonic() < deadline
        generation = broker.poll(max_records=0, timeout_s=0.05).generation
    return generation


def outcome(generation: int) -> Delivery:
    return Delivery((Message(TOPIC, None, b"outcome"),), {Partition(TOPIC, 0): Position(1, "note")}, generation)


def standing(node: EmbeddedKafka) -> tuple[int, dict[int, int]]:
    """How many outcomes can be read, and where the group stands."""
    cluster = Cluster(node.bootstrap)
    return len(list(read_topic(cluster, TOPIC))), committed_offsets(cluster, GROUP, TOPIC)


def until_decided(deliver: Callable[[], None], *, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return deliver()
        except Outage:
            assert time.monotonic() < deadline


def test_who_dies_before_the_commit_has_written_what_comes_again(node: EmbeddedKafka):
    def die(*_args: object, **_options: object) -> None:
        raise KilledError

    with closing(join(node)) as dying:
        dying._consumer.commit = die
        with pytest.raises(KilledError):
            dying.deliver(outcome(settle(dying)))
    assert standing(node) == (1, {})
    with closing(join(node)) as heir:
        heir.deliver(outcome(settle(heir)))
    assert standing(node) == (2, {0: 1})


def test_while_kafka_hangs_a_delivery_stays_open_and_is_written_once(node: EmbeddedKafka):
    with closing(join(node)) as broker:
        delivery = outcome(settle(broker))
        os.kill(node.pid or 0, signal.SIGSTOP)
        try:
            for _ in range(2):
                with pytest.raises(Outage):
                    broker.deliver(delivery)
        finally:
            os.kill(node.pid or 0, signal.SIGCONT)
        until_decided(lambda: broker.deliver(delivery))
        assert standing(node) == (1, {0: 1})


def test_an_outcome_that_kafka_never_takes_ends_the_worker_and_its_position_stays(node: EmbeddedKafka):
    with closing(join(node)) as broker:
        too_large = Delivery(
            (Message(TOPIC, None, os.urandom(1_100_000)),), {Partition(TOPIC, 0): Position(1)}, settle(broker)
        )
        with pytest.raises(UserError, match="Kafka would never take these outcomes"):
            broker.deliver(too_large)
        assert standing(node) == (0, {})


def test_while_members_change_nothing_is_written_that_could_not_be_committed(node: EmbeddedKafka):
    with closing(join(node)) as broker:
        delivery = outcome(settle(broker))
        broker._consumer._coordinator.request_rejoin()
        node_is_asked_s = time.monotonic() + 10.0
        os.kill(node.pid or 0, signal.SIGSTOP)
        try:
            while not broker._membership.joining:
                assert time.monotonic() < node_is_asked_s
                broker.poll(max_records=0, timeout_s=0.0)
            with pytest.raises(DeliveryRefused, match="members are changing"):
                broker.deliver(delivery)
        finally:
            os.kill(node.pid or 0, signal.SIGCONT)
        assert standing(node) == (0, {})
