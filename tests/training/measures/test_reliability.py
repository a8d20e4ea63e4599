"""Whether probabilities mean what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.measures.reliability import brier, ece, ece_by_chance, reliability

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def once(values):
    return np.ones(len(values), np.int64)


@given(probabilities)
def test_each_clip_is_in_one_bin(values):
    found = reliability(np.array(values), np.array(values) > 0.5)
    assert sum(each.clips for each in found) == len(values)
    assert sum(each.stalled for each in found) == np.sum(np.array(values) > 0.5)
    for each in found:
        assert each.low - 1e-9 <= each.probability <= each.high + 1e-9
        assert each.interval.low <= each.share + 1e-9
        assert each.share <= each.interval.high + 1e-9


@given(probabilities)
def test_ece_is_what_the_bins_show(values):
    found = reliability(np.array(values), np.array(values) > 0.3)
    shown = sum(each.clips * abs(each.probability - each.share) for each in found) / len(values)
    assert ece(np.array(values), np.array(values) > 0.3) == pytest.approx(shown, abs=1e-9)


def test_certainty_in_the_truth_scores_nothing_and_the_prevalence_scores_its_variance():
    stalled = np.array([True, False, False, False])
    assert brier(stalled.astype(float), stalled, once(stalled)) == 0
    assert brier(np.full(4, 0.25), stalled, once(stalled)) == pytest.approx(0.25 * 0.75)
    assert ece(np.full(4, 0.25), stalled) == 0


def test_right_probabilities_show_what_chance_does_and_wrong_ones_more():
    rng = np.random.default_rng(0)
    values = rng.random(2000)
    stalled = rng.random(2000) < values
    by_chance = ece_by_chance(values)
    assert 0 < by_chance < 0.05
    assert ece(values, stalled) == pytest.approx(by_chance, rel=0.5)
    assert ece(values**3, stalled) > 5 * by_chance
    assert ece_by_chance(values[:100]) > 3 * by_chance


def test_brier_is_least_for_the_true_probability():
    stalled = np.arange(100) < 30
    scores = [brier(np.full(100, each), stalled, once(stalled)) for each in np.linspace(0, 1, 101)]
    assert np.argmin(scores) == 30
