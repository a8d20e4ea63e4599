"""What is kept of a reference's outcomes, and that it is little."""

import tracemalloc
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stream.results.tally import Tally, Told, checksum

PLACES = st.tuples(st.integers(0, 3), st.one_of(st.integers(0, 3000), st.integers(0, 2**62)))


@given(st.lists(PLACES, max_size=60), st.lists(PLACES, max_size=20))
def test_each_outcome_is_counted_until_its_reference_takes_it(entered, taken):
    tally, counts = Tally(), Counter(entered)
    first: dict[tuple[int, int], int] = {}
    for at_ms, place in enumerate(entered):
        first.setdefault(place, at_ms)
        tally.add(*place, clip=at_ms + 7, at_ms=at_ms)
    for place in taken:
        count = counts.pop(place, 0)
        told = Told(count, first[place] + 7, first[place]) if count else None
        assert tally.take(*place) == told
    assert list(tally.left()) == sorted(counts)


def test_more_than_can_be_counted_is_still_many():
    tally = Tally()
    assert [tally.add(0, 0, clip=0, at_ms=0) for _ in range(300)][-1] == 255


def test_a_reference_costs_a_few_bytes():
    tracemalloc.start()
    tally = Tally()
    for offset in range(100_000):
        tally.add(0, offset, clip=offset, at_ms=offset)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 20 * 100_000


def test_other_clips_have_other_checksums():
    ids = [None, *(f"{number}.mp4" for number in range(1000))]
    assert len({checksum(each) for each in ids}) == len(ids)
