"""Preset: how hard the clips are, as ranges that each scene draws from."""

from dataclasses import dataclass

Range = tuple[float, float]
"""Lowest and highest value; drawn uniformly unless said otherwise."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What a family of scenes is drawn from. Lateral lengths are pixels (about 1 um), depths and times are planes."""

    name: str

    vessel_brightness: Range
    """Plasma of a capillary in focus, as a share of full scale above the tissue; drawn log-uniformly."""
    gap_depth: Range
    """Share of the plasma's light that a red cell takes away."""
    cell_px: Range
    """Mean length of the gaps in one vessel."""
    spacing_px: Range
    """Mean distance from gap to gap in one vessel."""
    wide_share: float
    """Share of targets that are no capillaries."""
    visible_planes: Range
    """For how long the target is in focus."""
    off_centre_planes: float
    """Largest distance of the target's depth from the middle of the clip."""

    speed_px: Range
    """Way of flowing red cells between two planes; drawn log-uniformly."""
    scan_share: Range
    """Share of the time between two planes in which the scan passes over the frame; drawn log-uniformly."""
    smear_px: Range
    """Blur along the vessel while cells flow."""
    drift_px: Range
    """Way of stalled red cells between two planes."""
    wiggle_px: Range
    """Standard deviation of stalled red cells about their place."""
    partial_share: float
    """Share of stalls that begin or end while the vessel is visible."""
    part_share: float
    """Share of stalls that leave a part of the vessel's length flowing."""
    plug_share: float
    """Share of vessels whose stall has a visible cause: a clump, a white cell, a column of plasma."""

    neighbours: tuple[int, int]
    """Fewest and most further vessels led through the outline's region."""
    neighbour_stalled: float
    """Chance that a neighbour is stalled, whatever the target does."""
    neighbour_distance: Range
    """In depth, beyond the target's own extent, as a multiple of the blur in depth."""
    branch_share: float
    """Chance for each end of the target that a vessel of another motion passes through it."""
    specks_per_megavoxel: float
    """Mean density of bright specks."""

    noise: Range
    """Factor on the noise measured on a real clip."""
    jitter_px: int
    """Largest displacement of a frame by imperfect motion correction."""
    wander_px: float
    """Largest displacement by slow drift, from the middle of the clip to its ends."""
    jump_share: float
    """Share of clips whose brightness jumps."""
    missing_share: float
    """Share of clips that lack planes: depth and time go on, the frames don't show it."""
    repeated_share: float
    """Share of clips in which a frame comes twice."""
    black_share: float
    """Share of clips with a black frame."""


DEMO = Preset(
    name="demo",
    vessel_brightness=(0.5, 1.2),
    gap_depth=(0.75, 0.95),
    cell_px=(5.5, 7.0),
    spacing_px=(12.0, 18.0),
    wide_share=0.0,
    visible_planes=(10.0, 30.0),
    off_centre_planes=3.0,
    speed_px=(100.0, 1000.0),
    scan_share=(0.05, 0.5),
    smear_px=(0.0, 1.0),
    drift_px=(0.0, 0.1),
    wiggle_px=(0.0, 0.2),
    partial_share=0.0,
    part_share=0.0,
    plug_share=0.25,
    neighbours=(1, 3),
    neighbour_stalled=0.5,
    neighbour_distance=(1.5, 5.0),
    branch_share=0.1,
    specks_per_megavoxel=50.0,
    noise=(0.4, 1.0),
    jitter_px=1,
    wander_px=0.0,
    jump_share=0.2,
    missing_share=0.0,
    repeated_share=0.0,
    black_share=0.0,
)
"""Clear cases: for the demo and first steps."""

FIELD = Preset(
    name="field",
    vessel_brightness=(0.32, 1.25),
    gap_depth=(0.7, 0.97),
    cell_px=(4.5, 7.5),
    spacing_px=(10.0, 22.0),
    wide_share=0.07,
    visible_planes=(8.0, 30.0),
    off_centre_planes=8.0,
    speed_px=(25.0, 1200.0),
    scan_share=(0.05, 1.0),
    smear_px=(0.6, 3.2),
    drift_px=(0.0, 0.4),
    wiggle_px=(0.0, 0.5),
    partial_share=0.12,
    part_share=0.1,
    plug_share=0.9,
    neighbours=(1, 4),
    neighbour_stalled=0.5,
    neighbour_distance=(1.2, 4.5),
    branch_share=0.25,
    specks_per_megavoxel=120.0,
    noise=(0.5, 1.4),
    jitter_px=3,
    wander_px=4.0,
    jump_share=0.35,
    missing_share=0.25,
    repeated_share=0.06,
    black_share=0.04,
)
"""As hard as reality: slow flow, faint and deep vessels, stalls of part of the clip or the vessel, recording faults."""

PRESETS = {preset.name: preset for preset in (DEMO, FIELD)}
