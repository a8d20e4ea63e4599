"""Scores whole sets of labelled clips with an engine."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stream.engine.contract import Engine
from stream.engine.golden import score_all
from training.data.clips import Clips

_BLOCK = 64
"""Clips that are read at a time."""


def score_clips(engine: Engine, clips: Clips, *, progress: Callable[[int, int], None]) -> NDArray[np.float32]:
    """Logits `[N]`, in the largest batches that the engine takes."""
    logits = np.empty(len(clips), np.float32)
    for start in range(0, len(clips), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(clips)))
        logits[rows] = score_all(engine, clips.read(rows), batch_size=engine.batch_sizes[-1])
        progress(int(rows[-1]) + 1, len(clips))
    return logits
