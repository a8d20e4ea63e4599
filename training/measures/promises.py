"""What thresholds decide without people, according to where they were chosen: elsewhere, on others, on these clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stream.verdict import DecisionRule
from training.data.clips import Facts
from training.measures.bootstrap import Redrawn
from training.measures.calls import Calls
from training.measures.coverage import CrossFit, Decided, Limits, Thresholds, choose_thresholds, decided
from training.measures.curves import CoverageCurves, coverage
from training.measures.evaluation import probabilities_of
from training.measures.ranking import Ranking, Rates


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
    """With the rule's own, which the checkpoint came with."""
    crossed: Decided | None
    """Chosen on other projects of this set; None where its parts can't be of both classes."""
    same: Decided
    """Chosen on the very clips that they are tried on: too good."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A set of clips that thresholds are chosen and tried on."""

    logits: NDArray[np.floating]
    facts: Facts
    redrawn: Redrawn
    limits: Limits
    rates: Rates
    fitted: CrossFit | None
    """None where a part of the set would leave clips of one class to choose on."""

    @classmethod
    def of(cls, logits: NDArray[np.floating], facts: Facts, redrawn: Redrawn, limits: Limits) -> Self:
        """Sorts logits `[N]` of clips with these facts."""
        rates = Ranking(logits, facts.stalled).rates()
        try:
            fitted = CrossFit(logits, facts.stalled, facts.project_ids)
        except ValueError:
            fitted = None
        return cls(logits, facts, redrawn, limits, rates, fitted)

    def promise(self, rule: DecisionRule) -> Promise:
        """At the rule's prevalence."""
        of_rule = Thresholds.of(rule).call(probabilities_of(self.logits, rule))
        of_these = self._chosen(rule.prevalence).call(self.logits)
        return Promise(
            rule=self._tried(of_rule, rule.prevalence),
            crossed=self._crossed(self.fitted, rule.prevalence) if self.fitted else None,
            same=self._tried(of_these, rule.prevalence),
        )

    def choices(self, rule: DecisionRule, prevalences: Sequence[float]) -> Iterator[Choice]:
        """Thresholds for each prevalence, as the rule's probabilities there; none without `fitted`."""
        if self.fitted is None:
            return
        for prevalence in prevalences:
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
