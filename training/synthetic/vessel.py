"""Vessel: a tube in depth, and the red cells in it that move or stand still.

Plasma is bright and red cells are dark gaps: about 6 um long, one each 14 um (Kleinfeld 1998), at about one pixel
per um. A flowing cell goes hundreds of um between two frames, so each frame shows gaps at new places; a stalled one
stays where it is.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.clip.spec import Box

STEPS_PER_PX = 2
"""Resolution along a vessel."""
_PERIOD_PX = 1024
_GAP_PX, _GAP_SPREAD_PX, _SPACING_PX = 6.0, 1.2, 14.0
_LONG_GAP_SHARE = 0.06
"""Share of white cells and clumps among the gaps, in flowing and stalled vessels alike."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How the cells of a vessel move along it."""

    speed_px: float
    """Mean way between two frames while they flow."""
    drift_px: float
    """Way between two frames while they are stalled."""
    stalled: tuple[int, int]
    """First frame of the stall and the first after it; equal where there is none."""

    def moving(self, frames: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether cells flow, for each frame."""
        return (frames < self.stalled[0]) | (frames >= self.stalled[1])

    def phases(self, num_frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Position of the cells along the vessel, `[num_frames]` in pixels; flow pulses, hence is never even."""
        start, pulse = rng.uniform(0, _PERIOD_PX), rng.uniform(0.5, 1.5, num_frames)
        steps = np.where(self.moving(np.arange(num_frames)), self.speed_px * pulse, self.drift_px)
        return start + np.cumsum(steps)


@dataclass(frozen=True)
class Vessel:
    """One tube. `control` is `float [K, 3]`: points (x, y in pixels, z in frames) that its centre line goes through."""

    control: NDArray[np.float64]
    radius_px: float
    brightness: float
    gap_depth: float
    smear_px: float
    motion: Motion
    seed: int

    @cached_property
    def line(self) -> NDArray[np.float64]:
        """Centre line, `[S, 3]`, one point each 1 / STEPS_PER_PX pixels of its length in space."""
        fine = catmull_rom(self.control, 16)
        along = np.concatenate([[0.0], np.cumsum(np.sqrt((np.diff(fine, axis=0) ** 2).sum(axis=1)))])
        even = np.arange(0.0, along[-1], 1 / STEPS_PER_PX)
        return np.stack([np.interp(even, along, fine[:, axis]) for axis in range(3)], axis=1)

    def reaches(self, window: Box, depths: tuple[float, float], axial_px: float) -> bool:
        """Whether it can be seen in a window of the frames between two depths; cheap, may err towards yes."""
        low, high = self.control.min(axis=0), self.control.max(axis=0)
        slack = self.radius_px + 2 + 0.15 * (high - low)[:2].max()
        beyond = 3.5 * (axial_px + self.radius_px)
        return bool(
            low[0] - slack < window[2]
            and high[0] + slack > window[0]
            and low[1] - slack < window[3]
            and high[1] + slack > window[1]
            and low[2] - beyond < depths[1]
            and high[2] + beyond > depths[0]
        )

    def light(self, frames: NDArray[np.intp], num_frames: int, axial_px: float) -> NDArray[np.float32]:
        """Brightness along the centre line in each of the frames, `float32 [T, S]`; frame t lies at depth t."""
        rng = np.random.default_rng(self.seed)
        phases = self.motion.phases(num_frames, rng)[frames]
        patterns = gap_patterns(rng, self.smear_px)
        steps = np.arange(len(self.line))
        places = (steps + np.round(phases * STEPS_PER_PX).astype(np.intp)[:, None]) % patterns.shape[1]
        gaps = patterns[self.motion.moving(frames).astype(np.intp)[:, None], places]
        depth = (self.line[:, 2] - frames[:, None]) / np.hypot(axial_px, 0.7 * self.radius_px)
        fade = np.minimum(1.0, np.minimum(steps + 1, len(steps) - steps) / (3.0 * self.radius_px * STEPS_PER_PX))
        thin = min(1.0, (5.0 / self.radius_px) ** 2)  # cells do not fill a wide vessel
        light = self.brightness * fade * np.exp(-0.5 * depth**2) * (1.0 - self.gap_depth * thin * gaps)
        return np.asarray(light, np.float32)


@dataclass(frozen=True, slots=True)
class Footprint:
    """The pixels a vessel covers; each array has one entry for each."""

    x: NDArray[np.intp]
    y: NDArray[np.intp]
    step: NDArray[np.intp]
    """The nearest point of the centre line."""
    profile: NDArray[np.float32]
    """Light across the vessel: 1 on the centre line."""


def footprint(vessel: Vessel, canvas: Box) -> Footprint:
    """Finds the pixels of a canvas that a vessel covers, once for all frames."""
    reach = vessel.radius_px + 1.5
    slack = int(reach) + 4
    line = vessel.line[:, :2]
    near = np.nonzero(((line > np.subtract(canvas[:2], slack)) & (line < np.add(canvas[2:], slack))).all(axis=1))[0]
    if not len(near):
        nowhere = np.empty(0, np.intp)
        return Footprint(nowhere, nowhere, nowhere, np.empty(0, np.float32))
    x, y, step = _nearest_steps(np.round(line[near]).astype(np.intp), near, reach + 1)
    seen = (x >= canvas[0]) & (x < canvas[2]) & (y >= canvas[1]) & (y < canvas[3])
    x, y, step = x[seen], y[seen], step[seen]
    # The nearest pixel is known; the nearest point of the curve lies a little further along its tangent.
    tangent = line[np.minimum(step + 1, len(line) - 1)] - line[np.maximum(step - 1, 0)]
    tangent /= np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-6)[:, None]
    away = np.stack([x, y], axis=1) - line[step]
    along = np.clip((away * tangent).sum(axis=1), -1.0, 1.0)
    across = np.hypot(*(away - along[:, None] * tangent).T)
    step = np.clip(step + np.round(along * STEPS_PER_PX).astype(np.intp), 0, len(line) - 1)
    profile = np.sqrt(np.maximum(0.0, 1.0 - (across / (vessel.radius_px + 0.7)) ** 2))
    lit = profile > 0
    return Footprint(x[lit], y[lit], step[lit], profile[lit].astype(np.float32))


