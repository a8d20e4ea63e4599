"""Runs a network over a set of clips, on the device that the network is on."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.clips import Clips
from training.networks import Network

_BATCH = 32


def score_each(network: Network, clips: Iterable[tuple[str, NDArray[np.uint8]]]) -> Iterator[tuple[str, float]]:
    """Logits of clips `[C, T, S, S]` that come one by one, by their names; none waits for more than a batch."""
    left = iter(clips)
    while batch := list(islice(left, _BATCH)):
        logits = _logits(network, np.stack([pixels for _, pixels in batch]))
        yield from zip((clip_id for clip_id, _ in batch), logits.tolist(), strict=True)


def score(network: Network, clips: Clips, *, progress: Callable[[int, int], None]) -> NDArray[np.float32]:
    """Logits `[N]` in float32, as an engine would give them; the network must be in evaluation mode."""
    logits = np.empty(len(clips), np.float32)
    for start in range(0, len(clips), _BATCH):
        batch = clips.read(np.arange(start, min(start + _BATCH, len(clips))))
        logits[start : start + len(batch)] = _logits(network, batch)
        progress(start + len(batch), len(clips))
    return logits


def _logits(network: Network, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    device = next(network.parameters()).device
    with torch.inference_mode():
        logits: NDArray[np.float32] = network(torch.from_numpy(batch).to(device)).cpu().numpy()
    return logits
