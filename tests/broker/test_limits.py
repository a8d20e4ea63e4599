"""What fits into the outcome topics is known before the first outcome."""

import uuid
from dataclasses import replace

import pytest

from stream.broker.cluster import Cluster
from stream.broker.contract import Message
from stream.broker.limits import message_limit_bytes
from stream.broker.writing import Writer
from stream.errors import UserError


@pytest.fixture
def small_topic(cluster: Cluster) -> str:
    return make(cluster, 70_000)


def make(cluster: Cluster, largest: int) -> str:
    name = f"topic-{uuid.uuid4().hex[:12]}"
    configs = {"max.message.bytes": str(largest)}
    with cluster.admin() as admin:
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1, "configs": configs}})
    return name


def test_the_smallest_topic_sets_the_limit_and_what_keeps_to_it_is_taken(cluster: Cluster, small_topic: str, new_topic):
    limit = message_limit_bytes(cluster, [new_topic(), small_topic])
    assert limit
    assert 69_000 < limit < 70_000
    with Writer(cluster) as writer:
        writer.write(Message(small_topic, b"key", bytes(limit - 64 - len(b"key"))))
    with pytest.raises(UserError, match="did not take"), Writer(cluster) as writer:
        writer.write(Message(small_topic, b"key", bytes(70_001)))


def test_kafkas_own_default_is_more_than_a_million(cluster: Cluster, new_topic):
    assert (message_limit_bytes(cluster, [new_topic()]) or 0) > 1_000_000


def test_a_smaller_request_sets_the_limit_too(cluster: Cluster, new_topic):
    limited = replace(cluster, options={"max_request_size": 80_000})
    assert (message_limit_bytes(limited, [new_topic()]) or 0) < 80_000


def test_a_topic_too_small_for_verdicts_is_refused(cluster: Cluster):
    name = make(cluster, 65_535)
    with pytest.raises(UserError, match=f"max.message.bytes = 65535 of the topic '{name}' is too small"):
        message_limit_bytes(cluster, [name])
