"""Noise as two-photon microscopes make it: correlated along the scan line, hence not white.

Noise is read from one large periodic tile per style, at an offset of its own for each frame: a window of a frame
gets the very noise that the whole frame gets, for the price of a copy.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

TILE_PX = 1024
"""Side of a tile; a frame of at most 512 pixels read from offsets below 512 never wraps."""
OFFSETS = TILE_PX - 512


@dataclass(frozen=True, slots=True)
class Grain:
    """White noise filtered by a Gaussian, as a share of a style's variance; the autocorrelation at lag l of a
    filter of width sigma is exp(-l^2 / (4 sigma^2)).
    """

    share: float
    sigma_x_px: float
    sigma_y_px: float


STYLES: dict[str, tuple[Grain, ...]] = {
    # autocorrelation along x at lags 1 2 3 4, along y at 1 2 3, as measured on two real clips
    "dashes": (Grain(0.92, 1.25, 0.30), Grain(0.08, 2.0, 3.0)),  # x .86 .58 .30 .13, y .15 .08 .06
    "cloudy": (Grain(0.85, 0.85, 0.5), Grain(0.15, 3.0, 3.0)),  # x .74 .46 .33 .26, y .52 .28 .23
    "speckle": (Grain(1.0, 0.35, 0.35),),  # nearly white
    "fine": (Grain(1.0, 0.65, 0.5),),
    "lines": (Grain(0.85, 0.6, 0.35), Grain(0.15, 60.0, 0.3)),  # scan lines of unequal brightness
    "texture": (Grain(0.5, 1.5, 1.5), Grain(0.4, 4.0, 4.0), Grain(0.1, 12.0, 12.0)),  # not noise: the tissue's own
}


@cache
def tile(style: str) -> NDArray[np.float32]:
    """A style's tile, `float32 [TILE_PX, TILE_PX]`, mean 0 and variance 1; the same in each process."""
    rng = np.random.default_rng([17, *style.encode()])
    fx, fy = np.fft.rfftfreq(TILE_PX)[None, :], np.fft.fftfreq(TILE_PX)[:, None]
    total = np.zeros((TILE_PX, TILE_PX), np.float64)
    for grain in STYLES[style]:
        response = np.exp(-2.0 * np.pi**2 * ((fx * grain.sigma_x_px) ** 2 + (fy * grain.sigma_y_px) ** 2))
        white = rng.standard_normal((TILE_PX, TILE_PX))
        field = np.fft.irfft2(np.fft.rfft2(white) * response, s=white.shape)
        total += np.sqrt(grain.share) * field / field.std()
    result: NDArray[np.float32] = ((total - total.mean()) / total.std()).astype(np.float32)
    result.flags.writeable = False
    return result
