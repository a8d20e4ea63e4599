"""Runs a network over a set of clips."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from training.dataset import Clips
from training.slowfast import SlowFast

_BATCH = 32


def score(network: SlowFast, clips: Clips, *, progress: Callable[[int, int], None]) -> NDArray[np.float32]:
    """Logits `[N]` in float32, as an engine would give them; the network must be in evaluation mode."""
    logits = np.empty(len(clips), np.float32)
    with torch.inference_mode():
        for start in range(0, len(clips), _BATCH):
            batch = np.array(clips.pixels[start : start + _BATCH])  # a copy: a mapped file may not be written to
            logits[start : start + len(batch)] = network(torch.from_numpy(batch)).numpy()
            progress(start + len(batch), len(clips))
    return logits
