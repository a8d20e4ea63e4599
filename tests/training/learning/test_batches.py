"""Which clips form a batch depends on the seed and the step, and on nothing that came before."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.data.made import facts
from training.data.clips import Clips
from training.learning.batches import Sampler, batches
from training.recipe import Recipe

LABELS = np.arange(40) % 5 == 0  # 8 stalled, 32 flowing


@given(st.integers(0, 500), st.integers(2, 60), st.sampled_from([None, 0.1, 0.25, 0.5, 0.9]))
def test_each_step_has_the_share_of_stalled_clips_that_the_prior_tells(step: int, batch: int, share: float | None):
    recipe = Recipe(batch=batch, stalled_share=share)
    drawn = Sampler(LABELS, batch=batch, stalled_in_batch=recipe.stalled_in_batch, seed=3).indices(step)
    assert len(drawn) == batch
    if share is not None:
        assert 0 < LABELS[drawn].sum() < batch
        assert LABELS[drawn].mean() == pytest.approx(recipe.prior(LABELS))
        assert abs(LABELS[drawn].sum() - share * batch) <= 1


@pytest.mark.parametrize("share", [None, 4])
def test_no_clip_comes_twice_before_all_of_its_kind_have_come(share: int | None):
    sampler = Sampler(LABELS, batch=8, stalled_in_batch=share, seed=1)
    drawn = np.concatenate([sampler.indices(step) for step in range(20)])
    for kind in [LABELS, ~LABELS] if share else [np.ones(40, bool)]:
        of_kind = drawn[kind[drawn]]
        size = np.count_nonzero(kind)
        for start in range(0, len(of_kind) - size + 1, size):
            assert len(set(of_kind[start : start + size])) == size


def test_a_step_is_the_same_whatever_was_drawn_before():
    first, second = (Sampler(LABELS, batch=8, stalled_in_batch=4, seed=1) for _ in range(2))
    for step in range(9):
        first.indices(step)
    assert (first.indices(9) == second.indices(9)).all()
    assert (first.indices(9) != Sampler(LABELS, batch=8, stalled_in_batch=4, seed=2).indices(9)).any()


def test_processes_share_a_batch_without_a_clip_in_two():
    pixels = np.arange(40, dtype=np.uint8).reshape(-1, 1, 1, 1, 1)
    clips = Clips.of(pixels, facts(LABELS, project_ids="A" * 40))
    sampler = Sampler(LABELS, batch=8, stalled_in_batch=4, seed=1)
    whole = list(islice(batches(clips, sampler, first=5), 3))
    parts = [list(islice(batches(clips, sampler, first=5, part=part, parts=2), 3)) for part in (0, 1)]
    assert [batch.step for batch in whole] == [5, 6, 7]
    for everyone, *both in zip(whole, *parts, strict=True):
        assert (everyone.pixels.ravel() == sampler.indices(everyone.step)).all()
        assert sorted(np.concatenate([half.clip_ids for half in both])) == sorted(everyone.clip_ids)
        assert [half.stalled.sum() for half in both] == [2, 2]
