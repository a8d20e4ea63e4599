"""Vessel: a tube in depth, and the light of the plasma and cells in it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stream.clip.spec import Box
from training.synthetic.cells import PERIOD_PX, STEPS_PER_PX, Cells, gap_patterns
from training.synthetic.curve import catmull_rom
from training.synthetic.footprint import Footprint, footprint
from training.synthetic.look import Optics
from training.synthetic.motion import Motion

_LANE_PX = 7.0
"""Width of a file of cells; a capillary has one."""


@dataclass(frozen=True)
class Vessel:
    """One tube. `control` is `float [K, 3]`: points (x, y in pixels, z in planes) that its centre line goes through."""

    control: NDArray[np.float64]
    radius_px: float
    swell: float
    """By how much the radius grows and shrinks along it, as a share."""
    brightness: float
    gap_depth: float
    """Share of the light that a cell takes away where cells fill the vessel."""
    cells: Cells
    motion: Motion
    optics: Optics
    smear_px: float
    slant: float
    """How far cells flow while the scan goes to the next line, in pixels."""
    bow_px: float
    """How far a cell's edges near the wall lag behind its middle."""
    seed: int

    @cached_property
    def line(self) -> NDArray[np.float64]:
        """Centre line, `[S, 3]`, one point each 1 / STEPS_PER_PX pixels of its length in space."""
        fine = catmull_rom(self.control, 16)
        along = np.concatenate([[0.0], np.cumsum(np.sqrt((np.diff(fine, axis=0) ** 2).sum(axis=1)))])
        even = np.arange(0.0, along[-1], 1 / STEPS_PER_PX)
        return np.stack([np.interp(even, along, fine[:, axis]) for axis in range(3)], axis=1)

    @cached_property
    def _waves(self) -> NDArray[np.float64]:
        """Two slow waves along the line, `[2, S]` from -1 to 1."""
        rng = np.random.default_rng([self.seed, 0])
        lengths, starts = rng.uniform(40.0, 120.0, (2, 1)), rng.uniform(0.0, 2 * np.pi, (2, 1))
        return np.sin(2 * np.pi * np.arange(len(self.line)) / (lengths * STEPS_PER_PX) + starts)

    @cached_property
    def _patterns(self) -> NDArray[np.float32]:
        rng = np.random.default_rng([self.seed, 1])
        return gap_patterns(self.cells, rng, blur_px=self.optics.lateral_px, smear_px=self.smear_px)

    def reaches(self, window: Box, depths: tuple[float, float]) -> bool:
        """Whether it can be seen in a window of the planes between two depths; cheap, may err towards yes."""
        low, high = self.control.min(axis=0), self.control.max(axis=0)
        slack = 1.5 * self.radius_px + 3 + 0.15 * (high - low)[:2].max()
        beyond = 3.5 * self._extent
        return bool(
            low[0] - slack < window[2]
            and high[0] + slack > window[0]
            and low[1] - slack < window[3]
            and high[1] + slack > window[1]
            and low[2] - beyond < depths[1]
            and high[2] + beyond > depths[0]
        )

    def footprint(self, canvas: Box) -> Footprint:
        """The pixels of a canvas that it covers."""
        radii = self.radius_px * (1 + self.swell * self._waves[0]) + 0.6 * self.optics.lateral_px
        return footprint(self.line, radii, canvas)

    def light(self, pixels: Footprint, planes: NDArray[np.intp], num_planes: int) -> NDArray[np.float32]:
        """Brightness of some of its pixels in some planes, `float32 [T, P]`; plane z lies at depth z."""
        steps = np.arange(len(self.line))
        depth = (self.line[:, 2] - planes[:, None]) / self._extent
        fade = np.minimum(1.0, np.minimum(steps + 1, len(steps) - steps) / (3.0 * self.radius_px * STEPS_PER_PX))
        plasma = self.brightness * fade * (1 + 0.12 * self._waves[1]) * np.exp(-0.5 * depth**2)
        profile = (1.0 - pixels.across**2) ** np.float32(self.optics.rounding)
        filled = min(1.0, 5.0 / self.radius_px)  # cells do not fill a wide vessel
        gaps = self._gaps(pixels, planes, num_planes)
        shown = 1 - np.float32(self.gap_depth * filled) * gaps
        return np.asarray(plasma.astype(np.float32)[:, pixels.step] * profile * shown, np.float32)

    @property
    def _extent(self) -> float:
        """Standard deviation of its light in depth, in planes."""
        return float(np.hypot(self.optics.axial_px, 0.7 * self.radius_px))

    def _gaps(self, pixels: Footprint, planes: NDArray[np.intp], num_planes: int) -> NDArray[np.float32]:
        """Darkness of pixels by cells, `float32 [T, P]`."""
        rng = np.random.default_rng([self.seed, 2])
        rest, flow = self.motion.phases(num_planes, rng)[:, planes, None]
        lanes = max(1, round(2 * self.radius_px / _LANE_PX))
        ahead = rng.uniform(0, PERIOD_PX, lanes) * (lanes > 1)
        middles = (np.arange(lanes) + 0.5) * 2 / lanes - 1
        lane = np.minimum(((pixels.across + 1) * (lanes / 2)).astype(np.intp), lanes - 1)
        own = pixels.step / STEPS_PER_PX + ahead[lane] + self.bow_px * pixels.across**2
        pace = (1 - 0.6 * middles**2)[lane]  # slower near the wall
        resting, flowing = self._patterns
        rests = self.motion.rests(planes, len(self.line))
        moved = _read(flowing, own + pace * (flow + self.slant * pixels.y))
        return np.where(rests[:, pixels.step], _read(resting, own + rest), moved) if rests.any() else moved


def _read(pattern: NDArray[np.float32], places_px: NDArray[np.float64]) -> NDArray[np.float32]:
    return pattern[np.rint(places_px * STEPS_PER_PX).astype(np.intp) % len(pattern)]
