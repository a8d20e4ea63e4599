"""Measures on grey frames, the same for generated clips and real ones."""

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
"""`[T, H, W]`."""


def noise_correlation(frames: Grey, *, lags: int) -> tuple[list[float], list[float]]:
    """Autocorrelation along x and y at lags 1, 2, ... of the difference of two neighbouring frames."""
    change = frames[1].astype(np.float64) - frames[0]
    change -= change.mean()
    power = (change**2).mean()
    along_x = [float((change[:, lag:] * change[:, :-lag]).mean() / power) for lag in range(1, lags + 1)]
    along_y = [float((change[lag:] * change[:-lag]).mean() / power) for lag in range(1, lags + 1)]
    return along_x, along_y


def noise_sd(frames: Grey) -> float:
    """Robust standard deviation of one frame's noise, in grey levels: from the difference of two neighbouring frames.

    Median absolute deviation times 1.4826, over the square root of 2: few pixels change because of what is seen.
    """
    change = frames[1].astype(np.float64) - frames[0]
    return float(1.4826 * np.median(np.abs(change - np.median(change))) / np.sqrt(2))


def correlation(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Of two frames, pixel by pixel."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
