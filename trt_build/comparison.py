"""Two models on the same labelled clips: which verdicts are others, and whether they are better ones."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stream.verdict import DecisionRule, Label
from training.data.clips import Facts
from training.measures import Estimate
from training.measures.bootstrap import Redrawn, Weights
from training.measures.calls import mcc_of
from training.measures.evaluation import probabilities_of, two_classes
from training.measures.ranking import Bools

VERDICTS: tuple[Label, ...] = ("flowing", "uncertain", "stalled")
"""From one end to the other."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model says of N clips."""

    probabilities: NDArray[np.float64]
    """`[N]`, at its rule's prevalence."""
    verdicts: NDArray[np.int8]
    """`[N]`, places in VERDICTS."""
    called: Bools
    """`[N]`, stalled where only two classes are wanted."""

    @classmethod
    def of(cls, logits: NDArray[np.floating], rule: DecisionRule) -> Self:
        """By the very rule that serves."""
        probabilities = probabilities_of(logits, rule)
        verdicts = [VERDICTS.index(rule.label(each)) for each in probabilities.tolist()]
        return cls(probabilities, np.array(verdicts, np.int8), probabilities >= rule.decide)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Models A and B on the same N clips. MCC is at the clips' own share of stalled ones, by each rule's `decide`."""

    facts: Facts
    a: Judged
    b: Judged
    mcc_a: Estimate
    mcc_b: Estimate
    gain: Estimate
    """MCC of B less that of A. Both are measured on each set that is drawn again, so what makes a set hard for both
    cancels out: this interval is narrower than those of the two let expect."""

    @classmethod
    def of(cls, facts: Facts, a: Judged, b: Judged) -> Self:
        """Measures; the clips are of both classes."""
        stalled, share = facts.stalled, float(np.mean(facts.stalled))
        redrawn = Redrawn.of(stalled, facts.project_ids)

        def gain(weights: Weights) -> dict[str, float]:
            before, after = (mcc_of(each.called, stalled, prevalence=share, weights=weights) for each in (a, b))
            return {"mcc": after - before}

        mcc_a, mcc_b, gained = (
            _defined(found["mcc"])
            for found in (
                two_classes(a.called, stalled, redrawn, prevalence=share),
                two_classes(b.called, stalled, redrawn, prevalence=share),
                redrawn.estimate(gain),
            )
        )
        return cls(facts, a, b, mcc_a, mcc_b, gained)

    @property
    def flips(self) -> NDArray[np.intp]:
        """Rows of the clips whose verdict is another one."""
        return np.flatnonzero(self.a.verdicts != self.b.verdicts)

    @property
    def better(self) -> int:
        """Flips towards the label."""
        towards = np.sign(self.b.verdicts - self.a.verdicts) == np.where(self.facts.stalled, 1, -1)
        return int(np.count_nonzero(towards[self.flips]))

    @property
    def opposite(self) -> int:
        """Flips from one end to the other, past `uncertain`."""
        return int(np.count_nonzero(np.abs(self.b.verdicts - self.a.verdicts) == len(VERDICTS) - 1))

    def counts(self, of: Bools) -> NDArray[np.intp]:
        """`[3, 3]`, numbers of some clips (`[N]`) by the verdict of A, and then by that of B; both as VERDICTS."""
        cells = len(VERDICTS) * self.a.verdicts[of].astype(np.intp) + self.b.verdicts[of]
        return np.bincount(cells, minlength=len(VERDICTS) ** 2).reshape(len(VERDICTS), len(VERDICTS))


def _defined(estimate: Estimate | None) -> Estimate:
    assert estimate is not None  # the MCC of calls that are all the same is 0
    return estimate
