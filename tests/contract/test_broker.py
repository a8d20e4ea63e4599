"""What every broker does: the fake in memory and a real Apache Kafka are held to the same sentences."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from stream.broker.at_least_once import AtLeastOnce
from stream.broker.contract import Broker, Delivery, DeliveryRefused, Message, Polled, Position
from stream.broker.exactly_once import ExactlyOnce
from stream.records import Partition, Record
from tests.contract.labs import KafkaLab, Lab, MemoryLab

SETTLED_S = 30.0
TICK_S = 0.02  # as often as the worker's step polls


DELIVERIES: dict[str, type[ExactlyOnce | AtLeastOnce]] = {
    "kafka, exactly once": ExactlyOnce,
    "kafka, at least once": AtLeastOnce,
}


@pytest.fixture(params=["memory", *DELIVERIES])
def make_lab(request: pytest.FixtureRequest) -> Iterator[Callable[[int], Lab]]:
    with ExitStack() as stack:

        def make(partitions: int) -> Lab:
            if request.param == "memory":
                return MemoryLab(partitions)
            delivery = DELIVERIES[request.param]
            return KafkaLab(request.getfixturevalue("kafka"), partitions, stack, delivery=delivery)

        yield make


class Member:
    """A broker and all that its polls brought."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.records: list[Record] = []
        self.owned: dict[Partition, Position] = {}
        self.parting: set[Partition] = set()
        self.lets_go = True
        self.history: list[Polled] = []
        self.generation = -1

    def poll(self, max_records: int = 100) -> Polled:
        polled = self.broker.poll(max_records=max_records, timeout_s=TICK_S)
        assert len(polled.records) <= max_records
        for partition in polled.parting | (polled.revoked | polled.lost) - self.parting:
            del self.owned[partition]  # told once, and only of what was owned
        self.parting = (self.parting | polled.parting) - polled.revoked - polled.lost
        if self.lets_go:
            self.broker.let_go(self.parting)
        assert not polled.assigned.keys() & self.owned.keys()
        self.owned.update(polled.assigned)
        assert {record.partition for record in polled.records} <= self.owned.keys()
        self.records.extend(polled.records)
        self.generation = polled.generation
        self.history.append(polled)
        return polled

    def outcomes(self, records: list[Record], topic: str) -> Delivery:
        """One message for each record, and the positions after them."""
        messages = tuple(Message(topic, record.key, record.value, record.headers) for record in records)
        positions = {record.partition: Position(record.offset + 1, f"after {record.offset}") for record in records}
        return Delivery(messages, positions, self.generation)


def until(done: Callable[[], bool], *members: Member, max_records: int = 100) -> None:
    """Polls all members in turn, as their processes would, until it is done."""
    deadline = time.monotonic() + SETTLED_S
    while not done():
        for member in members:
            member.poll(max_records)
        assert time.monotonic() < deadline, f"not settled: {[member.history[-3:] for member in members]}"


def for_a_while(lab: Lab, *members: Member, max_records: int = 100) -> None:
    deadline = time.monotonic() + lab.quiet_s
    for _ in range(5):
        for member in members:
            member.poll(max_records)
    while time.monotonic() < deadline:
        for member in members:
            member.poll(max_records)


def test_records_come_in_order_and_whole(make_lab: Callable[[int], Lab]):
    lab = make_lab(1)
    for number in range(7):
        lab.append(0, b"value %d" % number, key=b"key", headers=(("traceparent", b"00-1"), ("empty", b"")))
    with closing(lab.join()) as broker:
        member = Member(broker)
        until(lambda: len(member.records) == 7, member, max_records=3)
    assert [record.offset for record in member.records] == list(range(7))
    assert [record.value for record in member.records] == [b"value %d" % number for number in range(7)]
    first = member.records[0]
    assert (first.partition, first.key) == (Partition(lab.clips, 0), b"key")
    assert first.headers == (("traceparent", b"00-1"), ("empty", b""))
    assert first.timestamp_ms > 1_600_000_000_000


def test_a_new_group_begins_at_the_earliest_record_without_a_note(make_lab: Callable[[int], Lab]):
    lab = make_lab(2)
    lab.append(0, b"before the group was there")
    with closing(lab.join()) as broker:
        member = Member(broker)
        until(lambda: bool(member.records), member)
        assert member.owned == {Partition(lab.clips, number): Position(0, "") for number in range(2)}
        assert member.generation >= 0


