"""Waits grow to a limit, and are drawn from all that lies below it."""

from hypothesis import given
from hypothesis import strategies as st

from stream.backoff import Backoff

FAILURES = st.integers(1, 10**9)
SECONDS = st.floats(0.001, 1e6)


def ceiling(failures: int, *, first_s: float = 0.5, longest_s: float = 30.0) -> float:
    return Backoff(random=lambda: 1.0, first_s=first_s, longest_s=longest_s).wait_s(failures)


def test_the_limit_doubles_with_each_failure_until_it_is_the_longest():
    assert [ceiling(failures) for failures in range(1, 10)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


@given(FAILURES, SECONDS, SECONDS)
def test_the_limit_never_falls_nor_passes_the_longest(failures: int, first_s: float, longest_s: float):
    now, later = (ceiling(count, first_s=first_s, longest_s=longest_s) for count in (failures, failures + 1))
    assert 0 < now <= later <= longest_s


@given(FAILURES, st.floats(0, 1, exclude_max=True))
def test_a_wait_is_the_drawn_share_of_the_limit(failures: int, drawn: float):
    assert Backoff(random=lambda: drawn).wait_s(failures) == drawn * ceiling(failures)
