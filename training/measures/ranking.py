"""All thresholds at once: what share of the stalled and of the flowing clips each of them calls stalled."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Shares = NDArray[np.float64] | float


def mcc_at(tpr: Shares, fpr: Shares, prevalence: float) -> Floats:
    """Matthews correlation where `prevalence` of the clips are stalled; 0 where all get the same verdict.

    It is the correlation of two yes-or-no variables: with q the share that is called stalled, their covariance is
    p (1 - p) (tpr - fpr) and their variances are p (1 - p) and q (1 - q).
    tpr .85 and fpr .007 give .85 where 5 % are stalled, and .475 where .3 % are.
    """
    called = prevalence * tpr + (1 - prevalence) * fpr
    spread = np.sqrt(np.clip(called * (1 - called), 0.0, None))
    difference = np.sqrt(prevalence * (1 - prevalence)) * (tpr - fpr)
    mcc: Floats = np.divide(difference, spread, out=np.zeros(np.shape(spread)), where=spread > 1e-12)
    return mcc


def ppv_at(tpr: Shares, fpr: Shares, prevalence: float) -> Floats:
    """Share of the clips called stalled that are, where `prevalence` of all are; NaN where none is called stalled."""
    right = np.asarray(prevalence * tpr)
    called = right + (1 - prevalence) * fpr
    ppv: Floats = np.divide(right, called, out=np.full(np.shape(called), np.nan), where=called > 0)
    return ppv


@dataclass(frozen=True, slots=True)
class Rates:
    """What each of the cuts does, from the one that calls nothing stalled to the one that calls everything so."""

    cuts: Floats
    """`[K]`, falling, +inf first and -inf last: scores from a cut on are called stalled."""
    tpr: Floats
    """`[K]`, share of the stalled clips that are called stalled: the sensitivity."""
    fpr: Floats
    """`[K]`, share of the flowing clips that are called stalled: 1 - specificity."""
    stalled: float
    """Number of the stalled clips."""
    flowing: float

    @property
    def prevalence(self) -> float:
        """Share of the clips that are stalled."""
        return self.stalled / (self.stalled + self.flowing)

    @property
    def roc_auc(self) -> float:
        """Probability that a stalled clip scores higher than a flowing one, equal scores counted as half."""
        return float(np.trapezoid(self.tpr, self.fpr))

    def pr_auc(self, prevalence: float) -> float:
        """Area under precision over recall by steps (average precision) where so many are stalled.

        Clips of equal score are ranked together: equal scores throughout give the prevalence.
        """
        precision = np.nan_to_num(ppv_at(self.tpr[1:], self.fpr[1:], prevalence))
        return float(np.sum(np.diff(self.tpr) * precision))

    def sensitivity_at(self, specificity: float) -> float:
        """Highest sensitivity of a cut that keeps the specificity."""
        return float(self.tpr[self.fpr <= 1 - specificity].max())


class Ranking:
    """Clips in the order of their scores, sorted once for any number of re-weightings."""

    def __init__(self, scores: NDArray[np.floating], stalled: Bools) -> None:
        """From scores and labels `[N]`; a higher score speaks for stalled."""
        order = np.argsort(-scores, kind="stable")
        ordered = scores[order].astype(np.float64)
        self._order, self._stalled = order, stalled[order]
        self._ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
        """Last place of each distinct score."""
        distinct = ordered[self._ends]
        self.cuts: Floats = np.concatenate([[np.inf], (distinct[:-1] + distinct[1:]) / 2, [-np.inf]])

    def rates(self, weights: NDArray[np.integer] | None = None) -> Rates:
        """The rates of all cuts; with weights `[N]`, of clips that are there so many times.

        Both classes must be there.
        """
        stalled = self._stalled.astype(np.float64)
        flowing = 1 - stalled
        if weights is not None:
            stalled, flowing = stalled * weights[self._order], flowing * weights[self._order]
        tp, fp = (np.concatenate([[0.0], np.cumsum(each)[self._ends]]) for each in (stalled, flowing))
        return Rates(self.cuts, tp / tp[-1], fp / fp[-1], float(tp[-1]), float(fp[-1]))
