"""Look: how a project's microscope and preparation appear, and how the recording changes along a clip."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.synthetic.noise import OFFSETS
from training.synthetic.preset import Preset


@dataclass(frozen=True, slots=True)
class Look:
    """What all frames of a clip share. Brightnesses are shares of full scale."""

    style: str
    """Name of the noise's grain."""
    noise: float
    """Standard deviation of the noise at full scale; it falls with the root of the brightness."""
    tissue: float
    texture: float
    """Standard deviation of the logarithm of the tissue's brightness."""
    gain: float
    black: float
    """Subtracted before display."""
    gamma: float
    slope: tuple[float, float]
    """Illumination gradient: change of the logarithm from the frame's middle to its right and lower edge."""
    ripple: tuple[tuple[float, float, float], ...]
    """Uneven illumination: waves of (x and y in radians per pixel, phase)."""
    axial_px: float
    """Blur in depth, in frames."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What each frame has of its own; arrays have one entry for each frame."""

    gain: NDArray[np.float64]
    shift: NDArray[np.intp]
    """`[T, 2]`, displacement in x and y that motion correction left over."""
    noise_at: NDArray[np.intp]
    """`[T, 2]`, x and y of the frame's place in the noise tile."""


def sample_look(rng: np.random.Generator, *, project: str, preset: Preset) -> Look:
    """A clip's look: the project's own, a little varied."""
    ours = np.random.default_rng([29, *project.encode()])
    style = str(ours.choice(["dashes", "cloudy", "speckle"], p=[0.4, 0.4, 0.2]))
    tissue, black = ours.uniform(0.09, 0.17), ours.choice([0.0, 0.02, 0.08])
    gain, gamma, noise = ours.uniform(0.85, 1.25), ours.uniform(0.85, 1.15), ours.uniform(0.85, 1.25)
    return Look(
        style=style,
        noise=0.12 * noise * rng.uniform(*preset.noise),
        tissue=tissue * rng.uniform(0.8, 1.25),
        texture=rng.uniform(0.2, 0.4),
        gain=gain * rng.uniform(0.8, 1.25),
        black=black * rng.uniform(0.7, 1.3),
        gamma=gamma * rng.uniform(0.95, 1.05),
        slope=(rng.normal(0.0, 0.2), rng.normal(0.0, 0.15)),
        ripple=tuple((rng.normal(0, 0.015), rng.normal(0, 0.015), rng.uniform(0, 2 * np.pi)) for _ in range(4)),
        axial_px=rng.uniform(3.0, 6.5),
    )


def sample_timeline(rng: np.random.Generator, *, num_frames: int, preset: Preset) -> Timeline:
    """Brightness and displacement wander, and now and then the brightness jumps for a few frames."""
    # In a real clip half of the steps are below .6 %, and one in ten is above 6 %.
    level = np.cumsum(np.clip(0.006 * rng.standard_t(1.5, num_frames), -0.2, 0.2))
    gain = np.exp(np.clip(level - level.mean(), -0.4, 0.4))
    start, length = rng.integers(num_frames), rng.integers(2, 9)
    factor = rng.uniform(1.25, 1.8) ** rng.choice([-1.0, 1.0])
    if rng.random() < preset.jump_share:
        gain[start : start + length] *= factor
    steps = rng.choice([-1, 0, 1], p=[0.08, 0.84, 0.08], size=(num_frames, 2))
    shift = np.clip(np.cumsum(steps, axis=0), -preset.jitter_px, preset.jitter_px)
    return Timeline(gain, shift.astype(np.intp), rng.integers(0, OFFSETS, (num_frames, 2)))
