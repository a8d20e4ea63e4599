"""Look: how a project's microscope and preparation appear, and how the recording changes along a clip."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.synthetic.draws import log_uniform, sign
from training.synthetic.noise import OFFSETS
from training.synthetic.preset import Preset


@dataclass(frozen=True, slots=True)
class Optics:
    """How the microscope blurs."""

    lateral_px: float
    """Standard deviation within a plane."""
    axial_px: float
    """Standard deviation in depth, in planes."""
    rounding: float
    """How the light falls towards a vessel's wall, as a power of the lens through it: 0.5 is a filled tube seen
    sharply, less is flatter, more is nearer to a bell."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Two grains blended; its standard deviation at brightness b is `shot * sqrt(b) + speckle * b + read`."""

    styles: tuple[str, str]
    blend: float
    """Angle from the first style (0) to the second (pi / 2)."""
    shot: float
    speckle: float
    read: float


@dataclass(frozen=True, slots=True)
class Look:
    """What all frames of a clip share. Brightnesses are shares of full scale."""

    optics: Optics
    noise: Noise
    tissue: float
    texture: float
    """Standard deviation of the logarithm of the tissue's brightness."""
    layer_planes: int
    """Distance in depth of two independent layers of tissue."""
    gain: float
    black: float
    """Subtracted before display."""
    gamma: float
    slope: tuple[float, float]
    """Illumination gradient: change of the logarithm from the frame's middle to its right and lower edge."""
    ripple: tuple[tuple[float, float, float], ...]
    """Uneven illumination: waves of (x and y in radians per pixel, phase)."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What each frame has of its own; arrays have one entry for each frame."""

    plane: NDArray[np.intp]
    """Which plane of the stack it shows, hence when: rises by 1, by more where planes are missing, by 0 where a frame
    comes twice."""
    gain: NDArray[np.float64]
    """0 where a frame is black."""
    shift: NDArray[np.intp]
    """`[T, 2]`, displacement in x and y that motion correction left over."""
    noise_at: NDArray[np.intp]
    """`[T, 2, 2]`, x and y of the frame's place in the noise tile of each style."""


def sample_look(rng: np.random.Generator, *, project: str, preset: Preset) -> Look:
    """A clip's look: the project's own, varied."""
    ours = np.random.default_rng([31, *project.encode()])
    tissue, black = log_uniform(ours, 0.06, 0.17), float(ours.choice([0.0, 0.01, 0.03, 0.08]))
    gain, gamma = ours.uniform(0.75, 1.1), ours.uniform(0.85, 1.15)
    style, strength = str(ours.choice(["dashes", "cloudy", "speckle"], p=[0.4, 0.4, 0.2])), ours.uniform(0.8, 1.25)
    return Look(
        optics=Optics(
            lateral_px=rng.uniform(0.7, 1.5), axial_px=rng.uniform(3.5, 10.0), rounding=rng.uniform(0.35, 1.2)
        ),
        noise=_noise(rng, style, strength * rng.uniform(*preset.noise)),
        tissue=tissue * rng.uniform(0.7, 1.4),
        texture=rng.uniform(0.15, 0.45),
        layer_planes=int(rng.integers(8, 31)),
        gain=gain * rng.uniform(0.8, 1.25),
        black=black * rng.uniform(0.6, 1.4),
        gamma=gamma * rng.uniform(0.9, 1.1),
        slope=(rng.normal(0.0, 0.2), rng.normal(0.0, 0.15)),
        ripple=tuple((rng.normal(0, 0.015), rng.normal(0, 0.015), rng.uniform(0, 2 * np.pi)) for _ in range(4)),
    )


def _noise(rng: np.random.Generator, style: str, strength: float) -> Noise:
    other = str(rng.choice(["dashes", "cloudy", "speckle", "fine", "lines"]))
    pure, angle = rng.random() < 0.4, rng.uniform(0.0, np.pi / 2)
    shot, speckle, read = rng.dirichlet([6.0, 1.0, 1.0]).tolist()
    # The shares are those of the deviation at a brightness of 0.25, where shot noise alone would have 0.06.
    deviation = 0.06 * strength
    return Noise(
        styles=(style, other),
        blend=0.0 if pure else angle,
        shot=2.0 * deviation * shot,
        speckle=4.0 * deviation * speckle,
        read=deviation * read,
    )


def sample_timeline(rng: np.random.Generator, *, num_frames: int, preset: Preset) -> Timeline:
    """Brightness and displacement wander; now and then the brightness jumps, planes are missing, a frame is bad."""
    steps = np.ones(num_frames, np.intp)
    holes, sizes = rng.integers(1, num_frames, 2), rng.integers(1, 5, 2)
    if rng.random() < preset.missing_share:
        steps[holes] += sizes
    twice, is_twice = int(rng.integers(1, num_frames)), rng.random() < preset.repeated_share
    dark, is_dark = int(rng.integers(num_frames)), rng.random() < preset.black_share
    gain = _sample_gain(rng, num_frames, preset)
    if is_dark:
        gain[dark] = 0.0
    shift = _sample_shift(rng, num_frames, preset)
    noise_at = rng.integers(0, OFFSETS, (num_frames, 2, 2))
    if is_twice:
        steps[twice] = 0
        for row in (gain, shift, noise_at):
            row[twice] = row[twice - 1]
    return Timeline(np.cumsum(steps) - steps[0], gain, shift, noise_at)


def _sample_gain(rng: np.random.Generator, num_frames: int, preset: Preset) -> NDArray[np.float64]:
    # In a real clip half of the steps are below .6 %, and one in ten is above 6 %.
    level = np.cumsum(np.clip(0.006 * rng.standard_t(1.5, num_frames), -0.2, 0.2))
    gain: NDArray[np.float64] = np.exp(np.clip(level - level.mean(), -0.4, 0.4))
    start, length = rng.integers(num_frames), rng.integers(2, 9)
    factor = rng.uniform(1.25, 2.0) ** sign(rng)
    if rng.random() < preset.jump_share:
        gain[start : start + length] *= factor
    return gain


def _sample_shift(rng: np.random.Generator, num_frames: int, preset: Preset) -> NDArray[np.intp]:
    steps = rng.choice([-1, 0, 1], p=[0.08, 0.84, 0.08], size=(num_frames, 2))
    jitter = np.clip(np.cumsum(steps, axis=0), -preset.jitter_px, preset.jitter_px)
    slant = preset.wander_px * rng.uniform(-1.0, 1.0, 2) * (rng.random() < 0.5)
    wander = np.linspace(-1.0, 1.0, num_frames)[:, None] * slant
    return np.asarray(jitter + np.round(wander), np.intp)
