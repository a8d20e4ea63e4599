"""Thresholds from elsewhere, from other projects and from the same clips."""

import numpy as np
import pytest

from stream.verdict import DecisionRule
from tests.training.data.made import facts
from tests.training.measures.made import bell
from training.calibrate import choose_rule
from training.measures.bootstrap import Redrawn
from training.measures.coverage import Limits
from training.measures.promises import Tried
from training.measures.study import PREVALENCES

LIMITS = Limits(error=0.02, missed=0.1)


def tried(*, apart: float = 6, project_ids: str = "ACDEFG", seed: int = 0) -> Tried:
    count = 600
    logits, stalled = bell(count, share=0.4, apart=apart, seed=seed)
    known = facts(stalled, project_ids=project_ids * (count // len(project_ids)))
    return Tried.of(logits, known, Redrawn.of(stalled, known.project_ids), LIMITS)


def test_the_rules_own_thresholds_are_tried_as_the_probabilities_that_they_are():
    made, rule = tried(), DecisionRule(prevalence=0.3, low=0.1, decide=0.4, high=0.9)
    probabilities = np.array([rule.probability(float(logit)) for logit in made.logits])
    stalled = made.facts.stalled
    found = made.promise(rule).rule
    assert found.found.value == pytest.approx(np.mean(probabilities[stalled] >= 0.9))
    assert found.missed.value == pytest.approx(np.mean(probabilities[stalled] < 0.1))


def test_a_rule_chosen_on_these_clips_promises_just_what_these_clips_seem_to():
    made = tried()
    rule = choose_rule(made.logits, made.facts.stalled, prior=0.5, prevalence=0.3, limits=LIMITS)
    found = made.promise(rule)
    assert found.rule == found.same


def test_thresholds_tried_on_the_clips_that_they_were_chosen_on_are_too_good():
    rule = DecisionRule(prevalence=0.3)
    gains = []
    for seed in range(6):
        found = tried(seed=seed).promise(rule)
        assert found.crossed is not None
        gains.append(found.same.share.value - found.crossed.share.value)
    assert np.mean(gains) > 0


def test_a_choice_says_its_thresholds_as_probabilities_at_its_own_prevalence():
    rule = DecisionRule(temperature=1.3)
    found = list(tried().choices(rule, PREVALENCES))
    assert [each.decided.prevalence for each in found] == list(PREVALENCES)
    assert all(0 < each.low < each.high <= 1 for each in found)
    assert [each.low for each in found] == sorted(each.low for each in found)  # the same logit says less where few are


def test_a_set_that_can_not_be_split_has_no_choices():
    made = tried()
    one_each = facts(made.facts.stalled, project_ids=["A" if each else "C" for each in made.facts.stalled])
    again = Tried.of(made.logits, one_each, made.redrawn, LIMITS)
    assert again.promise(DecisionRule()).crossed is None
    assert list(again.choices(DecisionRule(), PREVALENCES)) == []
