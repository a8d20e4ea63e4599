"""Study: all that is measured of one checkpoint's rule on one set of clips; pages and cards show it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.verdict import DecisionRule
from training.data.clips import Facts
from training.measures.bootstrap import Redrawn
from training.measures.coverage import Limits
from training.measures.curves import (
    Banded,
    ThresholdCurves,
    by_threshold,
    precision_recall,
    roc,
)
from training.measures.evaluation import Evaluation, OperatingPoint, evaluate_redrawn, operating_point, probabilities_of
from training.measures.promises import Choice, Promise, Tried
from training.measures.ranking import Bools, Floats, Ranking
from training.measures.reliability import Bin, reliability
from training.measures.seen import Seen
from training.measures.subsets import Grouping, groupings

PREVALENCES = (0.003, 0.01, 0.05, 0.3)
"""Shares of stalled clips that are reported, beside the rule's own: from the field's to that of the competition's small
subsets."""


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
    """One for each of `prevalences`; none where the set can't be cross-fitted."""
    groupings: tuple[Grouping, ...]
    seen: Seen
    """What of these clips the checkpoint knows."""

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
    *,
    seen: Seen,
) -> Study:
    """Measures logits `[N]` of clips, of both classes, with these facts.

    Args:
        name: of the set.
        description: of the clips, in words.
        facts: labels, projects, lengths and boxes.
        logits: one for each clip.
        rule: of the checkpoint.
        limits: what verdicts that no person checks must keep.
        seen: what of these clips the checkpoint knows.
    """
    stalled, share = facts.stalled, float(np.mean(facts.stalled))
    redrawn, ranking = Redrawn.of(stalled, facts.project_ids), Ranking(logits, stalled)
    probabilities = probabilities_of(logits, rule)
    tried = Tried.of(logits, facts, redrawn, limits)
    prevalences = tuple(sorted({*PREVALENCES, rule.prevalence}))
    return Study(
        name=name,
        description=description,
        facts=facts,
        rule=rule,
        limits=limits,
        probabilities=probabilities,
        evaluation=evaluate_redrawn(logits, stalled, rule, redrawn),
        points=tuple(operating_point(logits, stalled, rule, redrawn, prevalence=each) for each in prevalences),
        roc=roc(ranking, redrawn),
        precision_recall=precision_recall(ranking, redrawn),
        bins=reliability(probabilities_of(logits, rule.at_prevalence(share)), stalled),
        thresholds=tuple(by_threshold(logits, stalled, rule, prevalence=each) for each in prevalences),
        promise=tried.promise(rule),
        choices=tuple(tried.choices(rule, prevalences)),
        groupings=groupings(facts, probabilities >= rule.decide),
        seen=seen,
    )