def _nearest_steps(
    cells: NDArray[np.intp], steps: NDArray[np.intp], reach: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Pixels `x`, `y` within reach of any of the cells `[P, 2]`, and for each the step that belongs to the nearest."""
    slack = int(reach) + 1
    corner = cells.min(axis=0) - slack
    width, height = cells.max(axis=0) + slack + 1 - corner
    x, y = (cells - corner).T
    empty = np.ones((height, width), np.uint8)
    empty[y, x] = 0
    distance, labels = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    step_of_label = np.zeros(len(cells) + 1, np.intp)
    step_of_label[labels[y, x]] = steps
    y, x = np.nonzero(distance < reach)
    return x + corner[0], y + corner[1], step_of_label[labels[y, x]]


def gap_patterns(rng: np.random.Generator, smear_px: float) -> NDArray[np.float32]:
    """Darkness along a vessel, `float32 [2, period]`: as it is, and smeared by flow during the scan."""
    count = int(_PERIOD_PX / _SPACING_PX)
    spacing = rng.gamma(4.0, 1.0, count)
    centres = np.cumsum(spacing) * (_PERIOD_PX / spacing.sum())
    lengths = np.clip(rng.normal(_GAP_PX, _GAP_SPREAD_PX, count), 3.0, 9.0)
    lengths *= np.where(rng.random(count) < _LONG_GAP_SHARE, 2.5, 1.0)
    depths = rng.uniform(0.6, 1.0, count)
    size = _PERIOD_PX * STEPS_PER_PX
    edges = np.zeros(size)
    for sign, places in ((1.0, centres - lengths / 2), (-1.0, centres + lengths / 2)):
        np.add.at(edges, np.round(places * STEPS_PER_PX).astype(np.intp) % size, sign * depths)
    sharp = np.cumsum(edges)
    sharp -= sharp.min()  # a gap across the period's end starts the sum below its floor
    frequency = np.fft.rfftfreq(size) * STEPS_PER_PX
    blurs = np.asarray([[1.1], [np.hypot(1.1, smear_px)]])
    blurred = np.fft.irfft(np.fft.rfft(sharp) * np.exp(-2.0 * (np.pi * frequency * blurs) ** 2), n=size)
    return np.clip(blurred, 0.0, 1.0).astype(np.float32)


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
