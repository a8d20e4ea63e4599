"""Numbers of a clip that should not tell its label."""

import numpy as np
from numpy.typing import NDArray

from training.data.clips import Clips

_BATCH = 64


def box_size(clips: Clips) -> NDArray[np.float64]:
    """`[N, 2]`, width and height of the outline's box."""
    boxes = clips.facts.boxes
    return np.asarray(boxes[:, 2:] - boxes[:, :2], np.float64)


def length(clips: Clips) -> NDArray[np.float64]:
    """`[N, 1]`, number of frames."""
    return clips.facts.num_frames[:, None].astype(np.float64)


def grey_and_change(clips: Clips) -> NDArray[np.float64]:
    """`[N, 2]`: mean grey within the outline, and mean absolute change of it from one frame taken to the next.

    The clips' second channel must be a mask or a distance.
    """
    found = []
    for start in range(0, len(clips), _BATCH):
        rows = np.arange(start, min(start + _BATCH, len(clips)))
        for grey, where in clips.read(rows):
            inside = grey[:, where[0] > 0].astype(np.float64)
            found.append((inside.mean(), np.abs(np.diff(inside, axis=0)).mean()))
    return np.array(found)
