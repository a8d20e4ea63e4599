"""Sizes of the video files of generated clips; each is written in memory and measured."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stream.clip import prepare
from stream.lifeline import serve_parent
from training.data.generated import Lot, draw_scene
from training.synthetic import write_clip


def file_sizes(lot: Lot, count: int, *, processes: int, progress: Callable[[int, int], None]) -> NDArray[np.float64]:
    """`[count]`, bytes of the first clips of a lot."""
    labels = lot.labels()[:count].tolist()
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_start_process) as pool:
        try:
            sizes = np.empty(count)
            for done, size in enumerate(pool.map(partial(_size, lot), range(count), labels, chunksize=2)):
                sizes[done] = size
                progress(done + 1, count)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return sizes


def _start_process() -> None:
    serve_parent()
    prepare()


def _size(lot: Lot, index: int, stalled: bool) -> int:  # noqa: FBT001 - called by map
    return len(write_clip(draw_scene(lot, index, stalled)))
