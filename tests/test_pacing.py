"""Deliveries are gathered, rest in proportion to how long they take, and wait for nothing where somebody waits."""

from hypothesis import given
from hypothesis import strategies as st

from stream.pacing import Haste, Pace, Pacing

PACING = Pacing()


def after(*, took_s: float) -> Pace:
    """A pace whose last delivery began at 10 s."""
    pace = Pace(PACING)
    pace.delivered(begun_s=10.0, ended_s=10.0 + took_s)
    return pace


def test_the_first_one_waits_for_nothing():
    assert Pace(PACING).is_due(1, Haste.NONE, now=0.0)


def test_fast_ones_come_in_a_steady_rhythm():
    pace = after(took_s=0.01)
    assert not pace.is_due(1, Haste.NONE, now=10.09)
    assert pace.is_due(1, Haste.NONE, now=10.1)


def test_slow_ones_take_a_fifth_of_the_time():
    pace = after(took_s=0.1)
    assert not pace.is_due(1, Haste.NONE, now=10.49)
    assert pace.is_due(1, Haste.NONE, now=10.5)


def test_very_slow_ones_do_not_rest_for_as_long():
    pace = after(took_s=3.0)
    assert not pace.is_due(1, Haste.NONE, now=13.49)
    assert pace.is_due(1, Haste.NONE, now=13.5)


def test_what_changes_hands_waits_no_longer_than_after_a_fast_one():
    pace = after(took_s=3.0)
    assert not pace.is_due(1, Haste.SOME, now=13.09)
    assert pace.is_due(1, Haste.SOME, now=13.1)


@given(took_s=st.floats(0.0, 100.0))
def test_many_outcomes_and_utmost_haste_wait_for_nothing(took_s: float):
    pace = after(took_s=took_s)
    assert pace.is_due(PACING.size, Haste.NONE, now=10.0 + took_s)
    assert pace.is_due(1, Haste.UTMOST, now=10.0 + took_s)


@given(took_s=st.floats(0.0, 100.0), now=st.floats(10.0, 200.0))
def test_more_haste_never_delays(took_s: float, now: float):
    due = [after(took_s=took_s).is_due(1, haste, now=now) for haste in (Haste.NONE, Haste.SOME, Haste.UTMOST)]
    assert due == sorted(due)
