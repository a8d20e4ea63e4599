"""Rejections in a row: held back, counted over restarts, and stopped when they are too many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.broker.contract import Position
from stream.errors import Reason
from stream.records import Outcome, Partition, Record, Rejection
from stream.rejections import RejectionLimit, TooManyRejectionsError
from stream.window import Done, Token
from tests.test_messages import VERDICT

A = Partition("clips", 0)
LIMIT = RejectionLimit(in_a_row=4, wait_s=5.0)


def finished(kinds: str, *, since: int = 0, at: float = 0.0) -> list[Done]:
    """`vrr` is a verdict and two rejections."""
    return [done(offset, kind, at) for offset, kind in enumerate(kinds, start=since)]


def done(offset: int, kind: str, at: float) -> Done:
    record = Record(A, offset, None, b"", (), 0)
    rejection = Rejection(schema=1, clip_id=None, reason=Reason.DAMAGED, detail="torn", source=record.source)
    outcome: Outcome = VERDICT if kind == "v" else rejection
    return Done(Token(A, 1, offset), record, outcome, at)


@pytest.mark.parametrize(
    ("kinds", "now", "count", "note"),
    [
        ("", 0.0, 0, "as it was"),
        ("vvv", 0.0, 3, ""),
        ("rrv", 0.0, 3, ""),
        ("vrr", 0.0, 1, ""),
        ("vrr", 4.9, 1, ""),
        ("vrr", 5.0, 3, "rejections-in-a-row=2"),
        ("rrvr", 0.0, 3, ""),
    ],
)
def test_rejections_wait_for_a_verdict_or_five_seconds(kinds, now, count, note):
    released, position = LIMIT.release(finished(kinds), Position(0, "as it was"), now=now)
    assert (released, position) == (count, Position(count, note))


def test_a_rejection_behind_one_that_waits_waits_too():
    run = [done(0, "r", at=3.0), done(1, "r", at=0.0)]
    assert LIMIT.release(run, Position(0), now=6.0)[0] == 0
    assert LIMIT.release(run, Position(0), now=8.0)[0] == 2


def test_the_run_goes_on_from_the_note_of_the_committed_position():
    position = Position(7, "rejections-in-a-row=2")
    assert LIMIT.release(finished("r", since=7), position, now=9.0) == (1, Position(8, "rejections-in-a-row=3"))
    with pytest.raises(TooManyRejectionsError, match="4 references in a row"):
        LIMIT.release(finished("rr", since=7), position, now=0.0)
    assert LIMIT.release(finished("vr", since=7), position, now=9.0) == (2, Position(9, "rejections-in-a-row=1"))


@pytest.mark.parametrize("note", ["", "by some other tool", "rejections-in-a-row=many", "rejections-in-a-row=-3"])
def test_a_note_of_anothers_making_counts_as_none(note):
    assert LIMIT.release(finished("rrr"), Position(0, note), now=9.0)[0] == 3


def test_the_complaint_names_where_why_and_the_way_out():
    with pytest.raises(TooManyRejectionsError) as caught:
        LIMIT.release(finished("rrrr"), Position(0), now=0.0)
    for said in ("4 references", "clips[0]", "offset 3", "damaged (torn)", "--rejections-in-a-row"):
        assert said in str(caught.value)


@given(st.text("vr", max_size=30), st.integers(1, 6), st.lists(st.integers(1, 5), max_size=10))
def test_however_often_it_is_started_again_a_run_that_is_too_long_is_never_passed(kinds, in_a_row, pieces):
    """Each start sees some more of the log, waits long enough to commit what it may, and ends."""
    limit = RejectionLimit(in_a_row=in_a_row, wait_s=5.0)
    position = Position(0)
    for seen in [*pieces, len(kinds)]:
        log = finished(kinds[: position.next_offset + seen])[position.next_offset :]
        try:
            _, position = limit.release(log, position, now=9.0)
        except TooManyRejectionsError:
            break
    committed = kinds[: position.next_offset]
    assert "r" * in_a_row not in committed
    if "r" * in_a_row not in kinds:
        assert committed == kinds
