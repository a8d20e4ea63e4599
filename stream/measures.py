"""How well two-class verdicts agree with the truth: MCC, sensitivity and specificity from four counts."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

_Z95 = 1.959964
"""Quantile .975 of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of verdicts; "positive" means stalled. Print `prevalence` beside `mcc`: it depends on it."""

    tp: int
    """Stalled, and said so."""
    fp: int
    """Flowing, called stalled."""
    tn: int
    """Flowing, and said so."""
    fn: int
    """Stalled, called flowing."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[bool, bool]]) -> "Confusion":
        """Counts pairs of (truly stalled, called stalled)."""
        counts = {(True, True): 0, (False, True): 0, (False, False): 0, (True, False): 0}
        for truth, called in pairs:
            counts[bool(truth), bool(called)] += 1
        return cls(*counts.values())

    @property
    def total(self) -> int:
        """Number of clips."""
        return self.tp + self.fp + self.tn + self.fn

    @property
    def prevalence(self) -> float:
        """Share of the clips that are stalled; NaN without clips."""
        return _share(self.tp + self.fn, self.total)

    @property
    def mcc(self) -> float:
        """Matthews correlation coefficient, -1 to 1; 0 where a class or a verdict does not occur.

        Matthews 1975, Biochimica et Biophysica Acta 405:442-451.
        """
        margins = (self.tp + self.fp) * (self.tp + self.fn) * (self.tn + self.fp) * (self.tn + self.fn)
        return (self.tp * self.tn - self.fp * self.fn) / math.sqrt(margins) if margins else 0.0

    @property
    def sensitivity(self) -> float:
        """Share of the stalled clips that were called so; NaN without stalled clips."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """Share of the flowing clips that were called so; NaN without flowing clips."""
        return _share(self.tn, self.tn + self.fp)

    @property
    def sensitivity_interval(self) -> Interval:
        """Where the sensitivity lies, as far as this many stalled clips can tell."""
        return wilson(self.tp, self.tp + self.fn)

    @property
    def specificity_interval(self) -> Interval:
        """Where the specificity lies, as far as this many flowing clips can tell."""
        return wilson(self.tn, self.tn + self.fp)


def wilson(successes: int, trials: int) -> Interval:
    """95 % score interval of a share (Wilson 1927, JASA 22:209-212).

    10 of 10 -> 0.72 to 1; without trials -> 0 to 1.
    """
    if not trials:
        return Interval(0.0, 1.0)
    share, z2 = successes / trials, _Z95**2
    centre = share + z2 / (2 * trials)
    half = _Z95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    scale = 1 + z2 / trials
    return Interval(max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
