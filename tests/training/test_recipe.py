"""A recipe's prior is what its network will believe; what makes no sense is refused by name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stream.errors import UserError
from training.recipe import RECIPES, Recipe, changed

LABELS = np.arange(100) < 10


def test_balanced_batches_set_the_prior_and_clips_as_they_come_leave_it():
    assert Recipe(stalled_share=0.25).prior(LABELS) == 0.25
    assert Recipe(stalled_share=None).prior(LABELS) == pytest.approx(0.1)


@given(st.integers(1, 31), st.floats(0.1, 100))
def test_a_weight_counts_as_so_many_clips(stalled: int, weight: float):
    prior = Recipe(stalled_share=stalled / 32, stalled_weight=weight).prior(LABELS)
    assert prior / (1 - prior) == pytest.approx(weight * stalled / (32 - stalled))


def test_a_variant_changes_what_it_names_and_keeps_the_rest():
    changed = RECIPES["full"].variant(batch=8, augmentation={"noise": 1.0})
    assert (changed.batch, changed.augmentation.noise) == (8, 1.0)
    assert changed.augmentation.warped == RECIPES["full"].augmentation.warped
    assert changed.learning_rate == RECIPES["full"].learning_rate


@pytest.mark.parametrize("changes", [{"bach": 8}, {"batch": 1}, {"augmentation": {"warped": 2.0}}])
def test_what_makes_no_sense_is_refused(changes):
    with pytest.raises(ValidationError, match=str(next(iter(changes)))):
        RECIPES["plain"].variant(**changes)


def test_parts_are_changed_by_name():
    recipe = changed(RECIPES["plain"], ["learning_rate=0.001", "augmentation.turns=false", "stalled_share=none"])
    assert (recipe.learning_rate, recipe.augmentation.turns, recipe.stalled_share) == (0.001, False, None)
    assert recipe.batch == RECIPES["plain"].batch


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("learning_rat=1", r"no such part of a recipe; did you mean learning_rate=...\?"),
        ("noise=1", r"did you mean augmentation.noise=...\?"),
        ("zzz=1", "there are batch, accumulate, "),
        ("augmentation=1", "no such part"),
        ("batch", "no such part"),
        ("batch=many", "batch.*many"),
        ("augmentation.warped=2", "warped.*2"),
    ],
)
def test_a_change_that_makes_no_sense_is_one_line(change: str, words: str):
    with pytest.raises(UserError, match=f"--change.*{words}"):
        changed(RECIPES["plain"], [change])
