"""Study: all that is measured of one checkpoint's rule on one set of clips; pages and cards show it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.verdict import DecisionRule
from training.data.clips import Facts
from training.measures.bootstrap import Redrawn
from training.measures.calls import Calls
from training.measures.coverage import CrossFit, Decided, Limits, Thresholds, choose_thresholds, decided
from training.measures.curves import (
    Banded,
    CoverageCurves,
    ThresholdCurves,
    by_threshold,
    coverage,
    precision_recall,
    roc,
)
from training.measures.evaluation import Evaluation, OperatingPoint, evaluate_redrawn, operating_point, probabilities_of
from training.measures.ranking import Bools, Floats, Ranking, Rates
from training.measures.reliability import Bin, reliability
from training.measures.subsets import Grouping, groupings

PREVALENCES = (0.003, 0.01, 0.05, 0.3)
"""Shares of stalled clips that are reported: from the field's to that of the competition's small subsets."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Thresholds chosen for a prevalence on other projects than they are tried on, and what they decide."""

    decided: Decided
    low: float
    """As a probability at that prevalence; chosen on the whole set, as one would for use. 0: none is called flowing."""
    high: float
    """1: none is called stalled."""
    curves: CoverageCurves


@dataclass(frozen=True, slots=True)
class Promise:
    """One prevalence, three ways to come by thresholds, from the most to the least trustworthy."""

    rule: Decided
    """With the rule's own, chosen before these clips were seen."""
    crossed: Decided | None
    """Chosen on other projects of this set; None where its parts can't be of both classes."""
    same: Decided
    """Chosen on the very clips that they are tried on: too good."""


@dataclass(frozen=True, slots=True)
class Study:
    """Measures of N clips. Which clips are stalled, and more of each, is in `facts`."""

    name: str
    description: str
    """Of the clips, in words."""
    facts: Facts
    rule: DecisionRule
    limits: Limits
    probabilities: Floats
    """`[N]`, at the rule's prevalence: as the service gives them."""
    evaluation: Evaluation
    points: tuple[OperatingPoint, ...]
    roc: Banded
    precision_recall: Banded
    bins: tuple[Bin, ...]
    """Of probabilities at the set's own prevalence."""
    thresholds: tuple[ThresholdCurves, ...]
    promise: Promise
    """At the rule's prevalence."""
    choices: tuple[Choice, ...]
    """One for each of `PREVALENCES`; none where the set can't be cross-fitted."""
    groupings: tuple[Grouping, ...]

    @property
    def called(self) -> Bools:
        """`[N]`, the clips that the rule's `decide` calls stalled."""
        return self.probabilities >= self.rule.decide


def study(
    name: str,
    description: str,
    facts: Facts,
    logits: NDArray[np.floating],
    rule: DecisionRule,
    limits: Limits,
) -> Study:
    """Measures logits `[N]` of clips, of both classes, with these facts.

    Args:
        name: of the set.
        description: of the clips, in words.
        facts: labels, projects, lengths and boxes.
        logits: one for each clip.
        rule: of the checkpoint, chosen on other clips.
        limits: what verdicts that no person checks must keep.
    """
    stalled, share = facts.stalled, float(np.mean(facts.stalled))
    redrawn, ranking = Redrawn.of(stalled, facts.project_ids), Ranking(logits, stalled)
    probabilities = probabilities_of(logits, rule)
    coverage = _Coverage(logits, facts, redrawn, ranking.rates(), limits, _cross_fit(logits, facts))
    return Study(
        name=name,
        description=description,
        facts=facts,
        rule=rule,
        limits=limits,
        probabilities=probabilities,
        evaluation=evaluate_redrawn(logits, stalled, rule, redrawn),
        points=tuple(operating_point(logits, stalled, rule, redrawn, prevalence=each) for each in PREVALENCES),
        roc=roc(ranking, redrawn),
        precision_recall=precision_recall(ranking, redrawn),
        bins=reliability(probabilities_of(logits, rule.at_prevalence(share)), stalled),
        thresholds=tuple(by_threshold(logits, stalled, rule, prevalence=each) for each in PREVALENCES),
        promise=coverage.promise(probabilities, rule),
        choices=tuple(coverage.choices(rule)),
        groupings=groupings(facts, probabilities >= rule.decide),
    )


def _cross_fit(logits: NDArray[np.floating], facts: Facts) -> CrossFit | None:
    try:
        return CrossFit(logits, facts.stalled, facts.project_ids)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Coverage:
    """Tries thresholds that come from here or there."""

    logits: NDArray[np.floating]
    facts: Facts
    redrawn: Redrawn
    rates: Rates
    limits: Limits
    fitted: CrossFit | None

    def promise(self, probabilities: Floats, rule: DecisionRule) -> Promise:
        of_rule = Thresholds(low=rule.low, decide=rule.decide, high=rule.high).call(probabilities)
        of_these = self._chosen(rule.prevalence).call(self.logits)
        return Promise(
            rule=self._tried(of_rule, rule.prevalence),
            crossed=self._crossed(self.fitted, rule.prevalence) if self.fitted else None,
            same=self._tried(of_these, rule.prevalence),
        )

    def choices(self, rule: DecisionRule) -> Iterator[Choice]:
        if self.fitted is None:
            return
        for prevalence in PREVALENCES:
            chosen, there = self._chosen(prevalence), rule.at_prevalence(prevalence)
            yield Choice(
                decided=self._crossed(self.fitted, prevalence),
                low=there.probability(chosen.low),
                high=there.probability(chosen.high),
                curves=coverage(self.fitted, self.facts.stalled, prevalence=prevalence, limits=self.limits),
            )

    def _chosen(self, prevalence: float) -> Thresholds:
        return choose_thresholds(self.rates, prevalence=prevalence, limits=self.limits)

    def _crossed(self, fitted: CrossFit, prevalence: float) -> Decided:
        return self._tried(fitted.call(prevalence=prevalence, limits=self.limits), prevalence)

    def _tried(self, calls: Calls, prevalence: float) -> Decided:
        return decided(calls, self.facts.stalled, self.redrawn, prevalence=prevalence)
