"""Whether a measure stays flat over hours, told from minutes of noisy samples."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

HOUR_S = 3600.0
_BINS = 48
"""Samples that follow each other closely are alike, and would feign a certainty that isn't there: medians of bins."""
_Z = 1.96

Judgement = Literal["flat", "grows", "not clear"]


@dataclass(frozen=True, slots=True)
class Limit:
    """How fast a measure may grow."""

    name: str
    unit: str
    an_hour: float
    why: str


@dataclass(frozen=True, slots=True)
class Slope:
    """How fast a measure grows, in units an hour, with the bounds of its 95 % confidence interval."""

    limit: Limit
    first: float
    """Median of the first bin."""
    last: float
    an_hour: float
    low: float
    high: float

    @property
    def judgement(self) -> Judgement:
        """It grows if even the lower bound passes the limit, and is flat if the upper one doesn't."""
        if self.low > self.limit.an_hour:
            return "grows"
        return "flat" if self.high <= self.limit.an_hour else "not clear"


def fit(limit: Limit, seconds: ArrayLike, values: ArrayLike) -> Slope:
    """Theil-Sen: the median of the slopes between all pairs of bins, its interval by Sen's rank method.

    A few outliers, a step or a saw-tooth move it little.

    Args:
        limit: what it is held against.
        seconds: when each sample was taken, rising.
        values: the samples.
    """
    times, medians = _binned(np.asarray(seconds, float), np.asarray(values, float))
    count = len(times)
    early, late = np.triu_indices(count, 1)
    slopes = np.sort((medians[late] - medians[early]) / (times[late] - times[early])) * HOUR_S
    spread = _Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, math.floor((len(slopes) - spread) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + spread) / 2))
    return Slope(limit, medians[0], medians[-1], float(np.median(slopes)), slopes[low], slopes[high])


def _binned(times: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    bins = min(_BINS, len(times))
    if bins < 3:
        raise ValueError(f"{len(times)} samples tell no slope: 3 are needed")
    groups = zip(np.array_split(times, bins), np.array_split(values, bins), strict=True)
    middle = [(float(np.mean(each)), float(np.median(those))) for each, those in groups]
    return np.array([at for at, _ in middle]), np.array([value for _, value in middle])
