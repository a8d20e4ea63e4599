"""The worst mistakes, each with its strip of frames."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.pictures import draw_strip
from training.data.clips import Clips
from training.measures.ranking import Bools, Floats

_FRAMES = 16
"""Most frames that are shown."""


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
