"""Crops as pictures: frames side by side with the outline drawn around the inside, as PNG to be put into a page."""

import base64
import math

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
ORANGE = (255, 102, 0)
"""Of the competition's outlines."""
_IN_A_ROW = 8
"""Frames side by side."""
_GAP_PX = 2


def png(picture: NDArray[np.uint8]) -> str:
    """The `data:` address of a picture `[H, W]` or, in RGB, `[H, W, 3]`."""
    _, data = cv2.imencode(".png", picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return f"data:image/png;base64,{base64.b64encode(data.tobytes()).decode()}"


def white_of(grey: NDArray[np.uint8]) -> float:
    """The grey that is to be shown as white, so that few pixels are beyond."""
    return max(float(np.quantile(grey, 0.998)), 1.0)


def draw_strip(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames in rows, `uint8 [H, W, 3]`, of a crop `[C, T, S, S]`, brightened so that few pixels are white.

    The pixels that border on the inside, which is where the second channel is not 0, are orange. A crop without
    a second channel shows the outline only if it was kept in the picture.
    """
    bright = (255 * np.clip(crop[0] / white_of(crop[0]), 0, 1)).round().astype(np.uint8)
    frames = np.repeat(bright[..., None], 3, axis=-1)
    if len(crop) > 1:
        frames[:, _border(crop[1, 0] > 0)] = ORANGE
    return _tiled(frames)


def _tiled(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames `[T, S, S, 3]` in rows, white between them and where the last row is short."""
    columns = min(_IN_A_ROW, len(frames))
    rows, side = math.ceil(len(frames) / columns), frames.shape[1] + _GAP_PX
    sheet = np.full((rows * side, columns * side, 3), 255, np.uint8)
    for place, frame in enumerate(frames):
        top, left = side * (place // columns), side * (place % columns)
        sheet[top : top + len(frame), left : left + len(frame)] = frame
    return sheet[:-_GAP_PX, :-_GAP_PX]


def _border(inside: Mask) -> Mask:
    """The pixels `[S, S]` beside the inside, left, right, above or below it."""
    padded = np.pad(inside, 1)
    beside: Mask = padded[2:, 1:-1] | padded[:-2, 1:-1] | padded[1:-1, 2:] | padded[1:-1, :-2]
    return beside & ~inside
