"""Draws a vessel along a given line from a preset's ranges."""

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from training.synthetic.cells import Cells, sample_cells
from training.synthetic.draws import log_uniform, sign
from training.synthetic.look import Optics
from training.synthetic.motion import Motion
from training.synthetic.preset import Preset
from training.synthetic.vessel import Vessel

LINES = 384
"""Scan lines of a frame."""


def sample_vessel(
    rng: np.random.Generator,
    control: NDArray[np.float64],
    *,
    preset: Preset,
    optics: Optics,
    stalled: tuple[int, int],
    part: tuple[float, float] = (0.0, 1.0),
    anchor: int = 0,
    radius_px: float | None = None,
    visibility: float = 1.0,
) -> Vessel:
    """A vessel through the points `control [K, 3]`.

    Args:
        rng: draws all that is not given, the same number of times whatever is given.
        control: x and y in pixels, z in planes.
        preset: gives the ranges.
        optics: of the microscope.
        stalled: first plane of its stall and the first after it; equal where there is none.
        part: from where to where along it the stall reaches, as shares of its length.
        anchor: the plane in which a plug lies in the middle of that part, if the vessel stalls.
        radius_px: a capillary's if not given.
        visibility: factor on the contrast of its cells.
    """
    capillary_px = rng.uniform(2.8, 4.2)
    speed = log_uniform(rng, *preset.speed_px) * sign(rng)
    scan_share = log_uniform(rng, *preset.scan_share)
    length_px = sum(math.dist(*ends) for ends in pairwise(control.tolist()))
    return Vessel(
        control=control,
        radius_px=capillary_px if radius_px is None else radius_px,
        swell=rng.uniform(0.0, 0.12),
        brightness=log_uniform(rng, *preset.vessel_brightness),
        gap_depth=visibility * rng.uniform(*preset.gap_depth),
        cells=_cells(rng, preset, plug_at_px=(part[0] + part[1]) / 2 * length_px),
        motion=Motion(
            speed_px=speed,
            drift_px=rng.uniform(*preset.drift_px) * sign(rng),
            wiggle_px=rng.uniform(*preset.wiggle_px),
            stalled=stalled,
            part=part,
            anchor=anchor,
        ),
        optics=optics,
        smear_px=rng.uniform(*preset.smear_px),
        slant=speed * scan_share / LINES,
        bow_px=rng.uniform(-1.5, 1.5),
        seed=int(rng.integers(2**63)),
    )


def _cells(rng: np.random.Generator, preset: Preset, *, plug_at_px: float) -> Cells:
    return sample_cells(
        rng,
        cell_px=preset.cell_px,
        spacing_px=preset.spacing_px,
        plug_share=preset.plug_share,
        plug_at_px=plug_at_px + rng.uniform(-8.0, 8.0),
    )
