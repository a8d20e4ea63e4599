"""Watch: how a network does on clips kept apart while it is trained, as points of curves that show when to stop."""

from dataclasses import dataclass

import numpy as np

from training.data.clips import Clips
from training.measures import Ranking
from training.networks import Network
from training.scoring import score

_MOST = 256
"""Clips of each class that are scored each time: some seconds on a CPU."""


@dataclass(frozen=True, slots=True)
class Point:
    """How a network does on the clips, both classes counted alike."""

    loss: float
    """Cross-entropy, as training minimises it with batches half stalled."""
    pr_auc: float


class Watch:
    """Some of the clips, the same each time."""

    def __init__(self, clips: Clips) -> None:
        rng = np.random.default_rng(0)
        some = [rng.permutation(np.flatnonzero(each))[:_MOST] for each in (clips.stalled, ~clips.stalled)]
        self._clips = clips.take(np.sort(np.concatenate(some)))

    def look(self, network: Network) -> Point:
        """Scores the clips; the network is left as it was found."""
        training = network.training
        try:
            logits = score(network.eval(), self._clips, progress=lambda _done, _total: None)
        finally:
            network.train(training)
        stalled = self._clips.stalled
        losses = np.logaddexp(0.0, np.where(stalled, -logits, logits))
        loss = (losses[stalled].mean() + losses[~stalled].mean()) / 2
        return Point(float(loss), Ranking(logits, stalled).rates().pr_auc(0.5))
