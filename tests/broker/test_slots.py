"""A slot: a static member, whose place in the group outlives its process."""

import time
from collections.abc import Callable

from stream.broker.contract import Polled
from stream.broker.kafka import KafkaBroker

Join = Callable[..., KafkaBroker]


def poll_until(done: Callable[[], bool], *brokers: KafkaBroker) -> None:
    deadline = time.monotonic() + 40.0
    while not done():
        assert time.monotonic() < deadline, [sorted(broker._owned) for broker in brokers]
        for broker in brokers:
            broker.poll(max_records=0, timeout_s=0.02)


def test_a_partition_that_was_on_its_way_when_its_owner_died_is_somebodys_again(
    new_topic: Callable[..., str], join: Join
):
    topic = new_topic(3)
    first = join(topic, slot="first", handover_s=10.0)
    poll_until(lambda: len(first._owned) == 3, first)
    second = join(topic, slot="second")
    told = Polled()
    while not told.parting:
        told = first.poll(max_records=0, timeout_s=0.02)
        second.poll(max_records=0, timeout_s=0.02)
    first._consumer.close(timeout_ms=1000)  # as a death: a static member takes no leave
    successor = join(topic, slot="first")
    poll_until(lambda: (len(successor._owned), len(second._owned)) == (2, 1), successor, second)
