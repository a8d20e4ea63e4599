"""Whether a store serves, and how long to wait before it is asked again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.backoff import Backoff
from stream.scoring.stores import Stores
from tests.simulation.machines import Time


def test_a_store_of_a_name_is_one_and_the_same():
    stores = Stores(backoff=Backoff(random=lambda: 0.5), clock=Time())
    assert stores.of("/clips") is stores.of("/clips")
    assert stores.of("/clips") is not stores.of("/other")


def test_a_round_that_failed_before_the_store_answered_does_not_close_it_again():
    store = Stores(backoff=Backoff(random=lambda: 0.5), clock=Time()).of("a")
    first, second = store.begin(), store.begin()
    store.failed("reset", begun_in=first)
    third = store.begin()
    store.answered()
    store.failed("reset", begun_in=third)
    assert store.open
    store.failed("reset", begun_in=second)
    assert not store.open


def test_it_is_said_once_when_a_store_is_out_and_once_when_it_serves_again(caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    store = Stores(backoff=Backoff(random=lambda: 0.0), clock=Time()).of("s3://clips")
    for _ in range(5):
        store.failed("refused", begun_in=store.begin())
    for _ in range(2):
        store.begin()
        store.answered()
    said = [record.getMessage() for record in caplog.records]
    outage = "s3://clips does not serve (refused); it is waited for, and no clip is lost"
    assert said == [outage, "s3://clips serves again"]


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.floats(0.01, 5), st.floats(5, 100))
def test_a_wait_is_drawn_between_nothing_and_a_bound_that_doubles(failures, drawn, first_s, longest_s):
    backoff = Backoff(random=lambda: drawn, first_s=first_s, longest_s=longest_s)
    bound = min(longest_s, first_s * 2.0 ** min(failures - 1, 500))
    assert backoff.wait_s(failures) == pytest.approx(drawn * bound)
