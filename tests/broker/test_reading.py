"""What is read of a topic: all of it or a part, and what lies behind an open transaction only if it is asked for."""

import threading
import time
from collections.abc import Callable

import pytest

from stream.broker.cluster import Cluster
from stream.broker.reading import offsets_at, read_topic
from stream.errors import UserError

NewTopic = Callable[..., str]
NOW_MS = int(time.time() * 1000)


def append(cluster: Cluster, topic: str, *values: bytes, number: int = 0) -> None:
    with cluster.producer() as producer:
        for at, value in enumerate(values):
            producer.send(topic, value=value, partition=number, timestamp_ms=NOW_MS + 1000 * at).get(timeout=60)


def test_a_part_is_read_of_those_partitions_that_are_named(cluster: Cluster, new_topic: NewTopic):
    topic = new_topic(3)
    for number in range(3):
        append(cluster, topic, b"a", b"b", b"c", b"d", number=number)
    part = {0: range(1, 3), 2: range(3, 2**63 - 1)}
    found = [(each.partition.number, each.value) for each in read_topic(cluster, topic, within=part)]
    assert sorted(found) == [(0, b"b"), (0, b"c"), (2, b"d")]
    assert list(read_topic(cluster, topic, within={1: range(9, 12)})) == []
    assert list(read_topic(cluster, topic, within={})) == []


def test_a_time_is_where_its_first_record_stands_or_else_the_end(cluster: Cluster, new_topic: NewTopic):
    topic = new_topic(2)
    append(cluster, topic, b"a", b"b", b"c")
    for ms, offset in [(-5, 0), (0, 0), (1, 1), (1000, 1), (2000, 2), (2001, 3)]:
        assert offsets_at(cluster, topic, NOW_MS + ms) == {0: offset, 1: 0}
    assert offsets_at(cluster, topic, -1) == {0: 0, 1: 0}


def test_what_lies_behind_an_open_transaction_is_left_out_or_waited_for(cluster: Cluster, new_topic: NewTopic):
    topic = new_topic()
    append(cluster, topic, b"before")
    with cluster.producer(transactional_id=f"open-{topic}") as open_one:
        open_one.init_transactions()
        open_one.begin_transaction()
        open_one.send(topic, value=b"in it").get(timeout=60)
        append(cluster, topic, b"behind")
        assert [each.value for each in read_topic(cluster, topic)] == [b"before"]
        ending = threading.Timer(1.0, open_one.abort_transaction)
        ending.start()
        assert [each.value for each in read_topic(cluster, topic, wait_for_open=True)] == [b"before", b"behind"]
        ending.join()


def test_one_that_stays_open_is_an_error_and_no_silence(
    cluster: Cluster, new_topic: NewTopic, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("stream.broker.reading._STALLED_AFTER_S", 2.0)
    topic = new_topic()
    with cluster.producer(transactional_id=f"open-{topic}") as open_one:
        open_one.init_transactions()
        open_one.begin_transaction()
        open_one.send(topic, value=b"in it").get(timeout=60)
        with pytest.raises(UserError, match="Kafka gave nothing for 2 s"):
            list(read_topic(cluster, topic, wait_for_open=True))
        open_one.abort_transaction()
