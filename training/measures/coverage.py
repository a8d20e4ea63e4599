"""What share of the clips can be decided without people at a stated error: risk against coverage.

A clip is called stalled, called flowing, or left to people. Where .3 % of the clips are stalled, calling all of them
flowing is wrong for .3 % of them and loses every stall: the error among the verdicts alone promises nothing there.
So three shares are limited: of the clips called stalled those that are not, of the clips called flowing those that
are not, and **of all stalled clips those that are called flowing**, which is what a count of stalls would lack.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from stream.verdict import DecisionRule
from training.data.splits import deal
from training.measures.bootstrap import Estimate, Redrawn
from training.measures.calls import CallRates, Calls, estimate_calls
from training.measures.ranking import Bools, Floats, Ranking, Rates, mcc_at

_PLATEAU = 0.005
"""Thresholds whose MCC is within this of the best are as good: one set of clips can't tell them apart."""
_FOLDS = 5


class Limits(BaseModel):
    """What is promised of verdicts that no person checks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    error: float = Field(default=0.01, gt=0, lt=1)
    """Of the clips called stalled at most this share is flowing; of those called flowing at most this is stalled."""
    missed: float = Field(default=0.05, gt=0, lt=1)
    """Of all stalled clips at most this share is called flowing."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """`low <= decide <= high`, in units of the score; infinite where no clip may be called so."""

    low: float
    decide: float
    high: float

    @classmethod
    def of(cls, rule: DecisionRule) -> Self:
        """A rule's, in units of its probability, which may be rounded to 1 where none is to be called stalled."""
        return cls(low=rule.low, decide=rule.decide, high=rule.high if rule.high < 1 else math.inf)

    def call(self, scores: NDArray[np.floating]) -> Calls:
        """Three-way verdicts of scores `[N]`."""
        return (scores >= self.high).astype(np.int8) - (scores < self.low).astype(np.int8)


@dataclass(frozen=True, slots=True)
class Decided:
    """What is decided without people where so many clips are stalled, and what of it is wrong."""

    prevalence: float
    share: Estimate
    """Of all clips, those that get a verdict: the next two together."""
    stalled: Estimate
    """Of all clips, those called stalled."""
    flowing: Estimate
    wrong_stalled: Estimate | None
    """Of the clips called stalled, those that flow; None where none is called so."""
    wrong_flowing: Estimate | None
    missed: Estimate
    """Of all stalled clips, those called flowing."""
    found: Estimate
    """Of all stalled clips, those called stalled; people find the rest, but for the missed ones."""


def choose_thresholds(rates: Rates, *, prevalence: float, limits: Limits) -> Thresholds:
    """The thresholds that leave fewest clips to people and keep the limits where so many clips are stalled.

    `decide` is the middle of the plateau on which MCC is highest; `low` and `high` don't cross it, and where the
    classes overlap little they meet there and nothing is uncertain.

    Errors are expected, not only counted: k wrong ones of n count as (k + 1) of (n + 1), for the clip that comes
    next may fall anywhere among the n (split conformal prediction: Vovk, Gammerman and Shafer 2005, Algorithmic
    Learning in a Random World). So what n clips can't show is not promised: where .3 % are stalled, an error of 1 %
    among those called stalled takes 33,000 flowing clips, none of them above `high`.
    """
    decide = _plateau_middle(rates.cuts, mcc_at(rates.tpr, rates.fpr, prevalence))
    false = (1 - prevalence) * _expected(rates.fpr, rates.flowing)
    lost = _expected(1 - rates.tpr, rates.stalled)
    stalled_holds = false <= limits.error * (false + prevalence * rates.tpr)
    flowing_holds = (prevalence * lost <= limits.error * (prevalence * lost + (1 - prevalence) * (1 - rates.fpr))) & (
        lost <= limits.missed
    )
    highs, lows = np.flatnonzero(stalled_holds[: decide + 1]), decide + np.flatnonzero(flowing_holds[decide:])
    return Thresholds(
        low=float(rates.cuts[lows[0]]) if len(lows) else -np.inf,
        decide=float(rates.cuts[decide]),
        high=float(rates.cuts[highs[-1]]) if len(highs) else np.inf,
    )


