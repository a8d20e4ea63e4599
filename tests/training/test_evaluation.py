"""Measures of logits, and the rule that is chosen from them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.errors import UserError
from stream.verdict import DecisionRule
from training.calibrate import choose_rule
from training.measures import evaluate, mcc_interval, pr_auc

RULE = DecisionRule(temperature=1.0, prior=0.5, prevalence=0.5, low=0.3, high=0.8, decide=0.5)


def bell(count: int, *, share: float, apart: float, seed: int = 0):
    """Logits of two bells: with variance equal to the distance of their means they are calibrated for even classes."""
    rng = np.random.default_rng(seed)
    stalled = rng.random(count) < share
    logits = np.where(stalled, apart / 2, -apart / 2) + rng.normal(0, np.sqrt(apart), count)
    return logits.astype(np.float32), stalled


def choose(logits, stalled, *, prevalence=0.3, error=0.01):
    return choose_rule(logits, stalled, prior=0.5, prevalence=prevalence, error=error)


def test_an_evaluation_counts_by_the_rules_decide_and_tells_who_is_uncertain():
    logits, stalled = np.array([3.0, 0.5, -0.5, 0.5, -3.0, -3.0]), np.array([1, 1, 1, 0, 0, 0], bool)
    found = evaluate(logits, stalled, RULE)
    assert (found.clips, found.prevalence) == (6, 0.5)
    assert (found.sensitivity, found.specificity) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert found.mcc == pytest.approx(1 / 3)
    assert found.mcc_low < found.mcc < found.mcc_high
    assert found.uncertain == pytest.approx(0.5)


def test_more_clips_leave_less_open():
    logits, stalled = bell(4000, share=0.3, apart=6)
    few, many = mcc_interval(stalled[:200], logits[:200] > 0), mcc_interval(stalled, logits > 0)
    assert many[1] - many[0] < (few[1] - few[0]) / 3


def test_pr_auc_of_a_known_ranking():
    scores, stalled = np.array([0.9, 0.8, 0.7, 0.6]), np.array([1, 0, 1, 0], bool)
    assert pr_auc(scores, stalled) == pytest.approx((1 + 2 / 3) / 2)
    assert pr_auc(np.zeros(4), stalled) == pytest.approx(0.5)  # equal scores say nothing: the prevalence
    assert pr_auc(-scores, ~stalled) == pytest.approx((1 + 2 / 3) / 2)


def test_temperature_undoes_overconfidence():
    logits, stalled = bell(20_000, share=0.5, apart=6)
    assert choose(logits, stalled, prevalence=0.5).temperature == pytest.approx(1, rel=0.1)
    assert choose(3 * logits, stalled, prevalence=0.5).temperature == pytest.approx(3, rel=0.1)


def test_probabilities_hold_at_the_stated_prevalence_whatever_the_validation_sets_was():
    rule = choose(*bell(20_000, share=0.5, apart=6), prevalence=0.1)
    logits, stalled = bell(50_000, share=0.1, apart=6, seed=1)
    probabilities = np.array([rule.probability(float(logit)) for logit in logits])
    sure = (probabilities > 0.6) & (probabilities < 0.8)
    assert stalled[sure].mean() == pytest.approx(probabilities[sure].mean(), abs=0.04)


def test_the_accepted_error_is_met_on_fresh_clips():
    rule = choose(*bell(20_000, share=0.3, apart=8), error=0.02)
    logits, stalled = bell(50_000, share=0.3, apart=8, seed=1)
    labels = np.array([rule.label(rule.probability(float(logit))) for logit in logits])
    assert 0.01 < np.mean(~stalled[labels == "stalled"]) < 0.03
    assert 0.01 < np.mean(stalled[labels == "flowing"]) < 0.03
    assert np.mean(labels == "uncertain") > 0.02


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 300), st.floats(0.05, 12), st.floats(0.01, 0.99), st.integers(0, 100))
def test_thresholds_are_always_in_order(count, apart, prevalence, seed):
    logits, stalled = bell(count, share=0.5, apart=apart, seed=seed)
    stalled[:2] = True, False
    rule = choose(logits, stalled, prevalence=prevalence)
    assert 0 <= rule.low <= rule.decide <= rule.high <= 1


def test_classes_that_do_not_overlap_leave_nothing_uncertain():
    rule = choose(np.array([-4.0, -3.0, 3.0, 4.0]), np.array([False, False, True, True]))
    assert rule.low == rule.decide == rule.high


def test_validation_clips_of_one_class_are_refused():
    with pytest.raises(UserError, match="all of one class"):
        choose(np.array([1.0, 2.0]), np.array([True, True]))
