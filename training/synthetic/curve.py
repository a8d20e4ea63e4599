"""A smooth curve through given points."""

import numpy as np
from numpy.typing import NDArray


def catmull_rom(control: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """A smooth curve through `control [K, D]`: `[(K - 1) * steps + 1, D]` points (Catmull and Rom 1974)."""
    padded = np.vstack([2 * control[0] - control[1], control, 2 * control[-1] - control[-2]])
    before, start, end, after = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    return np.vstack([curve.reshape(-1, control.shape[1]), control[-1:]])
