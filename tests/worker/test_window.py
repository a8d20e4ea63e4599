"""The window never loses, repeats or reorders; a position is never ahead of the first unfinished record."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from stream.broker.contract import Position
from stream.errors import Reason
from stream.records import KafkaSource, Outcome, Partition, Record, Rejection
from stream.worker.window import Token, Window

A, B, C = (Partition("clips", number) for number in range(3))


def record(partition: Partition, offset: int, timestamp_ms: int = 0) -> Record:
    return Record(partition, offset, None, b"{}", (), timestamp_ms)


def outcome(token: Token) -> Outcome:
    source = KafkaSource(topic=token.partition.topic, partition=token.partition.number, offset=token.offset)
    return Rejection(schema=1, clip_id=None, reason=Reason.DAMAGED, detail=f"{token}", source=source)


def window_of(*partitions: Partition, clips: int = 100, clips_per_partition: int = 10) -> Window:
    window = Window(clips=clips, clips_per_partition=clips_per_partition)
    window.assign({partition: Position(0) for partition in partitions})
    return window


def finish(window: Window, *tokens: Token) -> None:
    for token in tokens:
        assert window.finish(token, outcome(token), at=0.0)


def test_only_what_lies_before_the_first_unfinished_record_can_be_committed():
    window = window_of(A)
    first, second, third = (window.add(record(A, offset)) for offset in (3, 4, 7))
    window.take(3)
    finish(window, third, first)
    assert [done.token for done in window.finished(A)] == [first]
    with pytest.raises(ValueError, match="only to 4"):
        window.commit({A: Position(5)})
    finish(window, second)
    assert [done.token for done in window.finished(A)] == [first, second, third]
    window.commit({A: Position(8, "a note")})
    assert window.position(A) == Position(8, "a note")
    assert len(window) == 0


def test_what_is_no_record_can_be_passed_by_once_nothing_is_in_hand():
    window = window_of(A, B)
    token = window.add(record(A, 3))
    window.pass_by({A: 6, B: 0})
    assert window.passed == {}
    window.take(1)
    finish(window, token)
    window.commit({A: Position(4, "a note")})
    assert window.passed == {A: Position(6, "a note")}
    window.commit(window.passed)
    assert window.passed == {}


def test_a_late_result_of_a_partition_that_came_back_is_ignored():
    window = window_of(A)
    before = window.add(record(A, 5))
    window.drop([A])
    assert not window.finish(before, outcome(before), at=0.0)
    window.assign({A: Position(5)})
    after = window.add(record(A, 5))
    assert not window.finish(before, outcome(before), at=0.0)
    assert window.finished(A) == []
    finish(window, after)


def test_partitions_take_turns_and_each_keeps_its_order():
    window = window_of(A, B, C)
    for partition, count in ((A, 5), (B, 2), (C, 1)):
        for offset in range(count):
            window.add(record(partition, offset))
    taken = [pending.token for pending in window.take(4) + window.take(10)]
    assert [(token.partition, token.offset) for token in taken] == [
        *((A, 0), (B, 0), (C, 0)),
        *((A, 1), (B, 1), (A, 2), (A, 3), (A, 4)),
    ]
    assert window.take(1) == []


def test_a_partition_whose_head_is_blocked_leaves_room_for_the_others():
    window = window_of(A, B, clips=20, clips_per_partition=8)
    while A not in window.crowded:
        for _ in range(window.room):
            window.add(record(A, len(window)))
        window.take(8)
    assert len(window) <= 8
    assert window.crowded == {A}
    assert window.room == 5


def test_partitions_that_are_gained_find_room_however_many_wait_of_the_others():
    window = window_of(A, B, clips=16, clips_per_partition=16)
    for partition in (A, B):
        while partition not in window.crowded:
            window.add(record(partition, window.waiting))
    assert window.waiting <= 16 // 2
    gained = [Partition("clips", number) for number in (7, 8)]
    window.assign(dict.fromkeys(gained, Position(0)))
    assert window.crowded == {A, B}
    for partition in gained:
        assert partition not in window.crowded
        for offset in range(window.room):
            window.add(record(partition, offset))
    assert {pending.token.partition for pending in window.take(4)} == {A, B, *gained}


def test_of_a_partition_that_parts_only_what_was_taken_is_finished():
    window = window_of(A, B)
    tokens = [window.add(record(A, offset)) for offset in (3, 5, 6)]
    window.take(1)
    window.part([A])
    assert (window.parting, window.waiting, len(window)) == ({A}, 0, 1)
    assert A in window.crowded
    assert window.ready_to_go == set()
    finish(window, tokens[0])
    assert window.ready_to_go == {A}
    assert [done.token.offset for done in window.finished(A)] == [3]
    assert window.holds(A)
    window.commit({A: Position(4)})
    assert not window.holds(A)
    assert window.ready_to_go == set()
    window.drop([A])
    assert window.partitions == {B}


def test_a_partition_is_fresh_until_something_of_it_is_committed():
    window = window_of(A, B)
    assert window.fresh == {A, B}
    finish(window, window.add(record(A, 0)))
    window.commit({A: Position(1)})
    assert window.fresh == {B}
    window.drop([A])
    window.assign({A: Position(1)})
    assert window.fresh == {A, B}


def test_a_full_window_takes_no_more_whoever_holds_it():
    window = window_of(A, B, C, clips=10, clips_per_partition=5)
    for partition in (A, B):
        for offset in range(5):
            window.add(record(partition, offset))
    assert window.crowded == {A, B}
    assert window.room == 0


def test_a_worker_without_partitions_may_be_given_records_with_its_first():
    assert window_of(clips=20, clips_per_partition=8).room == 8


def test_the_oldest_record_in_hand_is_the_first_of_some_partition():
    window = window_of(A, B)
    assert window.oldest_ms is None
    window.add(record(A, 0, timestamp_ms=700))
    window.add(record(B, 0, timestamp_ms=300))
    window.add(record(B, 1, timestamp_ms=900))
    assert window.oldest_ms == 300


def test_a_broker_that_repeats_or_goes_back_is_not_believed():
    window = window_of(A)
    window.assign({B: Position(4)})
    window.add(record(A, 3))
    for repeated in (record(A, 3), record(A, 2), record(B, 3)):
        with pytest.raises(ValueError, match="comes next"):
            window.add(repeated)
    with pytest.raises(ValueError, match="assigned twice"):
        window.assign({A: Position(0)})


class WindowLife(RuleBasedStateMachine):
    """A window among a log, a committed position for each partition, and machines that answer in any order."""

    tokens: Bundle[Token] = Bundle("tokens")

    @initialize(clips_per_partition=st.integers(1, 6), spare=st.integers(0, 6))
    def begin(self, clips_per_partition: int, spare: int) -> None:
        self.window = Window(clips=clips_per_partition + spare, clips_per_partition=clips_per_partition)
        self.committed = {partition: Position(0) for partition in (A, B, C)}
        self.delivered: dict[Partition, list[int]] = {A: [], B: [], C: []}
        self.added: dict[Partition, list[int]] = {}
        """Of the assignment that stands: offsets, in the order they were read."""
        self.taken: dict[Partition, list[int]] = {}
        self.finished: set[Token] = set()
        self.log: dict[Partition, list[int]] = {A: [0], B: [0], C: [0]}

    @rule(partition=st.sampled_from((A, B, C)))
    def assign(self, partition: Partition) -> None:
        if partition not in self.window.partitions:
            self.window.assign({partition: self.committed[partition]})
            self.added[partition], self.taken[partition] = [], []

    @rule(partition=st.sampled_from((A, B, C)))
    def take_away(self, partition: Partition) -> None:
        self.window.drop([partition])
        self.added.pop(partition, None)
        self.taken.pop(partition, None)

    @rule(partition=st.sampled_from((A, B, C)))
    def part(self, partition: Partition) -> None:
        if partition in self.window.partitions:
            self.window.part([partition])
            self.added[partition] = self.taken[partition].copy()

    @rule(partition=st.sampled_from((A, B, C)), gap=st.integers(1, 3))
    def append(self, partition: Partition, gap: int) -> None:
        self.log[partition].append(self.log[partition][-1] + gap)

    @precondition(lambda self: bool(self.window.partitions))
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        """As much as there is room for, of whichever partitions aren't crowded."""
        for _ in range(data.draw(st.integers(0, self.window.room))):
            readable = sorted(self.window.partitions - self.crowded_before)
            partition = data.draw(st.sampled_from(readable))
            at = max([self.committed[partition].next_offset - 1, *self.added[partition]])
            offset = next((each for each in self.log[partition] if each > at), None)
            if offset is not None:
                self.window.add(record(partition, offset))
                self.added[partition].append(offset)

    @invariant()
    def remember_who_is_crowded(self) -> None:
        self.crowded_before = self.window.crowded if hasattr(self, "window") else frozenset()

    @rule(target=tokens, limit=st.integers(0, 4))
    def take(self, limit: int):
        entries = self.window.take(limit)
        assert len(entries) == limit or self.window.waiting == 0
        for entry in entries:
            self.taken[entry.token.partition].append(entry.token.offset)
        return multiple(*(entry.token for entry in entries))

    @rule(token=consumes(tokens))
    def finish(self, token: Token) -> None:
        """Results come in any order, late ones of assignments that are over among them."""
        if self.window.finish(token, outcome(token), at=0.0):
            self.finished.add(token)
            assert token.offset in self.taken[token.partition]

    @rule(data=st.data(), refused=st.booleans())
    def deliver(self, data: st.DataObject, refused: bool) -> None:  # noqa: FBT001 - hypothesis hands it in by name
        for partition in sorted(self.window.partitions):
            ready = self.window.finished(partition)
            chosen = ready[: data.draw(st.integers(0, len(ready)))]
            if chosen and not refused:
                position = Position(chosen[-1].token.offset + 1, f"up to {chosen[-1].token.offset}")
                self.window.commit({partition: position})
                self.committed[partition] = position
                self.delivered[partition] += [done.token.offset for done in chosen]

    @invariant()
    def nothing_is_lost_repeated_or_out_of_order(self) -> None:
        for partition, delivered in getattr(self, "delivered", {}).items():
            passed = self.committed[partition].next_offset
            assert delivered == [offset for offset in self.log[partition] if offset < passed]

    @invariant()
    def what_is_ready_is_the_unbroken_beginning_of_what_is_in_hand(self) -> None:
        for partition, added in getattr(self, "added", {}).items():
            in_hand = [offset for offset in added if offset >= self.window.position(partition).next_offset]
            ready = [done.token.offset for done in self.window.finished(partition)]
            assert ready == in_hand[: len(ready)]
            assert all(done.token in self.finished for done in self.window.finished(partition))
            assert self.window.position(partition) == self.committed[partition]
            assert self.taken[partition] == added[: len(self.taken[partition])]

    @invariant()
    def caps_hold(self) -> None:
        if hasattr(self, "window"):
            assert len(self.window) <= self.window.clips
            for partition, added in self.added.items():
                in_hand = [offset for offset in added if offset >= self.window.position(partition).next_offset]
                assert len(in_hand) <= self.window.clips_per_partition


TestWindowLife = WindowLife.TestCase
TestWindowLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