def test_a_delivery_shows_messages_and_offsets_together(make_lab: Callable[[int], Lab]):
    lab = make_lab(2)
    for number in range(2):
        lab.append(number, b"clip", key=b"key", headers=(("traceparent", b"00-1"),))
    with closing(lab.join()) as broker:
        member = Member(broker)
        until(lambda: len(member.records) == 2, member)
        assert lab.visible() == []
        broker.deliver(member.outcomes(member.records, lab.verdicts))
        assert [(each.key, each.value, each.headers) for each in lab.visible()] == [
            (b"key", b"clip", (("traceparent", b"00-1"),))
        ] * 2
        assert [lab.committed(number) for number in range(2)] == [Position(1, "after 0")] * 2


def test_deliveries_follow_each_other(make_lab: Callable[[int], Lab]):
    lab = make_lab(1)
    with closing(lab.join()) as broker:
        member = Member(broker)
        for number in range(3):
            lab.append(0, b"%d" % number)
            while len(member.records) <= number:
                member.poll()
            broker.deliver(member.outcomes(member.records[-1:], lab.verdicts))
        assert [each.value for each in lab.visible()] == [b"0", b"1", b"2"]
        assert lab.committed(0) == Position(3, "after 2")


def test_a_message_may_lack_key_and_value(make_lab: Callable[[int], Lab]):
    lab = make_lab(1)
    with closing(lab.join()) as broker:
        member = Member(broker)
        until(lambda: bool(member.owned), member)
        messages = (Message(lab.verdicts, b"key", None), Message(lab.verdicts, None, None, (("why", b"none"),)))
        broker.deliver(Delivery(messages, {Partition(lab.clips, 0): Position(0)}, member.generation))
        assert [(each.key, each.value or None, each.headers) for each in lab.visible()] == [
            (b"key", None, ()),
            (None, None, (("why", b"none"),)),
        ]


def test_offsets_alone_can_be_delivered(make_lab: Callable[[int], Lab]):
    lab = make_lab(1)
    with closing(lab.join()) as broker:
        member = Member(broker)
        until(lambda: bool(member.owned), member)
        broker.deliver(Delivery((), {Partition(lab.clips, 0): Position(0, "rejections: 3")}, member.generation))
        assert lab.committed(0) == Position(0, "rejections: 3")


@pytest.mark.parametrize("off_by", [-1, 1])
def test_another_generation_is_refused_and_leaves_nothing(make_lab: Callable[[int], Lab], off_by: int):
    lab = make_lab(1)
    lab.append(0, b"clip")
    with closing(lab.join()) as broker:
        member = Member(broker)
        until(lambda: bool(member.records), member)
        member.generation += off_by
        with pytest.raises(DeliveryRefused):
            broker.deliver(member.outcomes(member.records, lab.verdicts))
        assert (lab.visible(), lab.committed(0)) == ([], None)
        member.poll()
        broker.deliver(member.outcomes(member.records, lab.verdicts))
        assert len(lab.visible()) == 1


def test_a_member_without_a_generation_is_refused(make_lab: Callable[[int], Lab]):
    lab = make_lab(1)
    with closing(lab.join()) as broker, pytest.raises(DeliveryRefused):
        broker.deliver(Delivery((), {Partition(lab.clips, 0): Position(5)}, -1))
    assert lab.committed(0) is None


def test_partitions_of_others_are_refused(make_lab: Callable[[int], Lab]):
    lab = make_lab(1)
    with closing(lab.join()) as broker:
        member = Member(broker)
        until(lambda: bool(member.owned), member)
        with pytest.raises(DeliveryRefused):
            broker.deliver(Delivery((), {Partition(lab.clips, 7): Position(5)}, member.generation))


