"""Curves of one set of clips, on grids coarse enough to be drawn, some with a 95 % band."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.verdict import DecisionRule
from training.measures.bootstrap import Redrawn
from training.measures.calls import CallRates
from training.measures.coverage import CrossFit, Limits, outcome
from training.measures.evaluation import probabilities_of
from training.measures.ranking import Bools, Floats, Ranking, Rates, mcc_at, ppv_at

_POINTS = 200
_BAND_RESAMPLES = 200
"""Fewer than for a number in a table: a band is looked at."""
_ODDS = np.linspace(-9, 9, _POINTS)
"""Log-odds of the thresholds that are drawn: probabilities of .0001 to .9999."""
SHARES = np.geomspace(0.002, 0.2, 13)
"""Accepted errors, or missed shares, for which coverage is drawn."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points `[K]`."""

    x: Floats
    y: Floats


@dataclass(frozen=True, slots=True)
class Banded(Curve):
    """With a band that holds 95 % of the curves of sets that are drawn again."""

    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class ThresholdCurves:
    """MCC and PPV against the threshold on the probability, where so many clips are stalled."""

    prevalence: float
    mcc: Curve
    ppv: Curve


@dataclass(frozen=True, slots=True)
class CoverageCurves:
    """Share decided without people where so many clips are stalled, by thresholds chosen on other projects."""

    prevalence: float
    by_error: Curve
    """Against the accepted error of verdicts, with the accepted share of missed stalls fixed."""
    by_missed: Curve
    """Against the accepted share of missed stalls, with the accepted error of verdicts fixed."""


def roc(ranking: Ranking, redrawn: Redrawn) -> Banded:
    """Sensitivity over the share of flowing clips called stalled, from half a clip on: the low end matters."""
    grid = np.geomspace(0.5 / ranking.rates().flowing, 1.0, _POINTS)
    return _banded(lambda rates: rates.tpr[np.searchsorted(rates.fpr, grid, side="right") - 1], grid, ranking, redrawn)


def precision_recall(ranking: Ranking, redrawn: Redrawn) -> Banded:
    """Precision of the first cut that reaches each recall, at the set's own prevalence."""
    grid = np.linspace(0, 1, _POINTS + 1)[1:]

    def precision(rates: Rates) -> Floats:
        cut = np.searchsorted(rates.tpr, grid - 1e-9)
        return ppv_at(rates.tpr[cut], rates.fpr[cut], rates.prevalence)

    return _banded(precision, grid, ranking, redrawn)


def by_threshold(
    logits: NDArray[np.floating], stalled: Bools, rule: DecisionRule, *, prevalence: float
) -> ThresholdCurves:
    """MCC and PPV of every threshold on the probability that the rule gives at that prevalence."""
    probabilities = probabilities_of(logits, rule.at_prevalence(prevalence))
    grid = 1 / (1 + np.exp(-_ODDS))
    tpr, fpr = (1 - np.searchsorted(np.sort(probabilities[each]), grid) / np.sum(each) for each in (stalled, ~stalled))
    return ThresholdCurves(
        prevalence,
        mcc=Curve(grid, mcc_at(tpr, fpr, prevalence)),
        ppv=Curve(grid, ppv_at(tpr, fpr, prevalence)),
    )


def coverage(fitted: CrossFit, stalled: Bools, *, prevalence: float, limits: Limits) -> CoverageCurves:
    """How the share decided grows with what is accepted: one limit is varied, the other stays."""

    def share(error: float, missed: float) -> float:
        calls = fitted.call(prevalence=prevalence, limits=Limits(error=error, missed=missed))
        return outcome(CallRates.of(calls, stalled), prevalence)["share"]

    return CoverageCurves(
        prevalence,
        by_error=Curve(SHARES, np.array([share(each, limits.missed) for each in SHARES.tolist()])),
        by_missed=Curve(SHARES, np.array([share(limits.error, each) for each in SHARES.tolist()])),
    )


def _banded(curve: Callable[[Rates], Floats], grid: Floats, ranking: Ranking, redrawn: Redrawn) -> Banded:
    whole = curve(ranking.rates())
    drawn = [curve(ranking.rates(weights)) for weights in redrawn.weights[:_BAND_RESAMPLES]]
    low, high = np.nanquantile([whole, *drawn], (0.025, 0.975), axis=0)
    return Banded(grid, whole, low, high)
