"""Rejections: held back, counted over restarts, and stopped when they are too many, in a row or of all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.broker.contract import Position
from stream.errors import Reason
from stream.records import Outcome, Partition, Record, Rejection
from stream.worker.rejections import RejectionLimit, TooManyRejectionsError
from stream.worker.window import Done, Token
from tests.test_messages import VERDICT

A = Partition("clips", 0)
LIMIT = RejectionLimit(in_a_row=4, wait_s=5.0)


def finished(kinds: str, *, since: int = 0, at: float = 0.0) -> list[Done]:
    """`vrrs` is a verdict, two rejections, and one that was skipped."""
    return [done(offset, kind, at) for offset, kind in enumerate(kinds, start=since)]


def done(offset: int, kind: str, at: float) -> Done:
    record = Record(A, offset, None, b"", (), 0)
    reason = Reason.SKIPPED if kind == "s" else Reason.DAMAGED
    rejection = Rejection(schema=1, clip_id=None, reason=reason, detail="torn", source=record.source)
    outcome: Outcome = VERDICT if kind == "v" else rejection
    return Done(Token(A, 1, offset), record, outcome, at)


@pytest.mark.parametrize(
    ("kinds", "now", "count", "note"),
    [
        ("", 0.0, 0, "as it was"),
        ("vvv", 0.0, 3, ""),
        ("rrv", 0.0, 3, "rejected=2/3"),
        ("vrr", 0.0, 1, ""),
        ("vrr", 4.9, 1, ""),
        ("vrr", 5.0, 3, "in-a-row=2 rejected=2/2"),
        ("rrvr", 0.0, 3, "rejected=2/3"),
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
    position = Position(7, "in-a-row=2 rejected=2/5")
    after = Position(8, "in-a-row=3 rejected=3/6")
    assert LIMIT.release(finished("r", since=7), position, now=9.0) == (1, after)
    with pytest.raises(TooManyRejectionsError, match="4 references in a row"):
        LIMIT.release(finished("rr", since=7), position, now=0.0)
    assert LIMIT.release(finished("vr", since=7), position, now=9.0) == (2, Position(9, "in-a-row=1 rejected=3/7"))


def test_a_share_that_is_too_large_stops_it_though_no_run_is_long():
    limit = RejectionLimit(in_a_row=4, share=0.6, share_of=8, wait_s=5.0)
    half, more = "rv" * 40, "rv" * 20 + "rrv" * 5
    assert limit.release(finished(half), Position(0), now=9.0)[0] == len(half)
    with pytest.raises(TooManyRejectionsError, match=r"of the last \d+ references of clips.* were rejected"):
        limit.release(finished(more), Position(0), now=9.0)


def test_the_share_is_counted_over_restarts():
    limit = RejectionLimit(in_a_row=4, share=0.5, share_of=8, wait_s=0.0)
    log, position = finished("rrv" * 10), Position(0)
    stops = 0
    for _ in log:  # each a start of a worker that is killed after its first commit
        try:
            _, position = limit.release(log[position.next_offset :][:1], position, now=9.0)
        except TooManyRejectionsError:
            stops += 1
    assert stops > 0
    assert position.next_offset < len(log) / 2


def test_a_share_of_one_never_stops_it():
    limit = RejectionLimit(in_a_row=100, share=1.0, share_of=8, wait_s=0.0)
    assert limit.release(finished("r" * 99), Position(0), now=9.0)[0] == 99


def test_what_an_operator_had_skipped_counts_as_no_rejection():
    assert LIMIT.release(finished("rrsss"), Position(0), now=9.0) == (5, Position(5, "in-a-row=2 rejected=2/2"))


def test_what_is_still_to_be_skipped_stays_in_the_note():
    position = Position(2, "skip=3,9")
    assert LIMIT.release(finished("v", since=2), position, now=9.0)[1] == Position(3, "skip=3,9")
    assert LIMIT.release(finished("vs", since=2), position, now=9.0)[1] == Position(4, "skip=9")


def test_the_complaint_names_where_why_and_the_way_out():
    with pytest.raises(TooManyRejectionsError) as caught:
        LIMIT.release(finished("rrrr"), Position(0), now=0.0)
    for said in (
        "4 references",
        "clips[0]",
        "offset 3",
        "damaged (torn)",
        "(4 damaged) is not committed",
        "--rejections-in-a-row (now 4",
    ):
        assert said in str(caught.value)


@given(st.text("vr", max_size=30), st.integers(1, 6), st.lists(st.integers(1, 5), max_size=10))
def test_however_often_it_is_started_again_a_run_that_is_too_long_is_never_passed(kinds, in_a_row, pieces):
    """Each start sees some more of the log, waits long enough to commit what it may, and ends."""
    limit = RejectionLimit(in_a_row=in_a_row, share=1.0, wait_s=5.0)
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
