"""Measures of logits, and the rule that is chosen from them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.errors import UserError
from stream.verdict import DecisionRule
from tests.training.measures.made import bell, projects
from training.calibrate import choose_rule
from training.measures import evaluate
from training.measures.bootstrap import Redrawn
from training.measures.coverage import Limits
from training.measures.evaluation import operating_point

RULE = DecisionRule(temperature=1.0, prior=0.5, prevalence=0.5, low=0.3, high=0.8, decide=0.5)


def choose(logits, stalled, *, prevalence=0.3, error=0.01, missed=0.5):
    limits = Limits(error=error, missed=missed)
    return choose_rule(logits, stalled, prior=0.5, prevalence=prevalence, limits=limits)


def test_an_evaluation_counts_by_the_rules_decide_and_tells_who_is_uncertain():
    logits, stalled = np.array([3.0, 0.5, -0.5, 0.5, -3.0, -3.0]), np.array([1, 1, 1, 0, 0, 0], bool)
    found = evaluate(logits, stalled, RULE)
    assert (found.clips, found.prevalence) == (6, 0.5)
    assert (found.sensitivity.value, found.specificity.value) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert found.ppv is not None
    assert found.ppv.value == pytest.approx(2 / 3)
    assert found.mcc.value == pytest.approx(1 / 3)
    assert found.mcc.low < found.mcc.value < found.mcc.high
    assert found.uncertain == pytest.approx(0.5)


def test_more_clips_leave_less_open():
    logits, stalled = bell(4000, share=0.3, apart=6)
    few, many = evaluate(logits[:200], stalled[:200], RULE), evaluate(logits, stalled, RULE)
    for name in ("mcc", "sensitivity", "pr_auc", "roc_auc", "brier"):
        small, large = getattr(few, name), getattr(many, name)
        assert large.high - large.low < (small.high - small.low) / 2


def test_none_wrong_of_ten_is_no_certainty():
    stalled = np.arange(20) < 10
    found = evaluate(np.where(stalled, 3.0, -3.0), stalled, RULE)
    assert found.sensitivity.value == found.specificity.value == 1
    assert found.sensitivity.low == pytest.approx(0.72, abs=0.01)


def test_projects_that_differ_widen_the_intervals():
    logits, stalled = bell(1200, share=0.3, apart=6)
    groups = projects(1200)
    logits += np.where(groups == "P0", -3, 0)  # in one project stalls are harder to see
    plain, grouped = evaluate(logits, stalled, RULE), evaluate(logits, stalled, RULE, projects=groups)
    assert (plain.projects, grouped.projects) == (1, 6)
    assert plain.mcc.value == grouped.mcc.value
    assert grouped.mcc.high - grouped.mcc.low > 1.5 * (plain.mcc.high - plain.mcc.low)


def test_where_fewer_are_stalled_the_same_rule_gives_another_ppv():
    logits, stalled = bell(4000, share=0.3, apart=6)
    redrawn = Redrawn.of(stalled, projects(4000))
    points = [operating_point(logits, stalled, RULE, redrawn, prevalence=each) for each in (0.003, 0.05, 0.3)]
    fresh, truth = bell(200_000, share=0.05, apart=6, seed=1)
    called = np.array([RULE.at_prevalence(0.05).probability(float(logit)) for logit in fresh]) >= RULE.decide
    assert points[1].ppv is not None
    assert points[1].ppv.value == pytest.approx(truth[called].mean(), abs=0.05)
    assert points[0].mcc.value < points[1].mcc.value < points[2].mcc.value


def test_an_evaluation_survives_json():
    logits, stalled = bell(100, share=0.3, apart=2)
    found = evaluate(logits, stalled, RULE)
    assert type(found).model_validate_json(found.model_dump_json()) == found


def test_who_calls_none_stalled_has_no_ppv():
    logits, stalled = bell(100, share=0.3, apart=2)
    found = evaluate(logits, stalled, RULE.model_copy(update={"decide": 1.0, "high": 1.0}))
    assert found.ppv is None
    assert found.mcc.value == 0


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
    rule = choose(logits, stalled, prevalence=prevalence)
    assert 0 <= rule.low <= rule.decide <= rule.high <= 1


def test_classes_that_do_not_overlap_leave_nothing_uncertain():
    rule = choose(np.linspace(-4, 4, 2000), np.arange(2000) >= 1000)
    assert rule.low == rule.decide == rule.high


def test_thresholds_for_rare_stalls_keep_their_digits():
    rule = choose(*bell(20_000, share=0.5, apart=6), prevalence=0.003, error=0.5, missed=0.01)
    assert 0 < rule.low < 0.01
    logits, stalled = bell(20_000, share=0.5, apart=6, seed=1)
    flowing = np.array([rule.probability(float(logit)) < rule.low for logit in logits])
    assert flowing[stalled].mean() == pytest.approx(0.01, abs=0.004)


def test_few_clips_are_all_left_to_people():
    rule = choose(np.array([-4.0, -3.0, 3.0, 4.0]), np.array([False, False, True, True]))
    assert (rule.low, rule.high) == (0, 1)


def test_validation_clips_of_one_class_are_refused():
    with pytest.raises(UserError, match="all of one class"):
        choose(np.array([1.0, 2.0]), np.array([True, True]))
