"""Scene: everything a clip shows, before any pixel is drawn; and how scenes are drawn from a preset.

Frame t lies at depth t: the microscope steps down while time passes. Whether the target is stalled decides nothing
but the motion of its cells: the same generator state gives both classes the same vessels, look and lengths.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stream.clip.spec import Box
from training.synthetic.laws import sample_frame_size, sample_num_frames, sample_project, sample_roi_size
from training.synthetic.look import Look, Timeline, sample_look, sample_timeline
from training.synthetic.outline import STROKE_PX, Outline, enclose
from training.synthetic.preset import Preset
from training.synthetic.vessel import Motion, Vessel, catmull_rom

GENERATOR_VERSION = 1
"""Raised whenever the statistics of the pixels change."""

_VESSELS_PER_MEGAVOXEL = 4.5
_BLOBS_PER_MEGAPIXEL = 25.0
_DEEP_STALLED_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Spots:
    """Round bright things, from specks to cell bodies; arrays `[N]`, one entry for each spot."""

    centre: NDArray[np.float64]
    """`[N, 3]`: x, y in pixels, z in frames."""
    radius_px: NDArray[np.float64]
    depth_px: NDArray[np.float64]
    """Extent along z, in frames."""
    brightness: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Band:
    """A strip painted black by hand, as over surface vessels: where low < x * nx + y * ny < high."""

    nx: float
    ny: float
    low: float
    high: float


@dataclass(frozen=True)
class Scene:
    """One clip, undrawn. `vessels[0]` is the target, the vessel that the outline asks about."""

    stalled: bool
    project: str
    width: int
    height: int
    num_frames: int
    outline: Outline
    vessels: tuple[Vessel, ...]
    spots: Spots
    bands: tuple[Band, ...]
    margins: NDArray[np.float64]
    """Left, top, right and lower edge that motion correction left black, in pixels."""
    look: Look
    timeline: Timeline
    texture_at: NDArray[np.intp]
    """`[L, 2]`, x and y in the texture tile of each layer of tissue."""

    @cached_property
    def frame(self) -> Box:
        """The whole frame as a window."""
        return (0, 0, self.width, self.height)


def sample_scene(rng: np.random.Generator, *, preset: Preset, stalled: bool) -> Scene:
    """Draws a scene. Two generators in the same state give both classes the same scene but for the target's cells."""
    width, height = sample_frame_size(rng)
    num_frames = sample_num_frames(rng)
    project = sample_project(rng)
    look = sample_look(rng, project=project, preset=preset)
    outline, path = _outlined_path(rng, width, height)
    target_line = _in_depth(rng, path, num_frames, look.axial_px, preset)
    neighbours = _neighbours(rng, target_line, outline.box, num_frames, look.axial_px, preset)
    others = _others(rng, width, height, num_frames, preset)
    target = _target(rng, target_line, num_frames, preset, stalled=stalled)
    return Scene(
        stalled=stalled,
        project=project,
        width=width,
        height=height,
        num_frames=num_frames,
        outline=outline,
        vessels=(target, *neighbours, *others),
        spots=_spots(rng, width, height, num_frames, preset),
        bands=_bands(rng, width, height, outline.box),
        margins=rng.gamma(1.5, 2.0, 4),
        look=look,
        timeline=sample_timeline(rng, num_frames=num_frames, preset=preset),
        texture_at=rng.integers(0, 512, (num_frames // 8 + 3, 2)),
    )


def _outlined_path(rng: np.random.Generator, width: int, height: int) -> tuple[Outline, NDArray[np.float64]]:
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
    # Stretched a little, vessel and outline together, so that the stroke's box has exactly the size drawn.
    low, extent = curve.min(axis=0), np.ptp(curve, axis=0)
    scale = (size - STROKE_PX) / extent
    room = np.maximum((width, height) - size, 1)
    corner = np.floor(rng.uniform(0.02, 0.98, 2) * room) + STROKE_PX / 2
    curve, knots = (curve - low) * scale + corner, (knots - low) * scale + corner
    return Outline(curve.astype(np.float32)), knots


def _in_depth(
    rng: np.random.Generator, path: NDArray[np.float64], num_frames: int, axial_px: float, preset: Preset
) -> NDArray[np.float64]:
    """Gives the target's path its depths, so that it is in focus for a while around the middle of the clip."""
    visible = min(rng.uniform(*preset.visible_frames), 0.7 * num_frames)
    slope = max(0.0, visible - 2.4 * axial_px) * rng.choice([-1.0, 1.0])
    middle = num_frames / 2 + rng.uniform(-1, 1) * min(preset.off_centre_frames, 0.15 * num_frames)
    depths = middle + slope * (np.linspace(-0.5, 0.5, len(path)) + rng.normal(0, 0.06, len(path)))
    return np.column_stack([path, depths])


def _target(
    rng: np.random.Generator, line: NDArray[np.float64], num_frames: int, preset: Preset, *, stalled: bool
) -> Vessel:
    first, last = line[:, 2].min() - 3, line[:, 2].max() + 3
    onset, partial, ends = rng.uniform(first, (first + last) / 2), rng.random() < preset.partial_share, rng.random()
    stall = (0, num_frames)
    if partial:
        stall = (int(onset), num_frames) if ends < 0.5 else (0, int(first + last - onset))
    return _vessel(rng, line, stall if stalled else (0, 0), preset)


def _vessel(
    rng: np.random.Generator,
    control: NDArray[np.float64],
    stall: tuple[int, int],
    preset: Preset,
    *,
    radius: float | None = None,
    visibility: float = 1.0,
) -> Vessel:
    """A vessel of the preset along a line, at rest between two frames; its cells as visible as the preset says."""
    speed = np.exp(rng.uniform(*np.log(preset.speed_px)))
    return Vessel(
        control=control,
        radius_px=rng.uniform(3.0, 4.2) if radius is None else radius,
        brightness=rng.uniform(*preset.vessel_brightness),
        gap_depth=visibility * rng.uniform(*preset.gap_depth),
        smear_px=rng.uniform(*preset.smear_px),
        motion=Motion(speed_px=float(speed), drift_px=rng.uniform(*preset.drift_px), stalled=stall),
        seed=int(rng.integers(2**63)),
    )


def _neighbours(
    rng: np.random.Generator, target: NDArray[np.float64], box: Box, num_frames: int, axial_px: float, preset: Preset
) -> list[Vessel]:
    """Vessels led through or past the outlined region at other depths; they stall or flow as they like."""
    count = int(rng.integers(preset.neighbours[0], preset.neighbours[1] + 1))
    middle, extent = target[:, 2].mean(), np.ptp(target[:, 2])
    found = []
    for _ in range(count):
        offset = (extent / 2 + axial_px * rng.uniform(1.5, 5.0)) * rng.choice([-1.0, 1.0])
        through = np.asarray([rng.uniform(box[0], box[2]), rng.uniform(box[1], box[3]), middle + offset])
        stall = (0, num_frames) if rng.random() < preset.neighbour_stalled else (0, 0)
        found.append(_vessel(rng, _walks(rng, through[None], middle=True)[0], stall, preset))
    return found


def _others(rng: np.random.Generator, width: int, height: int, num_frames: int, preset: Preset) -> list[Vessel]:
    """The rest of the network, anywhere in the stack; a few are wide."""
    depth = num_frames + 30
    count = rng.poisson(_VESSELS_PER_MEGAVOXEL * width * height * depth / 1e6)
    stems = _walks(
        rng, rng.uniform((-20, -20, -15), (width + 20, height + 20, num_frames + 15), (count // 2 + 1, 3)), middle=False
    )
    forks = stems[rng.integers(len(stems), size=count - count // 2), rng.integers(1, stems.shape[1])]
    lines = np.concatenate([stems, _walks(rng, forks, middle=False)])
    count = len(lines)
    wide = rng.random(count) < 0.08
    radii = np.where(wide, rng.uniform(4.5, 8.0, count), rng.uniform(2.6, 4.2, count))
    still = rng.random(count) < _DEEP_STALLED_SHARE
    smooth = rng.uniform(0.3, 1.0, count)  # in most vessels of a real clip the cells are hard to see
    return [
        _vessel(rng, line, (0, num_frames) if stalled else (0, 0), preset, radius=radius, visibility=visibility)
        for line, stalled, radius, visibility in zip(lines, still, radii, smooth, strict=True)
    ]


def _walks(rng: np.random.Generator, starts: NDArray[np.float64], *, middle: bool) -> NDArray[np.float64]:
    """Winding centre lines `[N, K, 3]` from each start, or through it with as much before as after."""
    count, knots = len(starts), 7
    heading = rng.uniform(0, 2 * np.pi, (count, 1)) + np.cumsum(rng.normal(0, 0.5, (count, knots - 1)), axis=1)
    length = rng.uniform(16, 42, (count, 1)) * rng.uniform(0.8, 1.2, (count, knots - 1))
    climb = rng.normal(0, 0.12, (count, 1)) + rng.normal(0, 0.08, (count, knots - 1))
    steps = np.stack([np.cos(heading) * length, np.sin(heading) * length, climb * length], axis=2)
    walk = np.concatenate([np.zeros((count, 1, 3)), np.cumsum(steps, axis=1)], axis=1)
    return walk - (walk[:, knots // 2, None] if middle else 0.0) + starts[:, None]


def _spots(rng: np.random.Generator, width: int, height: int, num_frames: int, preset: Preset) -> Spots:
    """Many specks of 3-8 pixels that pass within a few frames, and a few blobs that stay for long."""
    specks = rng.poisson(rng.gamma(1.5, 1 / 1.5) * preset.specks_per_megavoxel * width * height * num_frames / 1e6)
    blobs = rng.poisson(_BLOBS_PER_MEGAPIXEL * width * height / 1e6)
    blob = np.arange(specks + blobs) >= specks
    count = len(blob)
    return Spots(
        centre=rng.uniform((0, 0, 0), (width, height, num_frames), (count, 3)),
        radius_px=np.where(blob, rng.uniform(5, 14, count), rng.uniform(0.7, 1.8, count)),
        depth_px=np.where(blob, rng.uniform(10, 60, count), rng.uniform(2.0, 5.0, count)),
        brightness=np.where(blob, 2.0 * rng.random(count) ** 3 + 0.1, rng.gamma(2.0, 0.35, count)),
    )


def _bands(rng: np.random.Generator, width: int, height: int, box: Box) -> tuple[Band, ...]:
    """Now and then a black strip, never over the outlined region."""
    angle, half = rng.uniform(0, np.pi), rng.uniform(15, 45)
    nx, ny = float(np.cos(angle)), float(np.sin(angle))
    at = nx * rng.uniform(0, width) + ny * rng.uniform(0, height)
    corners = [nx * x + ny * y for x in (box[0], box[2]) for y in (box[1], box[3])]
    clear = at - half > max(corners) + 12 or at + half < min(corners) - 12
    return (Band(nx, ny, at - half, at + half),) if rng.random() < 0.25 and clear else ()