def test_a_second_member_takes_over_where_the_first_had_committed(make_lab: Callable[[int], Lab]):
    lab = make_lab(2)
    for number in (0, 0, 1, 1):
        lab.append(number, b"clip")
    with closing(lab.join()) as one, closing(lab.join()) as other:
        first, second = Member(one), Member(other)
        until(lambda: len(first.records) == 4, first)
        before = first.generation
        one.deliver(first.outcomes([r for r in first.records if r.offset == 0], lab.verdicts))
        until(lambda: len(first.owned) == len(second.owned) == 1 and bool(second.records), first, second)
        ((moved, position),) = second.owned.items()
        assert position == Position(1, "after 0")
        assert [(record.partition, record.offset) for record in second.records] == [(moved, 1)]
        assert sum(moved in polled.revoked for polled in first.history) == 1
        assert not any(polled.lost for polled in first.history)
        until(lambda: first.generation == second.generation, first, second)
        assert first.generation > before


def test_what_is_in_hand_of_a_partition_that_parts_can_be_delivered_until_it_is_let_go(
    make_lab: Callable[[int], Lab],
):
    lab = make_lab(2)
    for number in range(2):
        lab.append(number, b"clip")
    with closing(lab.join()) as one, closing(lab.join()) as other:
        first, second = Member(one), Member(other)
        first.lets_go = False
        until(lambda: len(first.records) == 2, first)
        until(lambda: bool(first.parting), first, second)
        (parting,) = first.parting
        assert not second.owned
        one.deliver(first.outcomes([r for r in first.records if r.partition == parting], lab.verdicts))
        first.lets_go = True
        until(lambda: bool(second.owned), first, second)
        assert second.owned == {parting: Position(1, "after 0")}
        for_a_while(lab, first, second)
        assert second.records == []
        late = Delivery((), {parting: Position(9)}, first.generation)
        with pytest.raises(DeliveryRefused):
            one.deliver(late)


def test_a_partition_that_is_not_let_go_is_revoked_after_a_while(make_lab: Callable[[int], Lab]):
    lab = make_lab(2)
    with closing(lab.join()) as one, closing(lab.join()) as other:
        first, second = Member(one), Member(other)
        first.lets_go = False
        until(lambda: len(first.owned) == 2, first)
        until(lambda: bool(second.owned), first, second)
        with pytest.raises(DeliveryRefused):
            one.deliver(Delivery((), dict.fromkeys(second.owned, Position(9)), first.generation))
        until(lambda: any(polled.revoked for polled in first.history), first, second)


def test_the_old_generation_of_a_kept_partition_is_refused_and_the_new_one_taken(make_lab: Callable[[int], Lab]):
    lab = make_lab(2)
    for number in range(2):
        lab.append(number, b"clip")
    with closing(lab.join()) as one, closing(lab.join()) as other:
        first, second = Member(one), Member(other)
        until(lambda: len(first.records) == 2, first)
        old = first.outcomes(first.records, lab.verdicts)
        until(lambda: bool(second.owned) and first.generation == second.generation, first, second)
        with pytest.raises(DeliveryRefused):
            one.deliver(old)
        assert lab.visible() == []
        kept = [record for record in first.records if record.partition in first.owned]
        one.deliver(first.outcomes(kept, lab.verdicts))
        assert len(lab.visible()) == len(kept) == 1


def test_kept_partitions_go_on_without_a_repeat(make_lab: Callable[[int], Lab]):
    lab = make_lab(2)
    with closing(lab.join()) as one, closing(lab.join()) as other:
        first, second = Member(one), Member(other)
        until(lambda: len(first.owned) == 2, first)
        for number in range(2):
            lab.append(number, b"before")
        until(lambda: len(first.records) == 2, first)
        until(lambda: bool(second.owned) and first.generation == second.generation, first, second)
        (kept,) = first.owned
        lab.append(kept.number, b"after")
        until(lambda: len(first.records) == 3, first, second)
        assert [r.value for r in first.records if r.partition == kept] == [b"before", b"after"]


def test_an_expelled_member_loses_its_partitions_and_comes_back(make_lab: Callable[[int], Lab]):
    lab = make_lab(1)
    lab.append(0, b"clip")
    with closing(lab.join()) as broker:
        member = Member(broker)
        until(lambda: bool(member.records), member)
        outcomes = member.outcomes(member.records, lab.verdicts)
        lab.expel(broker)
        with pytest.raises(DeliveryRefused):
            broker.deliver(outcomes)
        in_vain = lab.visible()
        assert not in_vain or lab.repeats
        assert lab.committed(0) is None
        until(lambda: any(polled.lost for polled in member.history), member)
        assert member.history[-1].lost == {Partition(lab.clips, 0)}
        until(lambda: len(member.records) == 2, member)
        assert member.records[1].offset == 0
        broker.deliver(member.outcomes(member.records[1:], lab.verdicts))
        assert len(lab.visible()) == len(in_vain) + 1


