"""Chooses the decision rule from validation logits: temperature, then three thresholds. Needs no torch."""

import math

import numpy as np
from numpy.typing import NDArray

from stream.verdict import DecisionRule
from training.data.splits import check_both_classes

_PLATEAU = 0.005
"""Thresholds whose MCC is within this of the best are as good: one set of clips can't tell them apart."""

Floats = NDArray[np.float64]


def choose_rule(
    logits: NDArray[np.floating], stalled: NDArray[np.bool_], *, prior: float, prevalence: float, error: float
) -> DecisionRule:
    """The rule for use where `prevalence` of the clips are stalled; validation clips are weighted to stand for that.

    1. `temperature` makes the probabilities as likely as can be (Guo et al. 2017, arXiv 1706.04599).
    2. `decide` is the middle of the plateau on which MCC is highest.
    3. Of the clips from `high` on at most `error` are flowing, and of those below `low` at most `error` are stalled.
       Neither crosses `decide`; where the classes overlap little, they meet there and nothing is uncertain.

    Args:
        logits: `[N]`, of clips that were not trained on.
        stalled: `[N]`, their labels.
        prior: share of stalled clips that the network saw in training.
        prevalence: share of stalled clips where the rule will be used.
        error: share of wrong verdicts that is accepted among those called stalled, and among those called flowing.

    Raises:
        UserError: the validation clips are all of one class.
    """
    check_both_classes(stalled, "validation")
    share = float(np.mean(stalled))
    weights = np.where(stalled, prevalence / share, (1 - prevalence) / (1 - share)) / len(stalled)
    neutral = DecisionRule.model_validate({"prior": prior, "prevalence": prevalence}).probability(0.0)
    shift = math.log(neutral / (1 - neutral))
    exact = logits.astype(np.float64)
    temperature = _temperature(exact, stalled, weights, shift)
    scores = exact / temperature + shift
    order = np.argsort(scores)
    cuts, positive, negative = _curves(scores[order], stalled[order], weights[order])
    decide = _plateau_middle(cuts, _mcc(positive, negative))
    high, low = _uncertain(cuts, positive, negative, decide, error)
    low, decide, high = (round(float(1 / (1 + np.exp(-cut))), 4) for cut in (low, decide, high))
    return DecisionRule(
        temperature=round(temperature, 4), prior=prior, prevalence=prevalence, low=low, high=high, decide=decide
    )


def _temperature(logits: Floats, stalled: NDArray[np.bool_], weights: Floats, shift: float) -> float:
    """By search among 121 values; the bounds matter only where the classes don't overlap and none is best."""
    signs = np.where(stalled, 1.0, -1.0)
    candidates = np.geomspace(0.25, 8.0, 121)
    losses = [np.sum(weights * np.logaddexp(0.0, -signs * (logits / t + shift))) for t in candidates]
    return float(candidates[np.argmin(losses)])


def _curves(scores: Floats, stalled: NDArray[np.bool_], weights: Floats) -> tuple[Floats, Floats, Floats]:
    """What each cut between two different scores does: cuts `[K]`, and the weight of stalled and of flowing clips
    `[K, 2]` on its two sides (below, from the cut on).
    """
    between = np.flatnonzero(np.diff(scores) > 0) + 1
    sides = []
    for each in (stalled, ~stalled):
        below = np.concatenate([[0.0], np.cumsum(weights * each)])
        sides.append(np.column_stack([below[between], below[-1] - below[between]]))
    return (scores[between - 1] + scores[between]) / 2, sides[0], sides[1]


def _mcc(positive: Floats, negative: Floats) -> Floats:
    (fn, tp), (tn, fp) = positive.T, negative.T
    mcc: Floats = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return mcc


def _plateau_middle(cuts: Floats, mcc: Floats) -> float:
    best = int(np.argmax(mcc))
    good = mcc >= mcc[best] - _PLATEAU
    first, last = best, best
    while first > 0 and good[first - 1]:
        first -= 1
    while last < len(cuts) - 1 and good[last + 1]:
        last += 1
    return float(cuts[first] + cuts[last]) / 2


def _uncertain(cuts: Floats, positive: Floats, negative: Floats, decide: float, error: float) -> tuple[float, float]:
    """The lowest `high` and the highest `low` that keep to the error; the outermost cut where none does."""
    wrong_above = negative[:, 1] / (positive[:, 1] + negative[:, 1])
    wrong_below = positive[:, 0] / (positive[:, 0] + negative[:, 0])
    highs, lows = cuts[wrong_above <= error], cuts[wrong_below <= error]
    high = float(highs.min()) if len(highs) else float(cuts[-1])
    low = float(lows.max()) if len(lows) else float(cuts[0])
    return max(high, decide), min(low, decide)
