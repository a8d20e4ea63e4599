"""Outline: the static orange curve that says which vessel a clip asks about."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from stream.clip.spec import Box

Colour = tuple[int, int, int]
"""Red, green, blue; 0 to 255."""
ORANGE: Colour = (255, 102, 0)
"""Of the stroke, as measured on real clips."""
_POINTS = 128
_SUBPIXEL_BITS = 4
_OVERSAMPLING = 4


@dataclass(frozen=True)
class Outline:
    """A smooth closed curve; `polygon` is `float32 [N, 2]`, x and y in pixels of the frame (pixel centres whole)."""

    polygon: NDArray[np.float32]
    stroke_px: float = 3.0
    """Thickness; a multiple of 1 / 4."""
    colour: Colour = ORANGE

    @property
    def grey(self) -> int:
        """The colour's luma (ITU-R BT.601)."""
        red, green, blue = self.colour
        return round(0.299 * red + 0.587 * green + 0.114 * blue)

    @cached_property
    def box(self) -> Box:
        """Bounding box of the stroke, where it covers half a pixel or more."""
        x0, y0, _, _ = self._patch
        ys, xs = np.nonzero(self._stroke >= 128)
        return x0 + int(xs.min()), y0 + int(ys.min()), x0 + int(xs.max()) + 1, y0 + int(ys.max()) + 1

    def stroke(self, window: Box) -> NDArray[np.uint8]:
        """Coverage of each of the window's pixels by the anti-aliased stroke, `uint8 [h, w]`, 255 is full."""
        return self._seen_in(window, self._stroke)

    def inside(self, window: Box) -> NDArray[np.uint8]:
        """1 where a pixel of the window is enclosed and free of the stroke, `uint8 [h, w]`."""
        return self._seen_in(window, self._inside)

    @cached_property
    def _patch(self) -> Box:
        """The part of the plane that the curve and its stroke lie in."""
        low = np.floor(self.polygon.min(axis=0) - self.stroke_px)
        high = np.ceil(self.polygon.max(axis=0) + self.stroke_px) + 1
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    @cached_property
    def _stroke(self) -> NDArray[np.uint8]:
        fine, shape = self._fine()
        cv2.polylines(fine, shape, True, 255, round(self.stroke_px * _OVERSAMPLING), cv2.LINE_8, _SUBPIXEL_BITS)
        return self._averaged(fine)

    @cached_property
    def _inside(self) -> NDArray[np.uint8]:
        fine, shape = self._fine()
        cv2.fillPoly(fine, shape, 1, cv2.LINE_8, _SUBPIXEL_BITS)
        half = _OVERSAMPLING // 2
        return np.where(self._stroke == 0, fine[half::_OVERSAMPLING, half::_OVERSAMPLING], np.uint8(0))

    def _fine(self) -> tuple[NDArray[np.uint8], list[NDArray[np.int32]]]:
        """An empty patch at several times its size, and the curve in its fixed-point coordinates."""
        x0, y0, x1, y1 = self._patch
        points = (self.polygon - (x0, y0) + 0.5) * _OVERSAMPLING - 0.5
        fixed = np.round(points * (1 << _SUBPIXEL_BITS)).astype(np.int32)
        return np.zeros(((y1 - y0) * _OVERSAMPLING, (x1 - x0) * _OVERSAMPLING), np.uint8), [fixed]

    def _averaged(self, fine: NDArray[np.uint8]) -> NDArray[np.uint8]:
        x0, y0, x1, y1 = self._patch
        return np.asarray(cv2.resize(fine, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA), np.uint8)

    def _seen_in(self, window: Box, patch: NDArray[np.uint8]) -> NDArray[np.uint8]:
        x0, y0 = (max(a, b) for a, b in zip(window[:2], self._patch[:2], strict=True))
        x1, y1 = (min(a, b) for a, b in zip(window[2:], self._patch[2:], strict=True))
        seen = np.zeros((window[3] - window[1], window[2] - window[0]), np.uint8)
        if x0 < x1 and y0 < y1:
            part = patch[y0 - self._patch[1] : y1 - self._patch[1], x0 - self._patch[0] : x1 - self._patch[0]]
            seen[y0 - window[1] : y1 - window[1], x0 - window[0] : x1 - window[0]] = part
        return seen


def enclose(path: NDArray[np.float64], radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """A smooth closed curve round discs along a path: a capsule, a bean or a horseshoe.

    Args:
        path: `[P, 2]`, x and y in pixels.
        radii: `[P]`, the disc's radius at each point.

    Returns:
        `[N, 2]` points, evenly spaced along the curve.
    """
    scale, fraction = 2.0, 1 << _SUBPIXEL_BITS
    corner = np.floor((path - radii[:, None]).min(axis=0)) - 2
    extent = np.ceil(((path + radii[:, None]).max(axis=0) - corner + 2) * scale).astype(int)
    canvas = np.zeros((extent[1], extent[0]), np.uint8)
    for x, y, radius in np.round(np.column_stack([path - corner, radii]) * (scale * fraction)).astype(int).tolist():
        cv2.circle(canvas, (x, y), radius, 255, -1, cv2.LINE_8, _SUBPIXEL_BITS)
    contours, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    longest = max(contours, key=len)[:, 0].astype(np.float64)
    return np.asarray(_smooth(longest) / scale + corner)


def _smooth(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evenly resampled, and freed of pixel steps by dropping all but the lowest frequencies."""
    closed = np.vstack([curve, curve[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    even = np.linspace(0.0, along[-1], _POINTS, endpoint=False)
    points = np.stack([np.interp(even, along, closed[:, axis]) for axis in (0, 1)], axis=1)
    spectrum = np.fft.rfft(points, axis=0)
    order = np.arange(len(spectrum))[:, None]
    return np.fft.irfft(spectrum * np.exp(-0.5 * (order / 5.0) ** 2), n=_POINTS, axis=0)
