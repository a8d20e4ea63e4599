"""Varies training clips in ways that change no label: turns, mirrors, reversed time, brightness and noise.

The vessel's direction, the flow's and the microscope's gain mean nothing for stalled or flowing.
"""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def augment(clips: Pixels, rng: np.random.Generator) -> Pixels:
    """Each clip of a batch is varied on its own.

    Args:
        clips: `uint8 [N, C, T, S, S]`; not changed.
        rng: draws everything.

    Returns:
        As many clips of the same shape. Black stays black, so the outside of the outline does, and the extra
        channel is turned with the grey one but keeps its values.
    """
    varied = np.empty_like(clips)
    for target, clip in zip(varied, clips, strict=True):
        target[:] = _turn(clip, rng)
        target[0] = _relight(target[0], rng)
    return varied


def _turn(clip: Pixels, rng: np.random.Generator) -> Pixels:
    """One of the square's eight symmetries, and time forwards or backwards."""
    turned: Pixels = np.rot90(clip, k=int(rng.integers(4)), axes=(2, 3))
    steps = [1 if keep else -1 for keep in rng.random(2) < 0.5]
    return turned[:, :: steps[0], :, :: steps[1]]


def _relight(grey: Pixels, rng: np.random.Generator) -> Pixels:
    """Gain, gamma and a little noise; 0 stays 0."""
    gain, gamma = np.exp(rng.uniform(-0.35, 0.35)), np.exp(rng.uniform(-0.25, 0.25))
    curve = 255 * gain * (np.arange(256) / 255) ** gamma
    spread = rng.integers(1, 9)
    noise = rng.integers(-spread, spread + 1, grey.shape, dtype=np.int16)
    lit = curve.astype(np.int16)[grey] + noise
    return np.where(grey == 0, 0, np.clip(lit, 0, 255)).astype(np.uint8)
