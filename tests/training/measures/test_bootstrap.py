"""Sets that are drawn again, and the intervals they give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.measures.bootstrap import Redrawn


@settings(max_examples=8, deadline=None)
@given(st.lists(st.sampled_from("ACDEF"), min_size=1, max_size=40))
def test_whole_projects_are_drawn_each_with_as_many_clips_as_it_has(letters):
    projects = np.array(["H", "H", *letters])
    names = np.unique(projects)
    redrawn = Redrawn.of(np.arange(len(projects)) % 2 == 0, projects)
    assert redrawn.projects == len(names)
    for weights in redrawn.weights[:20].astype(int):
        times = [weights[projects == name].sum() / np.sum(projects == name) for name in names]
        assert all(each == int(each) for each in times)
        assert sum(times) == len(names)


def test_a_single_projects_clips_are_drawn_plainly():
    drawn = Redrawn.of(np.arange(50) < 25, np.full(50, "A")).weights
    assert set(drawn.sum(axis=1)) == {50}
    assert drawn.std(axis=0).mean() == pytest.approx(1, abs=0.1)  # as of 50 draws among 50


def share(values):
    return lambda weights: {"share": float(np.average(values, weights=weights))}


def test_clips_that_resemble_their_project_leave_more_open():
    projects = np.repeat(list("ACDEFGHI"), 50)
    values = np.isin(projects, list("ACDE"))
    stalled = np.tile([True, False], 200)
    grouped, plain = (
        Redrawn.of(stalled, each).estimate(share(values))["share"] for each in (projects, np.full(400, ""))
    )
    assert grouped is not None
    assert plain is not None
    assert grouped.value == plain.value == 0.5
    assert plain.high - plain.low == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(400), rel=0.1)
    assert grouped.high - grouped.low > 5 * (plain.high - plain.low)


def test_an_undefined_measure_has_no_estimate_and_sets_that_lack_it_are_left_out():
    stalled, projects = np.array([True, False, True, False]), np.array(list("AACC"))
    found = Redrawn.of(stalled, projects).estimate(
        lambda weights: {"never": np.nan, "often": 1.0 if weights[0] else np.nan}
    )
    assert found["never"] is None
    assert found["often"] is not None
    assert (found["often"].low, found["often"].high) == (1, 1)


def test_sets_without_both_classes_are_left_out():
    redrawn = Redrawn.of(np.array([True, False]), np.array(["A", "A"]))
    assert (redrawn.weights > 0).all()
    assert len(redrawn.weights) > 100
