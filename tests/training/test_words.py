"""Numbers as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.clip.spec import ClipSpec
from stream.verdict import DecisionRule
from training import words
from training.measures.coverage import Limits
from training.measures.needed import Basis


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (1 - 1e-16, "100 %"),
        (0.3, "30.0 %"),
        (0.003, "0.30 %"),
        (0.2984, "29.8 %"),
        (0.9998, "99.98 %"),
        (0.00004, "0.004 %"),
    ],
)
def test_percent(share, said):
    assert words.percent(share) == said


@pytest.mark.parametrize(("share", "said"), [(0.3, "30 %"), (0.003, "0.3 %"), (0.3417, "34.2 %"), (1, "100 %")])
def test_a_stated_share_has_no_digits_to_spare(share, said):
    assert words.stated(share) == said


@given(st.floats(1e-6, 1 - 1e-6))
def test_a_probability_is_never_written_as_certainty(value):
    assert 0 < float(words.probability(value)) < 1
    assert float(words.probability(value)) == pytest.approx(value, abs=0.1 * min(value, 1 - value))


def test_a_clip_spec():
    assert words.clip_spec(ClipSpec()) == (
        "16 frames of the central 32, 64x64 pixels at native scale, black outside of the outline, "
        "the distance to the outline as second channel"
    )


def basis(*, flowing: int, prevalence: float = 0.003, error: float = 0.01) -> Basis:
    return Basis(flowing, 10, prevalence, Limits(error=error))


@pytest.mark.parametrize(
    ("flowing", "said"),
    [
        (30_000, "there are 30,000; give more, or --error 0.011 at least"),
        (100, "there are 100; give more"),
        (36_501, "of 36,501 too many look stalled; give more, or wider limits"),
    ],
)
def test_who_chooses_a_rule_is_told_what_a_verdict_takes(flowing, said):
    of = basis(flowing=flowing)
    takes = "at 0.3 % stalled --error 0.01 takes at least 32,900 flowing clips to choose the rule on"
    assert words.never(of.for_stalled, of) == f"none will be called stalled: {takes}, and {said}"


def test_who_has_few_stalled_clips_is_told_that_too():
    few = basis(flowing=100, prevalence=0.3)
    assert words.never(few.for_flowing, few) == (
        "none will be called flowing: at 30 % stalled --missed 0.05 and --error 0.01 take at least 42 stalled clips to "
        "choose the rule on, and there are 10; give more, or wider limits"
    )


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.1, 0.9, "stalled from a probability of 0.900 on, flowing below 0.100, between them uncertain and left to"),
        (0.1, 1, "none is called stalled; flowing below a probability of 0.100, others are left to people; "),
        (0, 0.9, "stalled from a probability of 0.900 on, others are left to people; none is called flowing; "),
        (0, 1, "none is called stalled and none flowing: all are left to people; "),
    ],
)
def test_what_a_rule_never_calls_is_not_called_a_threshold(low, high, said):
    told = words.thresholds(DecisionRule(low=low, high=high))
    assert told.startswith(said)
    assert told.endswith("; where two classes are wanted, stalled from 0.500 on")
