"""MCC, sensitivity, specificity and their intervals against textbook values and their own invariants."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.measures import Confusion, wilson

COUNT = st.integers(0, 500)
CONFUSIONS = st.builds(Confusion, COUNT, COUNT, COUNT, COUNT)


def test_counts_pairs_of_truth_and_verdict():
    pairs = [(True, True), (True, True), (True, False), (False, True), (False, False), (False, False), (False, False)]
    assert Confusion.of(pairs) == Confusion(tp=2, fp=1, tn=3, fn=1)


def test_a_known_example():
    confusion = Confusion(tp=90, fp=5, tn=95, fn=10)
    assert confusion.mcc == pytest.approx(0.851, abs=1e-3)
    assert (confusion.sensitivity, confusion.specificity, confusion.prevalence) == (0.90, 0.95, 0.5)


@given(CONFUSIONS)
def test_mcc_is_the_correlation_of_truth_and_verdict(confusion):
    counts = [confusion.tp, confusion.fp, confusion.tn, confusion.fn]
    truth, called = np.repeat([1.0, 0.0, 0.0, 1.0], counts), np.repeat([1.0, 1.0, 0.0, 0.0], counts)
    if len(set(truth)) < 2 or len(set(called)) < 2:
        assert confusion.mcc == 0.0
    else:
        assert confusion.mcc == pytest.approx(np.corrcoef(truth, called)[0, 1], abs=1e-9)


@given(CONFUSIONS)
def test_calling_everything_the_other_way_turns_the_sign(confusion):
    turned = Confusion(tp=confusion.fn, fp=confusion.tn, tn=confusion.fp, fn=confusion.tp)
    assert turned.mcc == pytest.approx(-confusion.mcc)


def test_without_clips_a_share_is_not_a_number():
    nothing = Confusion(0, 0, 0, 0)
    assert math.isnan(nothing.sensitivity)
    assert math.isnan(nothing.specificity)
    assert math.isnan(nothing.prevalence)
    assert nothing.mcc == 0.0


@given(st.integers(1, 5000), st.data())
def test_the_interval_holds_the_share_and_stays_within_0_and_1(trials, data):
    successes = data.draw(st.integers(0, trials))
    interval = wilson(successes, trials)
    assert 0 <= interval.low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= interval.high <= 1


def test_wilson_of_ten_successes_in_ten():
    interval = wilson(10, 10)
    assert interval.low == pytest.approx(0.7225, abs=1e-4)
    assert interval.high == pytest.approx(1.0)
