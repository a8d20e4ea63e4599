"""Cells: the dark gaps that red cells leave in a vessel's bright plasma, as a pattern along the vessel.

Red cells of a mouse are about 6 um long and, in a capillary, about 14 um apart (Kleinfeld 1998); a pixel is about 1 um.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

STEPS_PER_PX = 2
"""Resolution along a vessel."""
PERIOD_PX = 1024
"""After so many pixels a pattern repeats."""
_LONG_GAP_SHARE = 0.06
"""Share of white cells and clumps among the gaps that pass, stalled or not."""


@dataclass(frozen=True, slots=True)
class Plug:
    """What a stall is seen by, beside the resting red cells."""

    kind: Literal["clump", "white cell", "plasma"]
    """Red cells without plasma between them, one round dark cell with plasma behind it, a column free of cells."""
    at_px: float
    """Its middle, along the pattern."""
    length_px: float


@dataclass(frozen=True, slots=True)
class Cells:
    """The red cells of one vessel."""

    length_px: float
    """Mean length of a gap."""
    spacing_px: float
    """Mean distance from one gap to the next."""
    order: float
    """Shape of the gamma law of the distances: 1 is random, 8 is nearly even."""
    plug: Plug | None


def gap_patterns(cells: Cells, rng: np.random.Generator, *, blur_px: float, smear_px: float) -> NDArray[np.float32]:
    """Darkness along a vessel, `float32 [2, PERIOD_PX * STEPS_PER_PX]`, 0 to 1: cells at rest, and flowing.

    Args:
        cells: their sizes and distances.
        rng: draws each cell.
        blur_px: standard deviation of the microscope's blur.
        smear_px: standard deviation of what flow adds to it.
    """
    sharp = _sharp(cells, rng)
    frequency = np.fft.rfftfreq(len(sharp)) * STEPS_PER_PX
    blurs = np.asarray([[blur_px], [np.hypot(blur_px, smear_px)]])
    blurred = np.fft.irfft(np.fft.rfft(sharp) * np.exp(-2.0 * (np.pi * frequency * blurs) ** 2), n=len(sharp))
    return np.clip(blurred, 0.0, 1.0).astype(np.float32)


def _sharp(cells: Cells, rng: np.random.Generator) -> NDArray[np.float64]:
    count, size = int(PERIOD_PX / cells.spacing_px), PERIOD_PX * STEPS_PER_PX
    spacing = rng.gamma(cells.order, 1.0, count)
    centres = np.cumsum(spacing) * (PERIOD_PX / spacing.sum())
    lengths = cells.length_px * np.clip(rng.normal(1.0, 0.2, count), 0.5, 1.5)
    lengths *= np.where(rng.random(count) < _LONG_GAP_SHARE, 2.5, 1.0)
    depths = rng.uniform(0.6, 1.0, count)
    edges = np.zeros(size)
    for sign, places in ((1.0, centres - lengths / 2), (-1.0, centres + lengths / 2)):
        np.add.at(edges, np.round(places * STEPS_PER_PX).astype(np.intp) % size, sign * depths)
    sharp = np.cumsum(edges)
    sharp -= sharp.min()  # a gap across the period's end starts the sum below its floor
    if cells.plug:
        _insert(cells.plug, sharp)
    return np.minimum(sharp, 1.0)


def _insert(plug: Plug, sharp: NDArray[np.float64]) -> None:
    def fill(low_px: float, high_px: float, darkness: float) -> None:
        steps = np.arange(round(low_px * STEPS_PER_PX), round(high_px * STEPS_PER_PX))
        sharp[steps % len(sharp)] = darkness

    low, high = plug.at_px - plug.length_px / 2, plug.at_px + plug.length_px / 2
    if plug.kind == "clump":
        fill(low, high, 1.0)
    elif plug.kind == "white cell":
        fill(low - plug.length_px, low, 0.0)
        fill(low, high, 1.0)
    else:
        fill(low - 5.0, low, 1.0)
        fill(low, high, 0.0)
        fill(high, high + 5.0, 1.0)


def sample_cells(
    rng: np.random.Generator,
    *,
    cell_px: tuple[float, float],
    spacing_px: tuple[float, float],
    plug_share: float,
    plug_at_px: float,
) -> Cells:
    """Cells within ranges of a preset; a plug lies near `plug_at_px` along the vessel while the cells rest."""
    length = rng.uniform(*cell_px)
    spacing = max(rng.uniform(*spacing_px), 1.5 * length)
    order = rng.uniform(2.0, 8.0)
    kind: Literal["clump", "white cell", "plasma"] = ("clump", "white cell", "plasma")[int(rng.integers(3))]
    plug = Plug(kind, plug_at_px, rng.uniform(8.0, 12.0) if kind == "white cell" else rng.uniform(16.0, 40.0))
    return Cells(length, spacing, order, plug if rng.random() < plug_share else None)
