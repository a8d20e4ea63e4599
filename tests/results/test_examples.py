"""Which few of many are named, and how many there were."""

from hypothesis import given
from hypothesis import strategies as st

from stream.results.examples import EXAMPLES, Foremost


@given(st.lists(st.integers(0, 9), max_size=40))
def test_the_highest_ranks_are_kept_and_of_equal_ones_the_first(ranks: list[int]):
    found = Foremost[str]()
    for number, rank in enumerate(ranks):
        found.add(f"{number}", rank=(rank,))
    expected = sorted(range(len(ranks)), key=lambda number: (-ranks[number], number))[:EXAMPLES]
    assert (found.count, found.kept) == (len(ranks), tuple(map(str, expected)))
