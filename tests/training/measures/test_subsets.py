"""A set cut into projects, lengths and sizes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.data.made import facts
from training.measures.subsets import groupings, quarters

STALLED = np.array([1, 1, 0, 0, 1, 0, 0, 0], bool)


def test_each_project_is_counted_and_one_of_a_single_class_has_no_mcc():
    called = np.array([1, 0, 0, 0, 1, 0, 1, 0], bool)
    by_project = groupings(facts(STALLED, project_ids="AAAACCDD"), called)[0]
    assert [each.name for each in by_project.subsets] == ["A", "C", "D"]
    a, c, d = by_project.subsets
    assert (a.confusion.tp, a.confusion.fn, a.confusion.tn, a.confusion.fp) == (1, 1, 2, 0)
    assert a.mcc is not None
    assert c.mcc is not None
    assert c.mcc.value == pytest.approx(1)
    assert d.mcc is None
    assert a.mcc.low <= a.mcc.value <= a.mcc.high


@given(st.lists(st.integers(17, 434), min_size=1, max_size=40))
def test_lengths_are_cut_into_parts_that_hold_each_clip_once(lengths):
    parts = [part for _, part in quarters(np.array(lengths, np.int32))]
    assert (np.sum(parts, axis=0) == 1).all()
    assert all(part.any() for part in parts)
    assert len(parts) <= 4


def test_quarters_of_different_lengths_are_equal():
    assert [part.sum() for _, part in quarters(np.arange(17, 117, dtype=np.int32))] == [25, 25, 25, 25]


def test_parts_are_named_by_their_bounds():
    clips = replace(
        facts(STALLED, project_ids="A" * 8), num_frames=np.array([20, 30, 40, 50, 60, 70, 70, 70], np.int32)
    )
    assert [each.name for each in groupings(clips, STALLED)[1].subsets] == ["20 to 30", "31 to 50", "51 to 70"]
    assert [each.name for each in groupings(clips, STALLED)[2].subsets] == ["50"]
