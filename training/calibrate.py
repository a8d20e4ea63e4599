"""Chooses the decision rule from validation logits: temperature, then three thresholds. Needs no torch."""

import math

import numpy as np
from numpy.typing import NDArray

from stream.verdict import DecisionRule
from training.data.splits import check_both_classes
from training.measures.coverage import Limits, choose_thresholds
from training.measures.ranking import Ranking

_TIDY = 1e-3
"""Log-odds by which a threshold may be moved to be written with fewer digits."""

Floats = NDArray[np.float64]


def choose_rule(
    logits: NDArray[np.floating], stalled: NDArray[np.bool_], *, prior: float, prevalence: float, limits: Limits
) -> DecisionRule:
    """The rule for use where `prevalence` of the clips are stalled; validation clips are weighted to stand for that.

    1. `temperature` makes the probabilities as likely as can be (Guo et al. 2017, arXiv 1706.04599).
    2. `low`, `decide` and `high` are those of `coverage.choose_thresholds`. Where the clips are too few to show that
       the limits hold, `high` is 1 and none is called stalled, or `low` is 0 and none is called flowing.

    Args:
        logits: `[N]`, of clips that were not trained on.
        stalled: `[N]`, their labels.
        prior: share of stalled clips that the network saw in training.
        prevalence: share of stalled clips where the rule will be used.
        limits: what the verdicts of the rule must keep there.

    Raises:
        UserError: the validation clips are all of one class.
    """
    check_both_classes(stalled, "validation")
    share = float(np.mean(stalled))
    weights = np.where(stalled, prevalence / share, (1 - prevalence) / (1 - share)) / len(stalled)
    neutral = DecisionRule(prior=prior, prevalence=prevalence)
    shift = _log_odds(neutral.probability(0.0))
    exact = logits.astype(np.float64)
    calibrated = neutral.model_copy(update={"temperature": round(_temperature(exact, stalled, weights, shift), 4)})
    found = choose_thresholds(Ranking(exact, stalled).rates(), prevalence=prevalence, limits=limits)
    thresholds = {name: _tidy(calibrated.probability(getattr(found, name))) for name in ("low", "decide", "high")}
    return DecisionRule.model_validate({**calibrated.model_dump(), **thresholds})


def _temperature(logits: Floats, stalled: NDArray[np.bool_], weights: Floats, shift: float) -> float:
    """By search among 121 values; the bounds matter only where the classes don't overlap and none is best."""
    signs = np.where(stalled, 1.0, -1.0)
    candidates = np.geomspace(0.25, 8.0, 121)
    losses = [np.sum(weights * np.logaddexp(0.0, -signs * (logits / t + shift))) for t in candidates]
    return float(candidates[np.argmin(losses)])


def _tidy(probability: float) -> float:
    """The shortest decimal fraction that says the same: .0431 for .04312, but .99996 is not 1."""
    for digits in range(4, 17):
        short = round(probability, digits)
        if 0 < short < 1 and abs(_log_odds(short) - _log_odds(probability)) < _TIDY:
            return short
    return probability


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
