"""Which clips can be decided without people, and what is promised of them."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.verdict import DecisionRule
from tests.training.measures.made import bell, projects
from training.measures import Ranking
from training.measures.bootstrap import Redrawn
from training.measures.calls import CallRates
from training.measures.coverage import CrossFit, Limits, Thresholds, choose_thresholds, decided, outcome

shares = st.floats(0.002, 0.6)
prevalences = st.sampled_from([0.003, 0.01, 0.05, 0.3, 0.7])


def choose(logits, stalled, **changes):
    wanted = {"prevalence": 0.3, "limits": Limits(), **changes}
    return choose_thresholds(Ranking(logits, stalled).rates(), **wanted)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 400), st.floats(0.05, 12), prevalences, shares, shares, st.integers(0, 100))
def test_chosen_thresholds_are_in_order_and_keep_all_three_limits(count, apart, prevalence, error, missed, seed):
    logits, stalled = bell(count, share=0.4, apart=apart, seed=seed)
    found = choose(logits, stalled, prevalence=prevalence, limits=Limits(error=error, missed=missed))
    assert found.low <= found.decide <= found.high
    shares = outcome(CallRates.of(found.call(logits), stalled), prevalence)
    assert not shares["wrong_stalled"] > error  # NaN where none is called so
    assert not shares["wrong_flowing"] > error
    assert shares["missed"] <= missed


@given(high=st.one_of(st.just(1.0), st.floats(0.5, 1)), probability=st.one_of(st.just(1.0), st.floats(0, 1)))
def test_a_rule_calls_here_what_it_calls_where_it_serves(high, probability):
    rule = DecisionRule(low=0.2, high=high)
    called = int(Thresholds.of(rule).call(np.array([probability]))[0])
    assert {1: "stalled", 0: "uncertain", -1: "flowing"}[called] == rule.label(probability)


@given(st.floats(0.001, 0.5), st.floats(0.001, 0.5))
def test_accepting_more_leaves_fewer_to_people(error, more):
    logits, stalled = bell(500, share=0.4, apart=5)
    strict, mild = (
        CallRates.of(choose(logits, stalled, limits=Limits(error=e, missed=e)).call(logits), stalled)
        for e in (error, min(0.99, error + more))
    )
    assert outcome(strict, 0.3)["share"] <= outcome(mild, 0.3)["share"] + 1e-9


def test_classes_that_do_not_overlap_leave_nothing_to_people_if_there_are_enough_clips():
    logits, stalled = np.linspace(-1, 1, 1000), np.arange(1000) >= 500
    found = choose(logits, stalled)
    assert found.low == found.decide == found.high
    assert (found.call(logits) != 0).all()


def test_few_clips_promise_nothing_however_well_they_are_told_apart():
    logits, stalled = np.array([-4.0, -3.0, 3.0, 4.0]), np.array([False, False, True, True])
    assert (choose(logits, stalled).call(logits) == 0).all()


def test_where_stalls_are_rare_calling_everything_flowing_is_no_way_out():
    logits, stalled = bell(5000, share=0.5, apart=0.1)  # next to nothing can be told
    found = choose(logits, stalled, prevalence=0.003, limits=Limits(error=0.01, missed=0.05))
    calls = found.call(logits)
    assert np.mean(calls[stalled] == -1) <= 0.05
    assert np.mean(calls == -1) < 0.1


def test_missed_stalls_are_expected_to_keep_the_limit_on_clips_that_come_later():
    missed = []
    for seed in range(60):
        found = choose(*bell(200, share=0.5, apart=4, seed=seed), limits=Limits(error=0.4, missed=0.05))
        logits, stalled = bell(2000, share=0.5, apart=4, seed=1000 + seed)
        missed.append(np.mean(found.call(logits)[stalled] == -1))
    assert 0.03 < np.mean(missed) <= 0.052


def test_decided_counts_verdicts_where_so_many_are_stalled():
    stalled = np.arange(200) < 100
    calls = np.zeros(200, np.int8)
    calls[:80], calls[80:85], calls[100:101], calls[101:191] = 1, -1, 1, -1
    found = decided(calls, stalled, Redrawn.of(stalled, projects(200)), prevalence=0.1)
    assert found.found.value == pytest.approx(0.8)
    assert found.missed.value == pytest.approx(0.05)
    assert found.stalled.value == pytest.approx(0.1 * 0.8 + 0.9 * 0.01)
    assert found.flowing.value == pytest.approx(0.1 * 0.05 + 0.9 * 0.9)
    assert found.share.value == pytest.approx(found.stalled.value + found.flowing.value)
    assert found.wrong_stalled is not None
    assert found.wrong_flowing is not None
    assert found.wrong_stalled.value == pytest.approx(0.009 / 0.089)
    assert found.wrong_flowing.value == pytest.approx(0.005 / 0.815)


def test_none_wrong_among_few_is_no_proof():
    stalled = np.arange(40) < 20
    calls = np.where(stalled, 1, -1).astype(np.int8)
    found = decided(calls, stalled, Redrawn.of(stalled, projects(40)), prevalence=0.1)
    assert found.wrong_stalled is not None
    assert found.wrong_stalled.value == found.missed.value == 0
    assert found.missed.high > 0.1
    assert found.wrong_stalled.high > 0.5


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=6, max_size=6), prevalences)
def test_no_share_lies_beyond_none_and_all_nor_outside_of_its_interval(counts, prevalence):
    calls = np.repeat(np.tile([-1, 0, 1], 2), [*np.add(counts, [1, 0, 0, 0, 0, 1])]).astype(np.int8)
    stalled = np.arange(len(calls)) > sum(counts[:3])
    found = decided(calls, stalled, Redrawn.of(stalled, projects(len(calls), of=2)), prevalence=prevalence)
    shares = [getattr(found, each.name) for each in fields(found) if each.name != "prevalence"]
    for each in filter(None, shares):
        assert 0 <= each.low <= each.value <= each.high <= 1 + 1e-9


def test_where_nearly_all_are_decided_no_more_than_all_may_be():
    stalled = np.arange(120) < 36
    calls = np.where(stalled, 1, -1).astype(np.int8)
    calls[119] = 0
    share = decided(calls, stalled, Redrawn.of(stalled, projects(120)), prevalence=0.003).share
    assert 0.98 < share.value < share.high <= 1


@pytest.mark.parametrize("of", [2, 3, 12])
def test_no_project_is_judged_by_thresholds_that_it_had_a_part_in(of):
    logits, stalled = bell(1200, share=0.5, apart=16)
    groups = projects(1200, of=of)
    shifted = logits + np.where(groups == "P0", 60, 0)  # as if its pictures were of another kind
    calls = CrossFit(shifted, stalled, groups).call(prevalence=0.3, limits=Limits())
    assert (calls[groups == "P0"] == 1).all()  # the others' thresholds know nothing of it


def test_the_clips_of_a_single_project_are_dealt_one_by_one():
    logits, stalled = bell(5000, share=0.5, apart=8)
    crossed = CrossFit(logits, stalled, projects(5000, of=1)).call(prevalence=0.3, limits=Limits())
    same = choose(logits, stalled).call(logits)
    assert np.mean(crossed != 0) == pytest.approx(np.mean(same != 0), abs=0.1)
    assert np.mean(crossed != 0) > 0.3


def test_a_set_whose_stalled_clips_are_all_of_one_project_can_not_be_split():
    logits, stalled = bell(100, share=0.5, apart=4)
    with pytest.raises(ValueError, match="one class"):
        CrossFit(logits, stalled, np.where(stalled, "A", "C"))
