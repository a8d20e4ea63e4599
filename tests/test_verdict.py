"""From a logit to a label."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stream.verdict import DecisionRule

logits = st.floats(-50, 50)
shares = st.floats(0.001, 0.999)


def test_a_rule_without_shift_is_the_sigmoid():
    assert DecisionRule().probability(0.0) == 0.5
    assert DecisionRule().probability(2.0) == pytest.approx(1 / (1 + math.exp(-2)))


def test_a_logit_of_zero_is_exactly_the_prevalence():
    """A clip about which the network says nothing is stalled as often as clips are."""
    assert DecisionRule(prior=0.5, prevalence=0.003).probability(0.0) == pytest.approx(0.003)


@given(logits, shares, shares)
def test_moving_the_prevalence_multiplies_the_odds(logit, first, second):
    rule = DecisionRule(prevalence=first)
    before, after = rule.probability(logit), rule.at_prevalence(second).probability(logit)
    if 1e-9 < before < 1 - 1e-9 and 1e-9 < after < 1 - 1e-9:
        odds_ratio = (second / (1 - second)) / (first / (1 - first))
        assert after / (1 - after) == pytest.approx(before / (1 - before) * odds_ratio, rel=1e-4)


def test_moving_the_prevalence_moves_nothing_else():
    rule = DecisionRule(temperature=2, prior=0.4, prevalence=0.3, low=0.2, high=0.8, decide=0.6)
    moved = rule.at_prevalence(0.01)
    assert moved == rule.model_copy(update={"prevalence": 0.01})


@given(logits, logits, shares)
def test_a_higher_logit_is_never_less_stalled(a, b, prevalence):
    rule = DecisionRule(prevalence=prevalence)
    assert (rule.probability(a) <= rule.probability(b)) == (a <= b) or rule.probability(a) == rule.probability(b)


def test_between_the_thresholds_a_verdict_is_uncertain():
    rule = DecisionRule(low=0.2, high=0.8)
    assert [rule.label(p) for p in (0.0, 0.19, 0.2, 0.79, 0.8, 1.0)] == [
        "flowing",
        "flowing",
        "uncertain",
        "uncertain",
        "stalled",
        "stalled",
    ]


@pytest.mark.parametrize("bad", [{"low": 0.9, "high": 0.1}, {"temperature": 0}, {"prior": 1}, {"prevalence": 0}])
def test_a_contradictory_rule_is_refused(bad):
    with pytest.raises(ValidationError):
        DecisionRule(**bad)


def test_an_impossible_prevalence_is_refused():
    with pytest.raises(ValidationError):
        DecisionRule().at_prevalence(1.0)
