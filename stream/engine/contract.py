"""What every engine promises, whatever runs underneath."""

from concurrent.futures import Future
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Engine(Protocol):
    """A compiled network. `submit` may be called from one thread only; futures resolve on any thread."""

    @property
    def runtime(self) -> str:
        """The library that computes and its version, as `openvino 2026.4.1`."""

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Batch sizes it was built for, rising; the last is the largest it takes."""

    @property
    def slots(self) -> int:
        """How many submitted batches keep it busy; more only wait."""

    def submit(self, clips: NDArray[np.uint8]) -> Future[NDArray[np.float32]]:
        """Scores clips `uint8 [N, C, T, S, S]`, 1 <= N <= batch_sizes[-1]; the future holds `float32 [N]` logits.

        Never blocks, and copies its input before it returns. The wrong dtype or shape raises ValueError
        at once. Whatever the future raises is a fault of the engine, never of a clip, and final: so does every
        later one.
        """

    def close(self) -> None:
        """Waits for what was submitted, then frees device and threads; a later `submit` raises RuntimeError."""


def check_clips(clips: NDArray[np.uint8], *, shape: tuple[int, int, int, int], largest: int) -> None:
    """What every engine asks of its input before it takes it.

    Args:
        clips: given to `submit`.
        shape: `[C, T, S, S]` of one clip.
        largest: number of clips that a batch may hold.

    Raises:
        ValueError: naming what was given and what is taken.
    """
    if clips.dtype != np.uint8 or clips.shape[1:] != shape or not 1 <= len(clips) <= largest:
        raise ValueError(f"clips are {clips.dtype} {clips.shape}; the engine takes uint8 (1..{largest}, *{shape})")
