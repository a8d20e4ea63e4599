"""The worst mistakes as strips: frames of a crop side by side, with the outline drawn around the inside."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.clips import Clips
from training.measures.ranking import Bools, Floats

ORANGE = (255, 102, 0)
"""Of the competition's outlines."""
_FRAMES, _IN_A_ROW = 16, 8
"""Most frames that are shown, and how many side by side."""
_GAP_PX = 2


@dataclass(frozen=True, slots=True)
class Mistake:
    """A clip that got the wrong one of two verdicts."""

    clip_id: str
    project_id: str
    stalled: bool
    """The truth."""
    probability: float
    strip: NDArray[np.uint8]
    """`[H, W, 3]`, RGB."""
    frames: tuple[int, ...]
    """Of the crop's, those that are shown."""


def worst_mistakes(clips: Clips, probabilities: Floats, called: Bools, *, stalled: bool, count: int) -> list[Mistake]:
    """The mistakes of one class that the network was surest of, the worst first.

    Args:
        clips: N clips.
        probabilities: `[N]`.
        called: `[N]`, those called stalled.
        stalled: whether to show stalled clips that were called flowing, or the others.
        count: most that are shown.
    """
    wrong = np.flatnonzero((clips.stalled == stalled) & (called != stalled))
    surest = wrong[np.argsort(probabilities[wrong] if stalled else -probabilities[wrong], kind="stable")][:count]
    return list(_mistakes(clips, probabilities, surest))


def _mistakes(clips: Clips, probabilities: Floats, rows: NDArray[np.intp]) -> Iterator[Mistake]:
    for row, crop in zip(rows, clips.read(rows), strict=True):
        frames = np.unique(np.linspace(0, crop.shape[1] - 1, _FRAMES).round().astype(int))
        yield Mistake(
            clip_id=str(clips.facts.clip_ids[row]),
            project_id=str(clips.facts.project_ids[row]),
            stalled=bool(clips.stalled[row]),
            probability=float(probabilities[row]),
            strip=draw_strip(crop[:, frames]),
            frames=tuple(frames.tolist()),
        )


def draw_strip(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames in rows, `uint8 [H, W, 3]`, of a crop `[C, T, S, S]`, brightened so that few pixels are white.

    The pixels that border on the inside, which is where the second channel is not 0, are orange. A crop without
    a second channel shows the outline only if it was kept in the picture.
    """
    grey = crop[0].astype(np.float64)
    white = max(float(np.quantile(grey, 0.998)), 1.0)
    bright = (255 * np.clip(grey / white, 0, 1)).round().astype(np.uint8)
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


def _border(inside: Bools) -> Bools:
    """The pixels `[S, S]` beside the inside, left, right, above or below it."""
    padded = np.pad(inside, 1)
    beside: Bools = padded[2:, 1:-1] | padded[:-2, 1:-1] | padded[1:-1, 2:] | padded[1:-1, :-2]
    return beside & ~inside
