"""Motion: how the cells of a vessel flow, and when and where along it they rest.

A flowing cell goes tens to hundreds of um while the microscope steps from one plane to the next, so each plane
shows gaps at new places; a resting one stays where it is, but for a little drift.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.synthetic.cells import PERIOD_PX


@dataclass(frozen=True, slots=True)
class Motion:
    """Of the cells along their vessel; ways are in pixels along it, times in planes."""

    speed_px: float
    """Mean way between two planes while they flow; negative towards the vessel's start."""
    drift_px: float
    """Way between two planes while they rest."""
    wiggle_px: float
    """Standard deviation about their place while they rest."""
    stalled: tuple[int, int]
    """First plane of the stall and the first after it; equal where there is none."""
    part: tuple[float, float] = (0.0, 1.0)
    """From where to where along the vessel the stall reaches, as shares of its length."""
    anchor: int = 0
    """The plane in which resting cells lie where their pattern has them."""

    def rests(self, planes: NDArray[np.intp], steps: int) -> NDArray[np.bool_]:
        """Whether cells rest, `[T, steps]`: for each plane at each of some even steps along the vessel."""
        along = np.linspace(0.0, 1.0, steps)
        here = (along >= self.part[0]) & (along <= self.part[1])
        now = (planes >= self.stalled[0]) & (planes < self.stalled[1])
        return now[:, None] & here

    def phases(self, num_planes: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Position of the pattern along the vessel, `[2, num_planes]` in pixels: at rest, and flowing.

        Flow pulses, hence is never even.
        """
        start, pulse = rng.uniform(0, PERIOD_PX), rng.uniform(0.5, 1.5, num_planes)
        wiggle = np.clip(rng.standard_normal(num_planes), -2.0, 2.0)
        rest = self.drift_px * (np.arange(num_planes) - self.anchor) + self.wiggle_px * wiggle
        return np.stack([rest, start + np.cumsum(self.speed_px * pulse)])
