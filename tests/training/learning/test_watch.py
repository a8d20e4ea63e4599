"""A watch scores the same clips each time, both classes alike, and leaves the network as it was."""

import numpy as np
import pytest
import torch

from tests.training.data.made import facts
from training.data.clips import Clips
from training.learning.watch import Watch
from training.networks import Config, Network


class Brightness(Network):
    """Calls what is bright stalled; while it is trained it knows nothing."""

    def __init__(self) -> None:
        super().__init__(Config(architecture="brightness", frames=2, mean=(0.0,), std=(1.0,)))
        self.gain = torch.nn.Parameter(torch.tensor(1.0))

    def logits(self, clips: torch.Tensor) -> torch.Tensor:
        return self.gain * (clips.mean((1, 2, 3, 4))[:, None] - 0.5) * (0.0 if self.training else 1.0)


def bright_or_not(count: int, *, stalled_every: int) -> Clips:
    stalled = np.arange(count) % stalled_every == 0
    pixels = np.where(stalled, 255, 0).astype(np.uint8)[:, None, None, None, None]
    return Clips.of(np.broadcast_to(pixels, (count, 1, 2, 4, 4)), facts(stalled, project_ids="A" * count))


@pytest.mark.parametrize("stalled_every", [2, 20])
def test_rare_stalls_count_as_much_as_what_flows(stalled_every: int):
    network = Brightness().train()
    network.gain.data.fill_(2.0)
    point = Watch(bright_or_not(1200, stalled_every=stalled_every)).look(network)
    assert point.loss == pytest.approx(np.log1p(np.exp(-1.0)), abs=1e-5)
    assert point.pr_auc == 1.0
    assert network.training


def test_the_more_it_is_wrong_the_greater_the_loss():
    clips, network = bright_or_not(40, stalled_every=2), Brightness()
    network.gain.data.fill_(-2.0)
    point = Watch(clips).look(network)
    assert point.loss == pytest.approx(np.log1p(np.exp(1.0)), abs=1e-5)
    assert point.pr_auc == pytest.approx(0.5)
