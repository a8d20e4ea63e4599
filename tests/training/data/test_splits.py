"""Splits by project: no animal on both sides, each clip in one fold, and both classes wherever they are needed."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stream.errors import UserError
from tests.training.data.made import facts
from training.data.clips import Clips
from training.data.splits import folds, hold_out

REAL_MICRO = dict(zip("ACDEFGHIJKLM", (62, 56, 16, 14, 79, 213, 12, 34, 39, 22, 133, 26), strict=True))
"""Stalled clips of each project in the competition's micro."""


def clips_of(projects: str, stalled=None) -> Clips:
    pixels = np.arange(len(projects), dtype=np.uint8).reshape(-1, 1, 1, 1, 1)
    labels = np.zeros(len(projects)) if stalled is None else stalled
    return Clips.of(pixels, facts(labels, project_ids=projects))


def counted(stalled: dict[str, int], flowing: dict[str, int]) -> Clips:
    projects = "".join(name * (stalled[name] + flowing[name]) for name in stalled)
    labels = [label for name in stalled for label in [True] * stalled[name] + [False] * flowing[name]]
    return clips_of(projects, labels)


def test_whole_projects_are_held_out():
    training, validation = hold_out(clips_of("AABBBCCCCD" * 5), share=0.2, seed=1)
    assert not set(training.facts.project_ids) & set(validation.facts.project_ids)
    assert len(training) + len(validation) == 50
    assert 10 <= len(validation) < 50


def test_what_is_held_out_has_both_classes_and_about_its_share_of_the_stalled_clips():
    clips = counted(REAL_MICRO, dict.fromkeys(REAL_MICRO, 140))
    _, validation = hold_out(clips, share=0.2, seed=1)
    assert 0.15 <= validation.stalled.sum() / clips.stalled.sum() <= 0.25
    assert not validation.stalled.all()


def test_of_a_single_project_some_clips_are_held_out():
    training, validation = hold_out(clips_of("A" * 50), share=0.2, seed=1)
    assert (len(training), len(validation)) == (40, 10)
    assert not set(training.facts.clip_ids) & set(validation.facts.clip_ids)


counts = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=10)


@given(counts, st.integers(2, 5), st.integers(0, 5))
def test_folds_hold_whole_projects_both_classes_and_stalled_clips_as_even_as_can_be(projects, count, seed):
    names = "ABCDEFGHIJ"[: len(projects)]
    clips = counted(*(dict(zip(names, column, strict=True)) for column in zip(*projects, strict=True)))
    try:
        fold = folds(clips, count=count, seed=seed)
    except UserError:
        assume(False)
    assert fold.shape == (len(clips),)
    assert set(fold.tolist()) == set(range(count))
    for name in set(clips.facts.project_ids):
        assert len(set(fold[clips.facts.project_ids == name])) == 1
    stalled = np.bincount(fold[clips.stalled], minlength=count)
    assert stalled.min() > 0
    assert np.bincount(fold[~clips.stalled], minlength=count).min() > 0
    largest = max(each for each, _ in projects)
    assert stalled.max() - stalled.min() <= largest  # else moving a project would even them out
    assert np.array_equal(fold, folds(clips, count=count, seed=seed))


def test_the_real_projects_make_five_folds_that_are_nearly_even():
    clips = counted(REAL_MICRO, dict.fromkeys(REAL_MICRO, 140))
    stalled = np.bincount(folds(clips, count=5, seed=0)[clips.stalled])
    assert stalled.max() == 213  # project G, which can't be split
    assert stalled.min() >= 115


def test_the_seed_deals_equal_projects_otherwise():
    clips = counted(dict.fromkeys("ABCDEFGH", 3), dict.fromkeys("ABCDEFGH", 3))
    assert len({tuple(folds(clips, count=4, seed=seed)) for seed in range(6)}) > 1


@pytest.mark.parametrize(
    ("stalled", "flowing", "said"),
    [
        ({"A": 1, "B": 1}, {"A": 1, "B": 1}, r"2 projects \(A, B\) can't fill 3 folds: give fewer folds"),
        (
            {"A": 5, "B": 4, "C": 0},
            {"A": 1, "B": 1, "C": 9},
            r"fold 2 of 3 \(project C\) has no stalled clip: give fewer folds, or more clips",
        ),
        (
            {"A": 5, "B": 4, "C": 3},
            {"A": 0, "B": 1, "C": 9},
            r"fold 0 of 3 \(project A\) has no flowing clip: give fewer folds, or more clips",
        ),
    ],
)
def test_folds_that_can_not_be_are_named(stalled, flowing, said):
    with pytest.raises(UserError, match=said):
        folds(counted(stalled, flowing), count=3, seed=0)
