"""Deliveries are gathered, rest in proportion to how long they take, and wait for nothing where somebody waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.worker.pacing import Haste, Pace, Pacing

PACING = Pacing()


def after(*, took_s: float) -> Pace:
    """A pace whose last delivery began at 10 s."""
    pace = Pace(PACING)
    pace.delivered(begun_s=10.0, ended_s=10.0 + took_s)
    return pace


def test_the_first_one_waits_for_nothing():
    assert Pace(PACING).is_due(1, Haste.NONE, now=0.0)


@pytest.mark.parametrize(
    ("took_s", "haste", "due_s"),
    [
        pytest.param(0.01, Haste.NONE, 10.1, id="fast ones come in a steady rhythm"),
        pytest.param(0.1, Haste.NONE, 10.5, id="slow ones take a fifth of the time"),
        pytest.param(3.0, Haste.NONE, 13.5, id="very slow ones do not rest for as long"),
        pytest.param(3.0, Haste.SOME, 13.1, id="what changes hands waits no longer than after a fast one"),
    ],
)
def test_the_next_one_is_due(took_s: float, haste: Haste, due_s: float):
    pace = after(took_s=took_s)
    assert not pace.is_due(1, haste, now=due_s - 0.01)
    assert pace.is_due(1, haste, now=due_s)


@given(took_s=st.floats(0.0, 100.0))
def test_many_outcomes_and_utmost_haste_wait_for_nothing(took_s: float):
    pace = after(took_s=took_s)
    assert pace.is_due(PACING.size, Haste.NONE, now=10.0 + took_s)
    assert pace.is_due(1, Haste.UTMOST, now=10.0 + took_s)


@given(took_s=st.floats(0.0, 100.0), now=st.floats(10.0, 200.0))
def test_more_haste_never_delays(took_s: float, now: float):
    due = [after(took_s=took_s).is_due(1, haste, now=now) for haste in (Haste.NONE, Haste.SOME, Haste.UTMOST)]
    assert due == sorted(due)
