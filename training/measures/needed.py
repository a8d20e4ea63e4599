"""How many clips a rule must be chosen on before it can promise anything, from what is promised.

None wrong of n counts as 1 wrong of n + 1 (`coverage.choose_thresholds`), so few clips promise nothing, however well
they are told apart. These are least numbers, for classes that don't overlap: where only a share of the stalled clips
scores above all flowing ones, it takes as many flowing clips divided by that share.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Self

from training.measures.coverage import Limits
from training.measures.ranking import Bools

Verdict = Literal["stalled", "flowing"]
"""That is given without people."""


def flowing_needed(*, prevalence: float, error: float) -> int:
    """Flowing clips that a set must have before any clip can be called stalled with that error.

    From (1 - p) / (n + 1) <= error * ((1 - p) / (n + 1) + p), where no flowing clip scores as high as any stalled.
    """
    return math.ceil((1 - prevalence) * (1 - error) / (prevalence * error)) - 1


def stalled_needed(*, prevalence: float, limits: Limits) -> int:
    """Stalled clips that a set must have before any clip can be called flowing within these limits.

    From 1 / (n + 1) <= missed, and p / (n + 1) <= error * (p / (n + 1) + 1 - p), where no stalled clip scores as low
    as any flowing.
    """
    of_error = prevalence * (1 - limits.error) / ((1 - prevalence) * limits.error)
    return math.ceil(max(1 / limits.missed, of_error)) - 1


def least_error(*, prevalence: float, flowing: int) -> float:
    """The least error with which so many flowing clips may let any clip be called stalled, rounded up to two digits."""
    exact = (1 - prevalence) / (1 - prevalence + prevalence * (flowing + 1))
    unit = 10.0 ** (math.floor(math.log10(exact)) - 1)
    return math.ceil(exact / unit) * unit


def never_given(*, low: float, high: float) -> Iterator[Verdict]:
    """The verdicts that these thresholds never give, which are probabilities."""
    if high >= 1:
        yield "stalled"
    if low <= 0:
        yield "flowing"


@dataclass(frozen=True, slots=True)
class Lack:
    """A verdict that is never given, since the clips at hand can't show how often it would be wrong."""

    verdict: Verdict
    there: int
    """Clips of the other class: those that the verdict would be wrong about."""
    needed: int
    """At least."""

    @property
    def too_few(self) -> bool:
        """Whether it is their number; else too many of them look like those that the verdict is for."""
        return self.there < self.needed


@dataclass(frozen=True, slots=True)
class Basis:
    """What thresholds are chosen on and for."""

    flowing: int
    stalled: int
    prevalence: float
    limits: Limits

    @classmethod
    def of(cls, labels: Bools, *, prevalence: float, limits: Limits) -> Self:
        """Clips with these labels, true for stalled."""
        stalled = int(labels.sum())
        return cls(len(labels) - stalled, stalled, prevalence, limits)

    @property
    def for_stalled(self) -> Lack:
        """What calling clips stalled takes."""
        return Lack("stalled", self.flowing, flowing_needed(prevalence=self.prevalence, error=self.limits.error))

    @property
    def for_flowing(self) -> Lack:
        """What calling clips flowing takes."""
        return Lack("flowing", self.stalled, stalled_needed(prevalence=self.prevalence, limits=self.limits))

    def shortfalls(self) -> Iterator[Lack]:
        """Verdicts that no thresholds can give that are chosen on so few clips, whatever the network."""
        return (each for each in (self.for_stalled, self.for_flowing) if each.too_few)

    def lacks(self, *, low: float, high: float) -> Iterator[Lack]:
        """What it would take for the verdicts that these thresholds never give."""
        of = {"stalled": self.for_stalled, "flowing": self.for_flowing}
        return (of[each] for each in never_given(low=low, high=high))
