"""How far behind a worker is, in references and in seconds."""

from hypothesis import given
from hypothesis import strategies as st

from stream.broker.contract import Position
from stream.errors import Reason
from stream.metrics import Lag
from stream.records import Partition, Record, Rejection
from stream.worker.lag import LagWatch
from stream.worker.window import Window

A, B = Partition("clips", 0), Partition("clips", 1)


def window(*owned: Partition) -> Window:
    made = Window()
    made.assign(dict.fromkeys(owned, Position(0)))
    return made


def read(into: Window, partition: Partition, offset: int, *, at_s: float) -> None:
    into.add(Record(partition, offset, None, b"{}", (), int(at_s * 1000)))


def commit_all(of: Window, partition: Partition) -> None:
    for entry in of.take(1000):
        source = entry.record.source
        rejection = Rejection(schema=1, clip_id=None, reason=Reason.NO_OUTLINE, detail="", source=source)
        of.finish(entry.token, rejection, at=0.0)
    done = of.finished(partition)
    of.commit({partition: Position(done[-1].token.offset + 1)})


def test_what_is_in_hand_counts_and_so_does_what_is_not_read():
    held = window(A, B)
    read(held, A, 3, at_s=100)
    read(held, A, 5, at_s=104)  # offset 4 was never there
    assert LagWatch().measure(held, {A: 7, B: 0}, now_s=110) == {A: Lag(9, 10.0), B: Lag(0, 0.0)}


def test_of_a_partition_whose_end_is_not_known_nothing_is_told():
    assert LagWatch().measure(window(A, B), {B: 0}, now_s=1) == {B: Lag(0, 0.0)}


def test_of_what_is_not_read_it_is_told_since_when_it_may_be_there():
    held, watch = window(A), LagWatch()
    assert watch.measure(held, {A: 0}, now_s=100) == {A: Lag(0, 0.0)}
    assert watch.measure(held, {A: 4}, now_s=101) == {A: Lag(4, 1.0)}
    assert watch.measure(held, {A: 9}, now_s=160) == {A: Lag(9, 60.0)}
    read(held, A, 0, at_s=100.5)
    assert watch.measure(held, {A: 8}, now_s=160) == {A: Lag(9, 59.5)}
    commit_all(held, A)
    assert watch.measure(held, {A: 8}, now_s=161) == {A: Lag(8, 60.5)}
    assert watch.measure(held, {A: 0}, now_s=162) == {A: Lag(0, 0.0)}


def test_a_partition_that_comes_back_begins_anew():
    held, watch = window(A), LagWatch()
    watch.measure(held, {A: 0}, now_s=100)
    watch.measure(held, {A: 5}, now_s=150)
    held.drop([A])
    assert watch.measure(held, {}, now_s=160) == {}
    held.assign({A: Position(0)})
    assert watch.measure(held, {A: 5}, now_s=170) == {A: Lag(5, 0.0)}


@given(st.lists(st.tuples(st.floats(0.5, 50), st.integers(0, 5), st.sampled_from(["", "read", "commit"])), max_size=30))
def test_the_age_is_never_less_than_that_of_the_oldest_that_is_not_committed(steps: list[tuple[float, int, str]]):
    """Appends, and reads or commits of all there is, in any order; measured after each append."""
    held, watch, now_s, offset = window(A), LagWatch(), 0.0, 0
    unread: list[float] = []
    in_hand: list[float] = []
    watch.measure(held, {A: 0}, now_s=now_s)
    for seconds, appended, then in steps:
        now_s += seconds
        unread += [now_s] * appended
        lag = watch.measure(held, {A: len(unread)}, now_s=now_s)[A]
        assert lag.messages == len(in_hand + unread)
        assert lag.seconds >= now_s - min(in_hand + unread, default=now_s) - 0.001  # records' times are in ms
        if then == "read":
            for at_s in unread:
                read(held, A, offset, at_s=at_s)
                offset += 1
            in_hand, unread = in_hand + unread, []
        elif then == "commit" and in_hand:
            commit_all(held, A)
            in_hand = []
