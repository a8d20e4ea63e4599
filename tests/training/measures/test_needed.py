"""How many clips a promise takes, held against what thresholds are chosen."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from training.measures import Ranking
from training.measures.coverage import Limits, Thresholds, choose_thresholds
from training.measures.needed import Basis, flowing_needed, least_error, stalled_needed

LIMITS = Limits(error=0.01, missed=0.05)


def of_perfect_scores(*, flowing: int, stalled: int, prevalence: float, limits: Limits = LIMITS) -> Thresholds:
    labels = np.arange(flowing + stalled) >= flowing
    rates = Ranking(np.where(labels, 1.0, -1.0), labels).rates()
    return choose_thresholds(rates, prevalence=prevalence, limits=limits)


@pytest.mark.parametrize("prevalence", [0.003, 0.05, 0.3])
def test_calling_clips_stalled_takes_so_many_flowing_ones_and_not_one_less(prevalence):
    enough = flowing_needed(prevalence=prevalence, error=0.01)
    for flowing, possible in ((enough, True), (enough - 1, False)):
        found = of_perfect_scores(flowing=flowing, stalled=200, prevalence=prevalence)
        assert math.isfinite(found.high) == possible
    assert flowing_needed(prevalence=0.003, error=0.01) == 32_900


@pytest.mark.parametrize("prevalence", [0.003, 0.3, 0.7])
def test_calling_clips_flowing_takes_so_many_stalled_ones_and_not_one_less(prevalence):
    enough = stalled_needed(prevalence=prevalence, limits=LIMITS)
    for stalled, possible in ((enough, True), (enough - 1, False)):
        found = of_perfect_scores(flowing=200, stalled=stalled, prevalence=prevalence)
        assert math.isfinite(found.low) == possible
    assert stalled_needed(prevalence=0.003, limits=LIMITS) == 19


@example(0.25, 1)
@given(st.floats(0.001, 0.5), st.integers(1, 100_000))
def test_the_least_error_can_be_kept_by_so_many_and_is_no_more_than_a_tenth_above_what_can(prevalence, flowing):
    least = least_error(prevalence=prevalence, flowing=flowing)
    assert flowing_needed(prevalence=prevalence, error=1.000001 * least) <= flowing  # but for rounding
    assert flowing_needed(prevalence=prevalence, error=0.9 * least) > flowing


def test_a_network_that_finds_a_share_of_the_stalls_takes_as_many_more():
    """Half of the stalled clips score as low as flowing ones."""
    needed = flowing_needed(prevalence=0.05, error=0.01)
    for flowing, possible in ((2 * needed + 2, True), (2 * needed - 2, False)):
        labels = np.arange(flowing + 200) >= flowing
        scores = np.where(np.arange(flowing + 200) >= flowing + 100, 1.0, -1.0)
        found = choose_thresholds(Ranking(scores, labels).rates(), prevalence=0.05, limits=LIMITS)
        assert math.isfinite(found.high) == possible


def test_what_falls_short_is_known_before_any_network_is_and_what_is_lacking_afterwards():
    few = Basis.of(np.arange(1000) < 10, prevalence=0.003, limits=LIMITS)
    assert [(each.verdict, each.there, each.needed) for each in few.shortfalls()] == [
        ("stalled", 990, 32_900),
        ("flowing", 10, 19),
    ]
    enough = Basis(flowing=40_000, stalled=500, prevalence=0.003, limits=LIMITS)
    assert list(enough.shortfalls()) == []
    assert list(enough.lacks(low=0.001, high=0.9)) == []
    assert [each.verdict for each in enough.lacks(low=0.001, high=1)] == ["stalled"]
    assert [each.verdict for each in enough.lacks(low=0, high=0.9)] == ["flowing"]