def test_paused_partitions_give_nothing_and_lose_nothing(make_lab: Callable[[int], Lab]):
    lab = make_lab(2)
    with closing(lab.join()) as broker:
        member = Member(broker)
        until(lambda: len(member.owned) == 2, member)
        held = Partition(lab.clips, 0)
        broker.pause([held, Partition(lab.clips, 9), Partition("of nobody", 0)])
        for number in (0, 0, 1):
            lab.append(number, b"clip")
        until(lambda: bool(member.records), member)
        for_a_while(lab, member)
        assert {record.partition.number for record in member.records} == {1}
        broker.resume([held, Partition(lab.clips, 9)])
        until(lambda: len(member.records) == 3, member)
        assert [record.offset for record in member.records if record.partition == held] == [0, 1]


def test_a_poll_for_nothing_drives_the_membership_and_consumes_nothing(make_lab: Callable[[int], Lab]):
    lab = make_lab(2)
    for number in (0, 1):
        lab.append(number, b"clip")
    with closing(lab.join()) as one, closing(lab.join()) as other:
        first, second = Member(one), Member(other)
        until(lambda: len(first.owned) == len(second.owned) == 1, first, second, max_records=0)
        for_a_while(lab, first, second, max_records=0)
        assert not first.records + second.records
        until(lambda: len(first.records + second.records) == 2, first, second)


def test_what_is_not_read_yet_is_counted_of_paused_partitions_too(make_lab: Callable[[int], Lab]):
    lab = make_lab(2)
    with closing(lab.join()) as broker:
        member = Member(broker)
        until(lambda: len(member.owned) == 2, member)
        read, held = Partition(lab.clips, 0), Partition(lab.clips, 1)
        broker.pause([held])
        for number in (0, 1, 1):
            lab.append(number, b"clip")
        until(lambda: bool(member.records), member)
        assert broker.unread() == {read: 0, held: 2}
        broker.resume([held])
        until(lambda: len(member.records) == 3, member)
        assert broker.unread() == {read: 0, held: 0}


def test_of_partitions_of_others_nothing_is_counted(make_lab: Callable[[int], Lab]):
    lab = make_lab(2)
    for number in (0, 1):
        lab.append(number, b"clip")
    with closing(lab.join()) as one, closing(lab.join()) as other:
        first, second = Member(one), Member(other)
        until(lambda: len(first.owned) == len(second.owned) == 1, first, second)
        until(lambda: bool(first.records and second.records), first, second)
        assert one.unread().keys() == first.owned.keys()
        lab.expel(one)
        until(lambda: bool(first.history[-1].lost), first)
        assert one.unread() == {}


def test_what_is_gained_while_all_else_is_paused_is_read(make_lab: Callable[[int], Lab]):
    lab = make_lab(2)
    with closing(lab.join()) as one, closing(lab.join()) as other:
        first, second = Member(one), Member(other)
        until(lambda: len(first.owned) == len(second.owned) == 1, first, second)
        for number in (0, 1):
            lab.append(number, b"clip")
        (kept,) = first.owned
        one.pause(first.owned)
        other.close()
        until(lambda: bool(first.records), first)
        for_a_while(lab, first)
        assert [record.partition for record in first.records] == [p for p in first.owned if p != kept]


def test_closing_leaves_the_group_at_once_and_commits_nothing(make_lab: Callable[[int], Lab]):
    lab = make_lab(1)
    lab.append(0, b"clip")
    broker = lab.join()
    member = Member(broker)
    until(lambda: bool(member.records), member)
    broker.close()
    assert lab.committed(0) is None
    with closing(lab.join()) as successor:
        heir = Member(successor)
        began = time.monotonic()
        until(lambda: bool(heir.records), heir)
        assert time.monotonic() - began < 5.0  # a session is 10 s
