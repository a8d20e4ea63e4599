"""What surrounds the target: vessels at other depths and beside it, bright spots, parts painted black."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.clip.spec import Box
from training.synthetic.draws import log_uniform, sign
from training.synthetic.look import Optics
from training.synthetic.preset import Preset
from training.synthetic.vessel import Vessel
from training.synthetic.vessels import sample_vessel

_VESSELS_PER_MEGAVOXEL = 4.5
_BLOBS_PER_MEGAPIXEL = 25.0
_DEEP_STALLED_SHARE = 0.1
_WIDE_SHARE = 0.1
_SURFACE_SHARE = 0.2
"""Share of clips with a vessel of 20 to 60 pixels at the stack's upper or lower end."""
FLOWING = (0, 0)


@dataclass(frozen=True, slots=True)
class Spots:
    """Round bright things, from specks to cell bodies; arrays `[N]`, one entry for each spot."""

    centre: NDArray[np.float64]
    """`[N, 3]`: x, y in pixels, z in planes."""
    radius_px: NDArray[np.float64]
    depth_px: NDArray[np.float64]
    """Extent along z, in planes."""
    brightness: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Band:
    """A strip painted black by hand, as over surface vessels: where low < x * nx + y * ny < high."""

    nx: float
    ny: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Stack:
    """The room that a scene fills."""

    width: int
    height: int
    planes: int
    optics: Optics
    preset: Preset

    def vessel(
        self,
        rng: np.random.Generator,
        control: NDArray[np.float64],
        *,
        stalled: bool,
        radius_px: float | None = None,
        visibility: float = 1.0,
    ) -> Vessel:
        """A vessel that stalls from the first plane to the last, or never."""
        return sample_vessel(
            rng,
            control,
            preset=self.preset,
            optics=self.optics,
            stalled=(0, self.planes) if stalled else FLOWING,
            anchor=round(float(control[:, 2].mean())),
            radius_px=radius_px,
            visibility=visibility,
        )


def sample_neighbours(rng: np.random.Generator, stack: Stack, target: NDArray[np.float64], box: Box) -> list[Vessel]:
    """Vessels led through or past the outlined region at other depths; they stall or flow as they like."""
    preset = stack.preset
    count = int(rng.integers(preset.neighbours[0], preset.neighbours[1] + 1))
    middle, extent = target[:, 2].mean(), np.ptp(target[:, 2])
    found = []
    for _ in range(count):
        beyond = stack.optics.axial_px * rng.uniform(*preset.neighbour_distance)
        depth = middle + (extent / 2 + beyond) * sign(rng)
        through = np.asarray([rng.uniform(box[0], box[2]), rng.uniform(box[1], box[3]), depth])
        line = _walks(rng, through[None], middle=True)[0]
        found.append(stack.vessel(rng, line, stalled=rng.random() < preset.neighbour_stalled))
    return found


def sample_branches(rng: np.random.Generator, stack: Stack, target: NDArray[np.float64]) -> list[Vessel]:
    """Vessels that the target springs from or leads to: each passes through one of its ends, its flow is its own."""
    found = []
    for end in (target[0], target[-1]):
        line = _walks(rng, end[None], middle=True)[0]
        branch = stack.vessel(rng, line, stalled=rng.random() < _DEEP_STALLED_SHARE)
        if rng.random() < stack.preset.branch_share:
            found.append(branch)
    return found


