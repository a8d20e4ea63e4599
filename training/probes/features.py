"""Numbers of a clip that should not tell its label."""

import numpy as np
from numpy.typing import NDArray

from training.data.clips import Clips

_BATCH = 64


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
