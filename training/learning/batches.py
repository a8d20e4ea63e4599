"""Which clips form a batch: a function of the seed and the step alone, so a run may go on from any step."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from training.data.clips import Clips, Rows


@dataclass(frozen=True, slots=True)
class Batch:
    """Clips of one step, as they are kept."""

    step: int
    pixels: NDArray[np.uint8]
    """`[N, C, T, S, S]`."""
    stalled: NDArray[np.bool_]
    clip_ids: NDArray[np.str_]


class Sampler:
    """Draws clips so that none comes twice before all of its kind have come once."""

    def __init__(self, stalled: NDArray[np.bool_], *, batch: int, stalled_in_batch: int | None, seed: int) -> None:
        """With a number of stalled clips the classes are two kinds, drawn apart; without one there is one kind.

        Args:
            stalled: `[N]`, labels of the clips that may be drawn.
            batch: clips in a step.
            stalled_in_batch: how many of them are stalled.
            seed: of the order.
        """
        self._order = lru_cache(maxsize=4)(lambda kind, each: _shuffled(self._kinds[kind][0], seed, kind, each))
        everyone = np.arange(len(stalled))
        if stalled_in_batch is None:
            self._kinds = [(everyone, batch)]
        else:
            self._kinds = [(everyone[stalled], stalled_in_batch), (everyone[~stalled], batch - stalled_in_batch)]

    def indices(self, step: int) -> Rows:
        """`[batch]`, the clips of a step; steps count from 0."""
        return np.array(
            [
                self._order(kind, turn // len(clips))[turn % len(clips)]
                for kind, (clips, count) in enumerate(self._kinds)
                for turn in range(step * count, (step + 1) * count)
            ],
            np.intp,
        )


def _shuffled(clips: Rows, *seeds: int) -> Rows:
    return np.random.default_rng(seeds).permutation(clips)


def batches(clips: Clips, sampler: Sampler, *, first: int, part: int = 0, parts: int = 1) -> Generator[Batch]:
    """Batches without end from step `first` on; the next is read while one is in use.

    Args:
        clips: to draw from.
        sampler: says which.
        first: the first step.
        part: of `parts` processes, which each take every so manyth clip of a batch.
        parts: how many there are.
    """

    def read(step: int) -> Batch:
        mine = clips.take(sampler.indices(step)[part::parts])
        return Batch(step, mine.read(np.arange(len(mine))), mine.stalled, mine.facts.clip_ids)

    with ThreadPoolExecutor(1, thread_name_prefix="batches") as ahead:
        step, coming = first, ahead.submit(read, first)
        while True:
            batch, step = coming.result(), step + 1
            coming = ahead.submit(read, step)
            yield batch