def outcome(rates: CallRates, prevalence: float) -> dict[str, float]:
    """The shares of `Decided` where so many clips are stalled, by name; NaN where one is undefined."""
    called_stalled = prevalence * rates.found + (1 - prevalence) * rates.false
    called_flowing = prevalence * rates.missed + (1 - prevalence) * rates.right
    return {
        "share": called_stalled + called_flowing,
        "stalled": called_stalled,
        "flowing": called_flowing,
        "wrong_stalled": (1 - prevalence) * rates.false / called_stalled if called_stalled else math.nan,
        "wrong_flowing": prevalence * rates.missed / called_flowing if called_flowing else math.nan,
        "missed": rates.missed,
        "found": rates.found,
    }


def decided(calls: Calls, stalled: Bools, redrawn: Redrawn, *, prevalence: float) -> Decided:
    """The shares, and what the number of clips and projects leaves open for these verdicts `[N]` as they are."""
    found = estimate_calls(calls, stalled, redrawn, lambda rates: outcome(rates, prevalence))
    return Decided(prevalence, **found)  # type: ignore[arg-type]  # by name


class CrossFit:
    """Thresholds chosen on some projects and tried on others, in turn, so that each clip is judged by others' choice.

    Thresholds look better than they are on the clips that they were chosen on. The clips of one project are dealt
    one by one.
    """

    def __init__(
        self, scores: NDArray[np.floating], stalled: Bools, projects: NDArray[np.str_], *, seed: int = 0
    ) -> None:
        """Sorts the folds' scores, once for any number of prevalences and limits.

        Raises:
            ValueError: a fold leaves clips of one class to choose on.
        """
        self._scores = scores
        folds = _in_folds(stalled, projects, seed)
        self._tried = [folds == fold for fold in np.unique(folds)]
        if not all(stalled[~tried].any() and not stalled[~tried].all() for tried in self._tried):
            raise ValueError("without one of its parts the set is of one class")
        self._chosen_on = [Ranking(scores[~tried], stalled[~tried]).rates() for tried in self._tried]

    def call(self, *, prevalence: float, limits: Limits) -> Calls:
        """The verdict of each clip by thresholds that were chosen on other projects."""
        calls = np.zeros(len(self._scores), np.int8)
        for tried, rates in zip(self._tried, self._chosen_on, strict=True):
            thresholds = choose_thresholds(rates, prevalence=prevalence, limits=limits)
            calls[tried] = thresholds.call(self._scores[tried])
        return calls


def _expected(share: Floats, count: float) -> Floats:
    """Of k = share * count wrong clips, the share (k + 1) / (count + 1)."""
    return (share * count + 1) / (count + 1)


def _plateau_middle(cuts: Floats, mcc: Floats) -> int:
    """The cut in the middle of those around the best that are as good; where all scores are equal the first, +inf."""
    if len(cuts) == 2:
        return 0
    best = 1 + int(np.argmax(mcc[1:-1]))
    good = mcc >= mcc[best] - _PLATEAU
    good[[0, -1]] = False
    first = last = best
    while good[first - 1]:
        first -= 1
    while good[last + 1]:
        last += 1
    return first + int(np.argmin(np.abs(cuts[first : last + 1] - (cuts[first] + cuts[last]) / 2)))


def _in_folds(stalled: Bools, projects: NDArray[np.str_], seed: int) -> NDArray[np.intp]:
    """`[N]`, the fold of each clip: whole projects, or clip by clip where there is only one."""
    if (count := len(np.unique(projects))) > 1:
        return deal(stalled, projects, count=min(_FOLDS, count), seed=seed)[0]
    ranks = np.lexsort((np.random.default_rng(seed).random(len(stalled)), stalled)).argsort()
    return ranks % _FOLDS
