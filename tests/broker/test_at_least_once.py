"""Without transactions an outcome may come twice, and is never missing: what is written first, and what again."""

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from stream.broker.at_least_once import AtLeastOnce
from stream.broker.cluster import Cluster
from stream.broker.contract import Delivery, DeliveryRefused, Message, Position
from stream.broker.joining import KafkaOptions
from stream.broker.kafka import KafkaBroker
from stream.broker.reading import committed_offsets, read_topic
from stream.broker.topics import Topic, create_topics
from stream.errors import Outage, UserError
from stream.local.embedded import EmbeddedKafka
from stream.records import Partition

TIMEOUT_S = 1.0


class KilledError(Exception):
    """As if the process had ended there."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker of our own, for it is frozen."""
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka-at-least-once")) as node:
        yield node


class Lab:
    """A topic and a group of its own."""

    def __init__(self, node: EmbeddedKafka) -> None:
        self.cluster = Cluster(node.bootstrap)
        self.topic = self.group = f"outcomes-{uuid.uuid4().hex[:12]}"
        create_topics(self.cluster, [Topic(self.topic)])

    def join(self) -> KafkaBroker:
        options = KafkaOptions(
            cluster=self.cluster,
            group=self.group,
            topic=self.topic,
            transaction_timeout_s=TIMEOUT_S,
            heartbeat_s=0.2,
        )
        return KafkaBroker(options, delivery=AtLeastOnce)

    def outcome(self, generation: int, value: bytes = b"outcome") -> Delivery:
        return Delivery(
            (Message(self.topic, None, value),), {Partition(self.topic, 0): Position(1, "note")}, generation
        )

    def standing(self) -> tuple[int, dict[int, int]]:
        """How many outcomes can be read, and where the group stands."""
        read = len(list(read_topic(self.cluster, self.topic)))
        return read, committed_offsets(self.cluster, self.group, self.topic)


@pytest.fixture
def lab(node: EmbeddedKafka) -> Lab:
    return Lab(node)


@contextmanager
def frozen(node: EmbeddedKafka) -> Iterator[None]:
    os.kill(node.pid or 0, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(node.pid or 0, signal.SIGCONT)


def settle(broker: KafkaBroker) -> int:
    """Polls until the member has its partition; returns the generation."""
    deadline = time.monotonic() + 30.0
    generation = -1
    while generation < 0 or not broker._owned:
        assert time.monotonic() < deadline
        generation = broker.poll(max_records=0, timeout_s=0.05).generation
    return generation


def until_decided(deliver: Callable[[], None], *, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return deliver()
        except Outage:
            assert time.monotonic() < deadline


def test_who_dies_before_the_commit_has_written_what_comes_again(lab: Lab):
    def die(*_args: object, **_options: object) -> None:
        raise KilledError

    with closing(lab.join()) as dying:
        dying._consumer.commit = die
        with pytest.raises(KilledError):
            dying.deliver(lab.outcome(settle(dying)))
    assert lab.standing() == (1, {})
    with closing(lab.join()) as heir:
        heir.deliver(lab.outcome(settle(heir)))
    assert lab.standing() == (2, {0: 1})


def test_while_kafka_hangs_a_delivery_stays_open_and_is_written_once(node: EmbeddedKafka, lab: Lab):
    with closing(lab.join()) as broker:
        delivery = lab.outcome(settle(broker))
        with frozen(node):
            for _ in range(2):
                with pytest.raises(Outage):
                    broker.deliver(delivery)
        until_decided(lambda: broker.deliver(delivery))
        assert lab.standing() == (1, {0: 1})


def test_an_outcome_that_kafka_never_takes_ends_the_worker_and_its_position_stays(lab: Lab):
    with closing(lab.join()) as broker:
        with pytest.raises(UserError, match="Kafka would never take these outcomes"):
            broker.deliver(lab.outcome(settle(broker), os.urandom(1_100_000)))
        assert lab.standing() == (0, {})


def test_while_members_change_nothing_is_written_that_could_not_be_committed(node: EmbeddedKafka, lab: Lab):
    with closing(lab.join()) as broker:
        delivery = lab.outcome(settle(broker))
        broker._consumer._coordinator.request_rejoin()
        deadline = time.monotonic() + 10.0
        with frozen(node):
            while not broker._membership.joining:
                assert time.monotonic() < deadline
                broker.poll(max_records=0, timeout_s=0.0)
            with pytest.raises(DeliveryRefused, match="members are changing"):
                broker.deliver(delivery)
        assert lab.standing() == (0, {})
