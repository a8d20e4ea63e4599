"""Scene: everything a clip shows, before any pixel is drawn; and how scenes are drawn from a preset.

Plane z of the stack lies at depth z and is recorded at time z: the microscope steps down while time passes. Whether
the target is stalled decides nothing but the motion of its cells: the same generator state gives both classes the
same vessels, look and lengths.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stream.clip.spec import Box
from training.synthetic.laws import sample_frame_size, sample_num_frames, sample_project
from training.synthetic.look import Look, Timeline, sample_look, sample_timeline
from training.synthetic.outline import Outline
from training.synthetic.preset import Preset
from training.synthetic.surroundings import (
    Band,
    Spots,
    Stack,
    sample_bands,
    sample_branches,
    sample_neighbours,
    sample_others,
    sample_spots,
)
from training.synthetic.target import in_depth, outlined_path, sample_target
from training.synthetic.vessel import Vessel

GENERATOR_VERSION = 3
"""Raised whenever the statistics of the pixels change; `frozen` says how that is noticed."""


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

    @cached_property
    def num_planes(self) -> int:
        """Planes of the stack, the missing ones included."""
        return int(self.timeline.plane[-1]) + 1


def sample_scene(rng: np.random.Generator, *, preset: Preset, stalled: bool) -> Scene:
    """Draws a scene. Two generators in the same state give both classes the same scene but for the target's cells."""
    width, height = sample_frame_size(rng)
    num_frames = sample_num_frames(rng)
    project = sample_project(rng)
    look = sample_look(rng, project=project, preset=preset)
    timeline = sample_timeline(rng, num_frames=num_frames, preset=preset)
    planes, middle = int(timeline.plane[-1]) + 1, float(timeline.plane[num_frames // 2])
    stack = Stack(width, height, planes, look.optics, preset)
    outline, path = outlined_path(rng, width, height)
    line = in_depth(rng, path, centre=middle, num_planes=planes, axial_px=look.optics.axial_px, preset=preset)
    target = sample_target(rng, line, num_planes=planes, preset=preset, optics=look.optics, stalled=stalled)
    near = (*sample_neighbours(rng, stack, line, outline.box), *sample_branches(rng, stack, line))
    return Scene(
        stalled=stalled,
        project=project,
        width=width,
        height=height,
        num_frames=num_frames,
        outline=outline,
        vessels=(target, *near, *sample_others(rng, stack)),
        spots=sample_spots(rng, stack),
        bands=sample_bands(rng, stack, outline.box),
        margins=rng.gamma(1.5, 2.0, 4),
        look=look,
        timeline=timeline,
        texture_at=rng.integers(0, 512, (planes // look.layer_planes + 3, 2)),
    )
