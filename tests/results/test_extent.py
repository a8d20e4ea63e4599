"""How a part of the references is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import UserError
from stream.results.extent import parse_offsets


@given(st.dictionaries(st.integers(0, 99), st.tuples(st.integers(0, 10**17), st.integers(0, 10**17)), max_size=5))
def test_both_ends_belong_to_it(given_ranges):
    texts = [f"{number}:{first}-{first + more}" for number, (first, more) in given_ranges.items()]
    parsed = parse_offsets(texts)
    assert {number: (each[0], each[-1]) for number, each in parsed.items()} == {
        number: (first, first + more) for number, (first, more) in given_ranges.items()
    }


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [("2:17-", {17, 10**18}, {16}), ("2:-17", {0, 17}, {18}), ("2:-", {0, 10**18}, {-1}), ("2:5-5", {5}, {4, 6})],
)
def test_an_end_may_be_left_out(text: str, inside: set[int], outside: set[int]):
    found = parse_offsets([text])[2]
    assert all(each in found for each in inside)
    assert not any(each in found for each in outside)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["17"], "--offsets 17: give PARTITION:FIRST-LAST"),
        (["0:5"], "--offsets 0:5: give"),
        (["-1:0-5"], "--offsets -1:0-5: give"),
        (["0:\u0665-6"], "give"),
        (["0:6-5"], "--offsets 0:6-5: it ends before it begins"),
        (["0:1-2", "0:4-"], "--offsets 0:4-: partition 0 is named twice"),
    ],
)
def test_anything_else_is_refused(texts: list[str], said: str):
    with pytest.raises(UserError) as refused:
        parse_offsets(texts)
    assert said in str(refused.value)
