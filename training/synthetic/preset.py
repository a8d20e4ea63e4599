"""Preset: how hard the clips are, as ranges that each scene draws from."""

from dataclasses import dataclass

Range = tuple[float, float]
"""Lowest and highest value; drawn uniformly unless said otherwise."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What a family of scenes is drawn from. Lateral lengths are pixels (about 1 um), depths and times are frames."""

    name: str
    vessel_brightness: Range
    """Plasma of a capillary in focus, as a share of full scale above the tissue."""
    gap_depth: Range
    """Share of the plasma's light that a red cell takes away."""
    noise: Range
    """Factor on the noise measured on a real clip."""
    speed_px: Range
    """Way of flowing red cells between two frames; drawn log-uniformly."""
    drift_px: Range
    """Way of stalled red cells between two frames."""
    smear_px: Range
    """Blur along the vessel while cells flow, from the scan."""
    partial_share: float
    """Share of stalls that begin or end while the vessel is visible."""
    specks_per_megavoxel: float
    """Mean density of bright specks."""
    neighbours: tuple[int, int]
    """Fewest and most further vessels led through the outline's region."""
    neighbour_stalled: float
    """Chance that a neighbour is stalled, whatever the target does."""
    visible_frames: Range
    """For how long the target is in focus."""
    off_centre_frames: float
    """Largest distance of the target's depth from the middle of the clip."""
    jitter_px: int
    """Largest displacement of a frame by imperfect motion correction."""
    jump_share: float
    """Share of clips whose brightness jumps."""


DEMO = Preset(
    name="demo",
    vessel_brightness=(0.5, 1.5),
    gap_depth=(0.75, 0.95),
    noise=(0.5, 1.2),
    speed_px=(100.0, 1000.0),
    drift_px=(0.0, 0.2),
    smear_px=(0.0, 1.0),
    partial_share=0.0,
    specks_per_megavoxel=50.0,
    neighbours=(1, 3),
    neighbour_stalled=0.5,
    visible_frames=(10.0, 30.0),
    off_centre_frames=3.0,
    jitter_px=1,
    jump_share=0.2,
)
"""Clear cases: for the demo and first steps."""

FIELD = Preset(
    name="field",
    vessel_brightness=(0.25, 1.2),
    gap_depth=(0.5, 0.95),
    noise=(0.8, 1.6),
    speed_px=(8.0, 1000.0),
    drift_px=(0.0, 1.0),
    smear_px=(0.0, 1.5),
    partial_share=0.15,
    specks_per_megavoxel=120.0,
    neighbours=(1, 4),
    neighbour_stalled=0.5,
    visible_frames=(5.0, 30.0),
    off_centre_frames=8.0,
    jitter_px=3,
    jump_share=0.35,
)
"""Harder: slow flow, fainter vessels, more noise, stalls that last only part of the clip."""

PRESETS = {preset.name: preset for preset in (DEMO, FIELD)}
