"""Clips of two caches are the same clips only by their names, and only where both agree on what they are."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import UserError
from tests.trt_build.test_comparison import facts
from training.data.clips import Clips
from trt_build.labelled import matched


def clips(names: list[int]) -> Clips:
    """Of each number one clip, whose pixels tell it; odd ones are stalled."""
    known = dataclasses.replace(
        facts([name % 2 == 1 for name in names]), clip_ids=np.array([f"clip-{name}" for name in names], np.str_)
    )
    return Clips.of(np.array(names, np.uint8).reshape(-1, 1, 1, 1, 1), known)


NAMES = st.lists(st.integers(0, 30), unique=True, min_size=1)


@given(NAMES, NAMES, st.integers(0, 30))
def test_clips_of_both_are_laid_side_by_side(a: list[int], b: list[int], shared: int):
    a, b = [*dict.fromkeys([*a, shared])], [*dict.fromkeys([shared, *b])]
    found = matched(clips(a), clips(b))
    pixels = [each.read(np.arange(len(each))).ravel().tolist() for each in found]
    assert pixels[0] == pixels[1]
    assert set(pixels[0]) == set(a) & set(b)
    assert found[0].facts.clip_ids.tolist() == [f"clip-{name}" for name in pixels[0]]


def test_caches_that_have_no_clip_in_common_are_refused():
    with pytest.raises(UserError, match="no clip in common; prepare the second from the first's source"):
        matched(clips([1, 2]), clips([3]))


def test_caches_that_disagree_on_a_label_are_refused():
    other = clips([1, 2, 3])
    changed = dataclasses.replace(other, facts=dataclasses.replace(other.facts, stalled=np.array([True, True, True])))
    with pytest.raises(UserError, match="label 1 of their clips differently, as clip-2; prepare both again"):
        matched(clips([1, 2, 3]), changed)
