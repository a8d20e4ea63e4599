"""A cluster and fresh topics for each test of the real broker."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from stream.broker.cluster import Cluster
from stream.broker.joining import KafkaOptions
from stream.broker.kafka import KafkaBroker
from stream.broker.topics import Topic, create_topics


@pytest.fixture
def cluster(kafka: str) -> Cluster:
    return Cluster(kafka)


@pytest.fixture
def new_topic(cluster: Cluster) -> Callable[..., str]:
    def make(partitions: int = 1) -> str:
        name = f"topic-{uuid.uuid4().hex[:12]}"
        create_topics(cluster, [Topic(name, partitions)])
        return name

    return make


@pytest.fixture
def join(cluster: Cluster) -> Iterator[Callable[..., KafkaBroker]]:
    """Makes members that leave at the test's end."""
    with ExitStack() as stack:

        def make(topic: str, *, group: str | None = None, **options) -> KafkaBroker:
            given = {
                "cluster": cluster,
                "group": group or f"group-{topic}",
                "topic": topic,
                "heartbeat_s": 0.2,
                **options,
            }
            broker = KafkaBroker(KafkaOptions(**given))
            stack.callback(broker.close)
            return broker

        yield make
