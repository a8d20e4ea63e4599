"""Rates of all thresholds, and what they give at a prevalence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.measures import Confusion
from training.measures import Ranking, mcc_at, ppv_at

labels = st.lists(st.booleans(), min_size=2, max_size=60).filter(lambda each: any(each) and not all(each))
rates = st.floats(0, 1)


@st.composite
def ranked(draw):
    """Scores with ties, and labels of both classes."""
    stalled = draw(labels)
    scores = draw(st.lists(st.integers(-4, 4), min_size=len(stalled), max_size=len(stalled)))
    return np.array(scores, np.float32), np.array(stalled)


@pytest.mark.parametrize(("prevalence", "mcc"), [(0.1, 0.88), (0.05, 0.85), (0.01, 0.68), (0.003, 0.475)])
def test_the_same_network_has_another_mcc_where_fewer_clips_are_stalled(prevalence, mcc):
    assert mcc_at(0.85, 0.007, prevalence) == pytest.approx(mcc, abs=0.006)


@given(ranked(), st.integers(-4, 4))
def test_at_the_sets_own_prevalence_mcc_and_ppv_are_those_of_the_counts(made, threshold):
    scores, stalled = made
    called = scores >= threshold
    confusion = Confusion.of(zip(stalled, called, strict=True))
    tpr, fpr, share = confusion.sensitivity, 1 - confusion.specificity, confusion.prevalence
    assert mcc_at(tpr, fpr, share) == pytest.approx(confusion.mcc, abs=1e-6)
    if called.any():
        assert ppv_at(tpr, fpr, share) == pytest.approx(confusion.tp / called.sum())
    else:
        assert np.isnan(ppv_at(tpr, fpr, share))


@given(rates, rates, st.floats(0.001, 0.999))
def test_mcc_is_a_correlation_and_changes_sign_with_the_verdict(tpr, fpr, prevalence):
    mcc = mcc_at(tpr, fpr, prevalence)
    assert -1 - 1e-9 <= mcc <= 1 + 1e-9
    assert mcc_at(1 - tpr, 1 - fpr, prevalence) == pytest.approx(-mcc, abs=1e-6)


@given(ranked())
def test_rates_are_shares_of_the_classes_from_each_cut_on(made):
    scores, stalled = made
    found = Ranking(scores, stalled).rates()
    assert (found.stalled, found.flowing) == (stalled.sum(), (~stalled).sum())
    assert len(found.cuts) == len(np.unique(scores)) + 1
    for cut, tpr, fpr in zip(found.cuts, found.tpr, found.fpr, strict=True):
        assert tpr == pytest.approx(np.mean(scores[stalled] >= cut))
        assert fpr == pytest.approx(np.mean(scores[~stalled] >= cut))


@given(ranked())
def test_weights_count_clips_several_times(made):
    scores, stalled = made
    weights = np.arange(len(scores)) % 3 + 1
    weighted = Ranking(scores, stalled).rates(weights)
    repeated = Ranking(np.repeat(scores, weights), np.repeat(stalled, weights)).rates()
    assert weighted.cuts == pytest.approx(repeated.cuts)
    assert weighted.tpr == pytest.approx(repeated.tpr)
    assert weighted.fpr == pytest.approx(repeated.fpr)


@given(ranked())
def test_roc_auc_is_how_often_a_stalled_clip_scores_higher(made):
    scores, stalled = made
    pairs = np.sign(scores[stalled][:, None] - scores[~stalled][None])
    assert Ranking(scores, stalled).rates().roc_auc == pytest.approx((pairs + 1).mean() / 2)


def test_pr_auc_of_a_known_ranking():
    scores, stalled = np.array([0.9, 0.8, 0.7, 0.6]), np.array([1, 0, 1, 0], bool)
    assert Ranking(scores, stalled).rates().pr_auc(0.5) == pytest.approx((1 + 2 / 3) / 2)
    assert Ranking(-scores, ~stalled).rates().pr_auc(0.5) == pytest.approx((1 + 2 / 3) / 2)


@given(st.floats(0.001, 0.999))
def test_equal_scores_say_nothing(prevalence):
    same = Ranking(np.zeros(4), np.array([1, 0, 1, 0], bool)).rates()
    assert same.pr_auc(prevalence) == pytest.approx(prevalence)
    assert same.roc_auc == pytest.approx(0.5)


def test_sensitivity_at_a_specificity_allows_so_many_false_alarms_and_not_one_more():
    scores = np.concatenate([np.arange(100), [98.5, 97.5, -5]])  # 100 flowing, 3 stalled
    found = Ranking(scores, np.arange(103) >= 100).rates()
    assert found.sensitivity_at(0.999) == 0
    assert found.sensitivity_at(0.99) == pytest.approx(1 / 3)  # one flowing clip scores higher than 98.5
    assert found.sensitivity_at(0.98) == pytest.approx(2 / 3)
    assert found.sensitivity_at(0) == 1
