"""A row's answers are measured alone, and against the first row's on the same clips, drawn again alike."""

from dataclasses import replace

import numpy as np
import pytest

from training.contest.answers import Answers, measured
from training.measures import Ranking

CLIPS, PREVALENCE = 400, 0.3


def answers(*noises: float, seed: int = 0) -> Answers:
    """Of one network for each noise; the first half of the clips is hard for all of them."""
    rng = np.random.default_rng(seed)
    stalled = np.arange(CLIPS) % 3 == 0
    hardness = np.where(np.arange(CLIPS) < CLIPS // 2, 1.5, 0.3) * np.random.default_rng(9).standard_normal(CLIPS)
    logits = [(stalled + hardness + noise * rng.standard_normal(CLIPS)).astype(np.float32) for noise in noises]
    return Answers(
        clip_ids=np.array([f"clip-{number}" for number in range(CLIPS)]),
        stalled=stalled,
        projects=np.array(list("ABCD") * (CLIPS // 4)),
        rankings=tuple(Ranking(each, stalled) for each in logits),
        called=tuple(each > 0.5 for each in logits),
    )


def test_the_first_row_is_not_measured_against_itself_and_one_that_answers_alike_is_as_good():
    first, twin = answers(0.2, 0.3), answers(0.2, 0.3)
    assert measured(first, first=first, prevalence=PREVALENCE).above_first is None
    difference = measured(twin, first=first, prevalence=PREVALENCE).above_first
    assert difference is not None
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_a_worse_row_is_known_to_be_worse_though_the_rows_own_intervals_overlap():
    better, worse = answers(0.2, 0.2), answers(*[0.8] * 6, seed=1)
    first = measured(better, first=better, prevalence=PREVALENCE)
    other = measured(worse, first=better, prevalence=PREVALENCE)
    assert other.pr_auc.high > first.pr_auc.low
    assert other.above_first is not None
    assert other.above_first.value == pytest.approx(other.pr_auc.value - first.pr_auc.value)
    assert other.above_first.high < 0
    assert len(other.mcc_seeds) == len(other.pr_auc_seeds) == 6
    assert other.pr_auc.value == pytest.approx(np.mean(other.pr_auc_seeds))


def test_rows_that_answered_to_other_clips_have_no_difference():
    first = answers(0.2)
    others = replace(answers(0.4), clip_ids=first.clip_ids[::-1])
    assert measured(others, first=first, prevalence=PREVALENCE).above_first is None
