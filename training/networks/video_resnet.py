"""torchvision's 18-layer residual networks for video: convolutions in space and time all through.

Tran, Wang, Torresani, Ray, LeCun and Paluri 2017, "A Closer Look at Spatiotemporal Convolutions for Action
Recognition" (arXiv 1711.11248). The third place of the competition averaged two r2plus1d_18 and an mc3_18.
"""

from typing import Literal

from torch import Tensor
from torchvision.models import get_model

from training.networks.contract import Config, Network, take_channels


class VideoResNetConfig(Config):
    """Which of the three; all else is as published, but for the channels that go in and the logits that come out."""

    architecture: Literal["r3d_18", "mc3_18", "r2plus1d_18"]
    """3x3x3 convolutions in all stages, in the first of them only (then 1x3x3), or each split in 1x3x3 and 3x1x1."""


class VideoResNet(Network):
    """A network of torchvision, from random weights: none are fetched."""

    config: VideoResNetConfig

    def __init__(self, config: VideoResNetConfig) -> None:
        super().__init__(config)
        self.resnet = get_model(config.architecture, weights=None, num_classes=config.outputs)
        take_channels(self.resnet.stem[0], config.channels)

    def logits(self, clips: Tensor) -> Tensor:
        """From normalised clips, `float [N, C, T, S, S]`, to `[N, outputs]`."""
        logits: Tensor = self.resnet(clips)
        return logits
