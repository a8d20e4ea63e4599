"""Whether probabilities mean what they say: of the clips given 30 %, are 30 % stalled?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.measures import Interval, wilson

BINS = 10
"""Of equal width."""
_SETS = 200

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Weights = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Bin:
    """Clips whose probability lies between two bounds."""

    low: float
    high: float
    clips: int
    stalled: int
    probability: float
    """Their mean."""

    @property
    def share(self) -> float:
        """Of its clips, those that are stalled."""
        return self.stalled / self.clips

    @property
    def interval(self) -> Interval:
        """Where that share lies, as far as this many clips can tell."""
        return wilson(self.stalled, self.clips)


def reliability(probabilities: Floats, stalled: Bools) -> tuple[Bin, ...]:
    """The bins that hold clips, from probabilities and labels `[N]`."""
    places = bins(probabilities)
    return tuple(
        Bin(
            low=place / BINS,
            high=(place + 1) / BINS,
            clips=int(np.sum(places == place)),
            stalled=int(np.sum(stalled[places == place])),
            probability=float(np.mean(probabilities[places == place])),
        )
        for place in np.unique(places).tolist()
    )


def bins(probabilities: Floats) -> NDArray[np.intp]:
    """`[N]`, the bin of each clip."""
    return np.minimum((probabilities * BINS).astype(np.intp), BINS - 1)


def brier(probabilities: Floats, stalled: Bools, weights: Weights) -> float:
    """Mean square of probability minus truth (Brier 1950, Monthly Weather Review 78:1-3).

    A proper score: only the true probabilities make it least. Always saying the prevalence p gives p (1 - p).
    """
    return float(np.average((probabilities - stalled) ** 2, weights=weights))


def ece(probabilities: Floats, stalled: Bools) -> float:
    """Expected calibration error: |mean probability - share stalled| of each bin, averaged over the clips.

    Naeini, Cooper and Hauskrecht 2015, AAAI 29. Chance alone makes it positive, and clips drawn again make it larger
    than that of the set that they are drawn from: so it has no interval, but `ece_by_chance` to compare with.
    """
    gaps = np.bincount(bins(probabilities), weights=probabilities - stalled, minlength=BINS)
    return float(np.sum(np.abs(gaps)) / len(probabilities))


def ece_by_chance(probabilities: Floats, *, seed: int = 0) -> float:
    """The mean of `ece` over sets whose clips are stalled with just these probabilities."""
    rng = np.random.default_rng(seed)
    return float(np.mean([ece(probabilities, rng.random(len(probabilities)) < probabilities) for _ in range(_SETS)]))