def sample_others(rng: np.random.Generator, stack: Stack) -> list[Vessel]:
    """The rest of the network, anywhere in the stack; a few are wide."""
    width, height, planes = stack.width, stack.height, stack.planes
    count = int(rng.poisson(_VESSELS_PER_MEGAVOXEL * width * height * (planes + 30) / 1e6))
    stems = _walks(
        rng, rng.uniform((-20, -20, -15), (width + 20, height + 20, planes + 15), (count // 2 + 1, 3)), middle=False
    )
    forks = stems[rng.integers(len(stems), size=count - count // 2), rng.integers(1, stems.shape[1])]
    lines = np.concatenate([stems, _walks(rng, forks, middle=False)])
    count = len(lines)
    wide = rng.random(count) < _WIDE_SHARE
    radii = np.where(wide, np.exp(rng.uniform(math.log(4.5), math.log(12.0), count)), rng.uniform(2.6, 4.2, count))
    still = rng.random(count) < _DEEP_STALLED_SHARE
    smooth = rng.uniform(0.3, 1.0, count)  # in most vessels of a real clip the cells are hard to see
    found = [
        stack.vessel(rng, line, stalled=bool(stalled), radius_px=float(radius), visibility=float(visibility))
        for line, stalled, radius, visibility in zip(lines, still, radii, smooth, strict=True)
    ]
    return found + _surface(rng, stack)


def _surface(rng: np.random.Generator, stack: Stack) -> list[Vessel]:
    depth = rng.choice([-0.1, 0.1, 0.9, 1.1]) * stack.planes
    start = np.asarray([[rng.uniform(0, stack.width), rng.uniform(0, stack.height), depth]])
    line = _walks(rng, start, middle=True)[0] * (1, 1, 0) + (0, 0, depth)
    radius = log_uniform(rng, 10.0, 30.0)
    vessel = stack.vessel(rng, line, stalled=False, radius_px=radius, visibility=0.5)
    return [vessel] if rng.random() < _SURFACE_SHARE else []


def _walks(rng: np.random.Generator, starts: NDArray[np.float64], *, middle: bool) -> NDArray[np.float64]:
    """Winding centre lines `[N, K, 3]` from each start, or through it with as much before as after."""
    count, knots = len(starts), 7
    heading = rng.uniform(0, 2 * np.pi, (count, 1)) + np.cumsum(rng.normal(0, 0.5, (count, knots - 1)), axis=1)
    length = rng.uniform(16, 42, (count, 1)) * rng.uniform(0.8, 1.2, (count, knots - 1))
    climb = rng.normal(0, 0.1, (count, 1)) + rng.normal(0, 0.06, (count, knots - 1))
    steps = np.stack([np.cos(heading) * length, np.sin(heading) * length, climb * length], axis=2)
    walk = np.concatenate([np.zeros((count, 1, 3)), np.cumsum(steps, axis=1)], axis=1)
    return walk - (walk[:, knots // 2, None] if middle else 0.0) + starts[:, None]


def sample_spots(rng: np.random.Generator, stack: Stack) -> Spots:
    """Many specks of 3-8 pixels that pass within a few planes, and a few blobs that stay for long."""
    area = stack.width * stack.height / 1e6
    specks = rng.poisson(rng.gamma(1.5, 1 / 1.5) * stack.preset.specks_per_megavoxel * area * stack.planes)
    blobs = rng.poisson(_BLOBS_PER_MEGAPIXEL * area)
    blob = np.arange(specks + blobs) >= specks
    count = len(blob)
    return Spots(
        centre=rng.uniform((0, 0, 0), (stack.width, stack.height, stack.planes), (count, 3)),
        radius_px=np.where(blob, rng.uniform(5, 14, count), rng.uniform(0.7, 1.8, count)),
        depth_px=np.where(blob, rng.uniform(12, 80, count), rng.uniform(3.0, 8.0, count)),
        brightness=np.where(blob, 1.5 * rng.random(count) ** 3 + 0.1, rng.gamma(2.0, 0.35, count)),
    )


def sample_bands(rng: np.random.Generator, stack: Stack, box: Box) -> tuple[Band, ...]:
    """Now and then a black strip, never over the outlined region."""
    angle, half = rng.uniform(0, np.pi), rng.uniform(15, 45)
    nx, ny = float(np.cos(angle)), float(np.sin(angle))
    at = nx * rng.uniform(0, stack.width) + ny * rng.uniform(0, stack.height)
    corners = [nx * x + ny * y for x in (box[0], box[2]) for y in (box[1], box[3])]
    clear = at - half > max(corners) + 12 or at + half < min(corners) - 12
    return (Band(nx, ny, at - half, at + half),) if rng.random() < 0.25 and clear else ()
