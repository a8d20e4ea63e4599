"""Sizes of the video files of generated clips; each is written in memory and measured."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stream.clip import prepare
from training.data.generated import Lot, draw_scene
from training.pools import pool
from training.synthetic import write_clip


def file_sizes(lot: Lot, count: int, *, processes: int, progress: Callable[[int, int], None]) -> NDArray[np.float64]:
    """`[count]`, bytes of the first clips of a lot."""
    labels = lot.labels()[:count].tolist()
    sizes = np.empty(count)
    with pool(processes, ready=prepare) as executor:
        for done, size in enumerate(executor.map(partial(_size, lot), range(count), labels, chunksize=2)):
            sizes[done] = size
            progress(done + 1, count)
    return sizes


def _size(lot: Lot, index: int, stalled: bool) -> int:  # noqa: FBT001 - called by map
    return len(write_clip(draw_scene(lot, index, stalled)))
