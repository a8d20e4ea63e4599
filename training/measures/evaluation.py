"""Evaluation: the measures of one network and rule on one set of clips."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from stream.verdict import DecisionRule
from training.measures.bootstrap import Estimate, Redrawn, Weights
from training.measures.calls import CallRates, estimate_calls
from training.measures.coverage import Thresholds
from training.measures.ranking import Bools, Floats, Ranking, mcc_at, ppv_at
from training.measures.reliability import brier, ece, ece_by_chance


class Evaluation(BaseModel):
    """A network's measures on one set of clips, with 95 % intervals.

    Intervals come from drawing projects, then clips, again (`bootstrap.Redrawn`), with the stalled clips weighted to
    the set's own prevalence; those that rest on counted verdicts are widened by Wilson's (`calls.estimate_calls`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    clips: int
    projects: int
    prevalence: float
    """Share of stalled clips in the set; MCC, PPV, PR-AUC and the Brier score depend on it."""
    mcc: Estimate
    ppv: Estimate | None
    """Of the clips called stalled, the share that is; None where none is called so."""
    sensitivity: Estimate
    specificity: Estimate
    pr_auc: Estimate
    roc_auc: Estimate
    sensitivity_at_99: Estimate
    """At the threshold of this set that calls at most 1 % of the flowing clips stalled."""
    sensitivity_at_999: Estimate
    """The same with .1 %."""
    brier: Estimate
    """Of probabilities at the set's own prevalence, as is `ece`."""
    ece: float
    ece_by_chance: float
    """What so many clips would show on average if their probabilities were right."""
    uncertain: float
    """Share of clips between the rule's `low` and `high`."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What the rule's `decide` gives where so many clips are stalled; the set's clips are re-weighted to that."""

    prevalence: float
    mcc: Estimate
    ppv: Estimate | None
    sensitivity: Estimate
    specificity: Estimate


def evaluate(
    logits: NDArray[np.floating], stalled: Bools, rule: DecisionRule, *, projects: NDArray[np.str_] | None = None
) -> Evaluation:
    """Measures logits `[N]` against labels `[N]`; two classes are told apart by the rule's `decide`.

    Args:
        logits: one for each clip.
        stalled: labels, of both classes.
        rule: says what a logit means.
        projects: `[N]`, of each clip; without them the clips count as one project's.
    """
    groups = np.zeros(len(stalled), np.str_) if projects is None else projects
    return evaluate_redrawn(logits, stalled, rule, Redrawn.of(stalled, groups))


def evaluate_redrawn(logits: NDArray[np.floating], stalled: Bools, rule: DecisionRule, redrawn: Redrawn) -> Evaluation:
    """As `evaluate`, with sets that are already drawn again."""
    prevalence = float(np.mean(stalled))
    probabilities = probabilities_of(logits, rule)
    own = probabilities_of(logits, rule.at_prevalence(prevalence))
    ranking = Ranking(logits, stalled)

    def measure(weights: Weights) -> dict[str, float]:
        rates = ranking.rates(weights)
        return {
            "pr_auc": rates.pr_auc(prevalence),
            "roc_auc": rates.roc_auc,
            "sensitivity_at_99": rates.sensitivity_at(0.99),
            "sensitivity_at_999": rates.sensitivity_at(0.999),
            "brier": brier(own, stalled, weights),
        }

    return Evaluation.model_validate(
        {
            "clips": len(stalled),
            "projects": redrawn.projects,
            "prevalence": prevalence,
            **two_classes(probabilities >= rule.decide, stalled, redrawn, prevalence=prevalence),
            **redrawn.estimate(measure),
            "ece": ece(own, stalled),
            "ece_by_chance": ece_by_chance(own),
            "uncertain": float(np.mean(Thresholds.of(rule).call(probabilities) == 0)),
        }
    )


def operating_point(
    logits: NDArray[np.floating], stalled: Bools, rule: DecisionRule, redrawn: Redrawn, *, prevalence: float
) -> OperatingPoint:
    """What the rule does where so many clips are stalled: its probabilities shift, its `decide` stays."""
    called = probabilities_of(logits, rule.at_prevalence(prevalence)) >= rule.decide
    return OperatingPoint(prevalence, **two_classes(called, stalled, redrawn, prevalence=prevalence))  # type: ignore[arg-type]  # by name


def probabilities_of(logits: NDArray[np.floating], rule: DecisionRule) -> Floats:
    """What the rule makes of logits, `[N]`, by the very function that serves."""
    return np.array([rule.probability(float(logit)) for logit in logits])


def two_classes(called: Bools, stalled: Bools, redrawn: Redrawn, *, prevalence: float) -> dict[str, Estimate | None]:
    """The measures of an `OperatingPoint`, by name, of clips `[N]` called stalled or flowing."""

    def outcome(rates: CallRates) -> dict[str, float]:
        return {
            "mcc": float(mcc_at(rates.found, rates.false, prevalence)),
            "ppv": float(ppv_at(rates.found, rates.false, prevalence)),
            "sensitivity": rates.found,
            "specificity": 1 - rates.false,
        }

    return estimate_calls(np.where(called, 1, -1).astype(np.int8), stalled, redrawn, outcome)
