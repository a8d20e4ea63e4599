"""The target: the vessel that the outline asks about, its depths, and when and where it stalls."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.synthetic.curve import catmull_rom
from training.synthetic.draws import log_uniform, sign
from training.synthetic.laws import sample_roi_size
from training.synthetic.look import Optics
from training.synthetic.outline import ORANGE, Colour, Outline, enclose
from training.synthetic.preset import Preset
from training.synthetic.vessel import Vessel
from training.synthetic.vessels import sample_vessel

_STROKES_PX = (2.5, 2.75, 3.0, 3.0, 3.0, 3.25, 3.5)
_PURE_SHARE = 0.5
"""Share of outlines of exactly the colour that was measured; the others are near it."""


@dataclass(frozen=True, slots=True)
class Stall:
    """What part of a stack and of a vessel a stall takes up."""

    planes: tuple[int, int]
    """The first, and the first after it."""
    part: tuple[float, float]
    """Of the vessel's length, as shares."""


def outlined_path(rng: np.random.Generator, width: int, height: int) -> tuple[Outline, NDArray[np.float64]]:
    """An outline of a measured size, and the path `[K, 2]` of the vessel in its middle."""
    sizes = np.asarray(sample_roi_size(rng), np.float64)
    size = np.minimum(sizes, (0.9 * width, 0.9 * height))
    end = min(rng.uniform(9, 17), 0.36 * size.min())  # the outline's radius at the vessel's two ends
    half_width = max(end, min(rng.uniform(18, 28), 0.47 * size.min()))
    knots = np.linspace(0.0, 1.0, 5)[:, None] * (size - 2 * end)
    knots += rng.normal(0.0, 0.12, (5, 2)) * (size - 2 * end) * np.sin(np.pi * np.linspace(0, 1, 5))[:, None]
    if rng.random() < 0.5:
        knots[:, 0] = knots[::-1, 0].copy()
    path = catmull_rom(knots, 12)
    swell = np.sin(np.pi * np.linspace(0, 1, len(path))) ** 0.7
    curve = enclose(path, end + (half_width - end) * swell)
    stroke_px, colour = float(rng.choice(_STROKES_PX)), _colour(rng)
    # Stretched a little, vessel and outline together, so that the stroke's box has exactly the size drawn.
    low, extent = curve.min(axis=0), np.ptp(curve, axis=0)
    scale = (size - stroke_px) / extent
    room = np.maximum((width, height) - size, 1)
    corner = np.floor(rng.uniform(0.02, 0.98, 2) * room) + stroke_px / 2
    curve, knots = (curve - low) * scale + corner, (knots - low) * scale + corner
    return Outline(curve.astype(np.float32), stroke_px, colour), knots


def _colour(rng: np.random.Generator) -> Colour:
    pure, near = rng.random() < _PURE_SHARE, rng.integers((240, 94, 0), (256, 111, 20))
    return ORANGE if pure else (int(near[0]), int(near[1]), int(near[2]))


def in_depth(
    rng: np.random.Generator,
    path: NDArray[np.float64],
    *,
    centre: float,
    num_planes: int,
    axial_px: float,
    preset: Preset,
) -> NDArray[np.float64]:
    """Gives a path its depths, `[K, 3]`, so that it is in focus for a while around the plane `centre`."""
    visible = min(rng.uniform(*preset.visible_planes), 0.7 * num_planes)
    slope = max(0.0, visible - 2.4 * axial_px) * sign(rng)
    middle = centre + rng.uniform(-1, 1) * min(preset.off_centre_planes, 0.15 * num_planes)
    depths = middle + slope * (np.linspace(-0.5, 0.5, len(path)) + rng.normal(0, 0.06, len(path)))
    return np.column_stack([path, depths])


def sample_target(
    rng: np.random.Generator,
    line: NDArray[np.float64],
    *,
    num_planes: int,
    preset: Preset,
    optics: Optics,
    stalled: bool,
) -> Vessel:
    """The target along a line; the label decides nothing but the planes of its stall."""
    stall = _stall(rng, line, num_planes, preset)
    wide, radius = rng.random() < preset.wide_share, log_uniform(rng, 4.5, 11.0)
    return sample_vessel(
        rng,
        line,
        preset=preset,
        optics=optics,
        stalled=stall.planes if stalled else (0, 0),
        part=stall.part,
        anchor=round(float(line[:, 2].mean())),
        radius_px=radius if wide else None,
    )


def _stall(rng: np.random.Generator, line: NDArray[np.float64], num_planes: int, preset: Preset) -> Stall:
    """It covers most of what is visible of the target, or all."""
    first, last = line[:, 2].min() - 3, line[:, 2].max() + 3
    onset, length = rng.uniform(first, first + 0.45 * (last - first)), rng.uniform(0.55, 0.9)
    kind, from_start = rng.random(), rng.random() < 0.5
    planes, part = (0, num_planes), (0.0, 1.0)
    if kind < preset.partial_share:
        planes = (0, int(first + last - onset)) if from_start else (int(onset), num_planes)
    elif kind < preset.partial_share + preset.part_share:
        part = (0.0, length) if from_start else (1.0 - length, 1.0)
    return Stall(planes, part)
