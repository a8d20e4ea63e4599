"""The note beside an offset: what is counted, what is to be skipped, and that it survives being written down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.worker.notes import Note

COUNTS = st.integers(0, 10**9 - 1)


@given(COUNTS, COUNTS, COUNTS, st.frozensets(st.integers(0, 2**63 - 1), max_size=20))
def test_what_is_written_is_read_again(in_a_row, rejected, of, skip):
    note = Note(in_a_row=in_a_row, rejected=rejected, of=of if rejected else 0, skip=skip)
    assert Note.parse(note.text) == note


def test_it_is_short_and_says_what_it_says():
    assert Note().text == ""
    assert Note(in_a_row=3, rejected=40, of=310, skip=frozenset({1377, 1204})).text == (
        "in-a-row=3 rejected=40/310 skip=1204,1377"
    )


@pytest.mark.parametrize("text", ["by some other tool", "in-a-row=many", "in-a-row=-3", "skip=", "skip=1,,2", "skip=٣"])
def test_a_note_of_anothers_making_says_nothing(text):
    assert Note.parse(text) == Note()


@given(st.lists(st.booleans(), max_size=400), st.integers(1, 50))
def test_the_moving_count_never_says_more_than_happened(rejections, about):
    note = Note()
    for number, rejected in enumerate(rejections, start=1):
        note = note.counting(rejected=rejected, about=about)
        assert note.rejected <= note.of < 2 * about
        assert note.of <= number
        assert note.rejected <= sum(rejections[:number])


def test_an_even_share_stays_what_it_is():
    note = Note()
    for number in range(10_000):
        note = note.counting(rejected=number % 4 == 0, about=100)
    assert note.rejected / note.of == pytest.approx(0.25, abs=0.03)


def test_what_lies_before_the_offset_needs_no_skipping_any_more():
    assert Note(skip=frozenset({3, 7, 8})).at(8).skip == {8}
