"""What labels can be guessed from without looking: found where it is there, and nothing where it isn't."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.measures import Confusion
from training.data.leak import amount_features, best_threshold, box_features, guessed_mcc, project_features

RNG = np.random.default_rng(0)


def boxes(width, height):
    return np.stack([np.zeros_like(width), np.zeros_like(width), width, height], axis=1).astype(np.int32)


def test_labels_that_have_nothing_to_do_with_the_box_are_not_guessed_from_it():
    size = RNG.integers(20, 200, (2, 4000))
    found = guessed_mcc(box_features(boxes(*size)), RNG.random(4000) < 0.3)
    assert abs(found) < 0.06


def test_a_size_that_tells_the_label_is_found_also_where_it_is_neither_small_nor_large():
    width, height = RNG.integers(20, 200, (2, 4000))
    assert guessed_mcc(box_features(boxes(width, height)), width * height > 10_000) > 0.9
    assert guessed_mcc(box_features(boxes(width, height)), (width > 40) & (width < 100)) > 0.7
    half = (width > 100) ^ (RNG.random(4000) < 0.4)  # 60 % are told by their size
    assert guessed_mcc(box_features(boxes(width, height)), half) == pytest.approx(0.2, abs=0.06)


def test_a_project_of_its_own_for_stalled_clips_is_found():
    stalled = np.arange(400) < 100
    apart = np.where(stalled, "L", "A")
    assert guessed_mcc(project_features(apart), stalled) == 1.0
    assert abs(guessed_mcc(project_features(np.array(list("LA" * 200))), stalled)) < 0.15


def test_of_a_few_clips_nothing_is_said():
    assert math.isnan(guessed_mcc(np.zeros((30, 1)), np.arange(30) < 5))


def test_a_length_in_the_middle_that_tells_the_label_is_found():
    lengths = RNG.integers(20, 200, 2000)
    assert guessed_mcc(amount_features(lengths), (lengths > 50) & (lengths < 90)) > 0.7
    assert abs(guessed_mcc(amount_features(lengths), RNG.random(2000) < 0.3)) < 0.08


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_no_other_threshold_gives_a_higher_mcc(clips):
    scores, stalled = np.array([score for score, _ in clips], float), np.array([truth for _, truth in clips])

    def mcc(threshold):
        return Confusion.of(zip(stalled.tolist(), (scores >= threshold).tolist(), strict=True)).mcc

    assert mcc(best_threshold(scores, stalled)) == pytest.approx(max(map(mcc, scores)))
