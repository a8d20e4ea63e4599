"""Of two processes that write under one name the later one goes on, and knows all that the earlier one wrote."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from stream.broker.cluster import Cluster
from stream.broker.contract import Message
from stream.broker.once import OnceWriter
from stream.broker.reading import read_topic
from stream.errors import UserError

NewTopic = Callable[..., str]


def values(cluster: Cluster, topic: str) -> list[bytes | None]:
    return [each.value for each in read_topic(cluster, topic, wait_for_open=True)]


def test_what_is_written_is_there(cluster: Cluster, new_topic: NewTopic):
    topic = new_topic()
    with OnceWriter(cluster, name=topic) as writer:
        for number in range(3):
            writer.write([Message(topic, b"k", b"%d" % number, (("h", b"v"),)), Message(topic, None, b"and")])
            assert len(values(cluster, topic)) == 2 * number + 2
    assert values(cluster, topic) == [b"0", b"and", b"1", b"and", b"2", b"and"]


@pytest.mark.parametrize("written_before", [False, True])
def test_the_earlier_one_writes_no_more(cluster: Cluster, new_topic: NewTopic, written_before: bool):  # noqa: FBT001
    topic = new_topic()
    with OnceWriter(cluster, name=topic) as earlier:
        if written_before:
            earlier.write([Message(topic, b"k", b"earlier")])
        with OnceWriter(cluster, name=topic) as later:
            seen = values(cluster, topic)
            with pytest.raises(UserError, match=r"another process .* nothing is written twice"):
                earlier.write([Message(topic, b"k", b"too late")])
            assert values(cluster, topic) == seen
            later.write([Message(topic, b"k", b"later")])
            assert values(cluster, topic) == [*seen, b"later"]


def test_one_that_is_overtaken_while_it_writes_has_written_nothing(cluster: Cluster, new_topic: NewTopic):
    topic = new_topic()
    with OnceWriter(cluster, name=topic) as earlier, ExitStack() as stack:
        flush = earlier._producer.flush

        def overtaken(timeout: float) -> None:
            earlier._producer.flush = flush
            flush(timeout)  # it is all sent, but not committed
            stack.enter_context(OnceWriter(cluster, name=topic))
            assert values(cluster, topic) == []

        earlier._producer.flush = overtaken
        with pytest.raises(UserError, match="nothing is written twice"):
            earlier.write([Message(topic, b"k", b"overtaken")])
    with OnceWriter(cluster, name=topic) as last:
        assert values(cluster, topic) == []
        last.write([Message(topic, b"k", b"last")])
    assert values(cluster, topic) == [b"last"]


def test_what_was_begun_by_one_that_is_gone_is_undone(cluster: Cluster, new_topic: NewTopic):
    topic = new_topic()
    with OnceWriter(cluster, name=topic) as earlier:
        earlier._producer.begin_transaction()
        earlier._producer.send(topic, value=b"half").get(timeout=60)
    with OnceWriter(cluster, name=topic) as later:
        assert values(cluster, topic) == []
        later.write([Message(topic, b"k", b"whole")])
    assert values(cluster, topic) == [b"whole"]


def test_a_record_that_kafka_does_not_take_is_an_error_and_nothing_is_there(cluster: Cluster, new_topic: NewTopic):
    topic = new_topic()
    with OnceWriter(cluster, name=topic) as writer, pytest.raises(UserError, match="did not take 2 records"):
        writer.write([Message(topic, b"k", b"good"), Message(topic, b"k", b"x" * 2_000_000)])
    with OnceWriter(cluster, name=topic):
        assert values(cluster, topic) == []
