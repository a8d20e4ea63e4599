"""What the networks of a contest's row answer to one test set, and the measures of it, alone and against another row's.

Rows answer to the same clips. Where two find the same clips hard, their difference is known better than either row's
own measure; where they answer very differently, it is not. Seeds are in no interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from training.data.clips import Clips
from training.measures import Estimate, Ranking
from training.measures.bootstrap import Redrawn, Weights
from training.measures.calls import mcc_of
from training.measures.ranking import Bools, Rates


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a row's networks, one for each seed, make of N clips."""

    clip_ids: NDArray[np.str_]
    stalled: Bools
    projects: NDArray[np.str_]
    rankings: tuple[Ranking, ...]
    called: tuple[Bools, ...]
    """Whom each calls stalled, `[N]`."""

    @classmethod
    def of(
        cls,
        parts: Sequence[Clips],
        logits: Sequence[Sequence[NDArray[np.float32]]],
        called: Sequence[Sequence[Bools]],
    ) -> Self:
        """Joins the parts that the splits of a contest test; `logits` and `called` are by seed, then by part."""
        stalled = np.concatenate([part.stalled for part in parts])
        return cls(
            clip_ids=np.concatenate([part.facts.clip_ids for part in parts]),
            stalled=stalled,
            projects=np.concatenate([part.facts.project_ids for part in parts]),
            rankings=tuple(Ranking(np.concatenate(each), stalled) for each in logits),
            called=tuple(np.concatenate(each) for each in called),
        )

    def rates(self, weights: Weights) -> list[Rates]:
        """Of each seed, where each clip counts so many times."""
        return [ranking.rates(weights) for ranking in self.rankings]


@dataclass(frozen=True, slots=True)
class Result:
    """What a row came to on one set: means over its seeds."""

    mcc: Estimate
    pr_auc: Estimate
    sensitivity_at_95: Estimate
    """At the threshold of this set that calls at most 5 % of the flowing clips stalled."""
    sensitivity_at_99: Estimate
    above_first: Estimate | None
    """PR-AUC above that of the table's first row, both on the same clips, drawn again alike; None of that row itself,
    and of a row that was tested on other clips."""
    prevalence: float
    """That the measures hold for; the set's clips are re-weighted to it."""
    mcc_seeds: tuple[float, ...]
    """Of each seed, as `pr_auc_seeds`."""
    pr_auc_seeds: tuple[float, ...]


def measured(answers: Answers, *, first: Answers, prevalence: float) -> Result:
    """The measures of a row, also against the table's first one, with intervals by projects and then clips."""
    mcc = partial(mcc_of, stalled=answers.stalled, prevalence=prevalence)
    paired = answers is not first and np.array_equal(answers.clip_ids, first.clip_ids)

    def pr_auc(rates: Sequence[Rates]) -> float:
        return float(np.mean([each.pr_auc(prevalence) for each in rates]))

    def measure(weights: Weights) -> dict[str, float]:
        rates = answers.rates(weights)
        return {
            "mcc": float(np.mean([mcc(calls, weights=weights) for calls in answers.called])),
            "pr_auc": pr_auc(rates),
            "sensitivity_at_95": float(np.mean([each.sensitivity_at(0.95) for each in rates])),
            "sensitivity_at_99": float(np.mean([each.sensitivity_at(0.99) for each in rates])),
            "above_first": pr_auc(rates) - pr_auc(first.rates(weights)) if paired else np.nan,
        }

    found = Redrawn.of(answers.stalled, answers.projects).estimate(measure)
    above_first = found.pop("above_first")
    sure = {name: each for name, each in found.items() if each is not None}
    return Result(
        **sure,
        above_first=above_first,
        prevalence=prevalence,
        mcc_seeds=tuple(mcc(calls) for calls in answers.called),
        pr_auc_seeds=tuple(ranking.rates().pr_auc(prevalence) for ranking in answers.rankings),
    )
