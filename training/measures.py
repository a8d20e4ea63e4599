"""How well logits tell stalled from flowing, with what the number of clips leaves open. Needs no torch."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from stream.measures import Confusion
from stream.verdict import DecisionRule

_RESAMPLES = 2000

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]


class Evaluation(BaseModel):
    """A network's measures on one set of clips; `*_low` and `*_high` bound the 95 % interval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clips: int
    prevalence: float
    """Share of stalled clips in the set; MCC and PR-AUC depend on it."""
    mcc: float
    mcc_low: float
    mcc_high: float
    sensitivity: float
    sensitivity_low: float
    sensitivity_high: float
    specificity: float
    specificity_low: float
    specificity_high: float
    pr_auc: float
    uncertain: float
    """Share of clips between the rule's `low` and `high`."""


def evaluate(logits: Floats, stalled: Bools, rule: DecisionRule) -> Evaluation:
    """Measures logits `[N]` against labels `[N]`; two classes are told apart by the rule's `decide`."""
    probabilities = np.array([rule.probability(float(logit)) for logit in logits])
    called = probabilities >= rule.decide
    confusion = Confusion.of(zip(stalled.tolist(), called.tolist(), strict=True))
    low, high = mcc_interval(stalled, called)
    return Evaluation(
        clips=confusion.total,
        prevalence=confusion.prevalence,
        mcc=confusion.mcc,
        mcc_low=low,
        mcc_high=high,
        sensitivity=confusion.sensitivity,
        sensitivity_low=confusion.sensitivity_interval.low,
        sensitivity_high=confusion.sensitivity_interval.high,
        specificity=confusion.specificity,
        specificity_low=confusion.specificity_interval.low,
        specificity_high=confusion.specificity_interval.high,
        pr_auc=pr_auc(logits, stalled),
        uncertain=float(np.mean((probabilities >= rule.low) & (probabilities < rule.high))),
    )


def mcc_interval(stalled: Bools, called: Bools, *, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap of MCC: clips are drawn again with replacement."""
    return tuple(np.quantile(list(_resampled(stalled, called, seed)), (0.025, 0.975)).tolist())


def _resampled(stalled: Bools, called: Bools, seed: int) -> Iterator[float]:
    rng = np.random.default_rng(seed)
    shares = [np.mean((stalled == truth) & (called == said)) for truth, said in _CELLS]
    for tp, fp, tn, fn in rng.multinomial(len(stalled), shares, _RESAMPLES).tolist():
        yield Confusion(tp, fp, tn, fn).mcc


_CELLS = ((True, True), (False, True), (False, False), (True, False))


def pr_auc(scores: Floats, stalled: Bools) -> float:
    """Area under precision over recall by steps (average precision); NaN without stalled clips.

    Clips of equal score are ranked together.
    """
    if not stalled.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    last_of_score = np.append(np.diff(scores[order]) != 0, True)
    found = np.cumsum(stalled[order])[last_of_score]
    called = np.flatnonzero(last_of_score) + 1
    return float(np.sum(np.diff(found, prepend=0) * found / called) / stalled.sum())
