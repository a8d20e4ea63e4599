"""The mosaic: a clip's frames laid side by side in one picture, which a network for pictures then judges.

What people try first, since it needs nothing made for video: movement can be seen only by comparing tiles that lie
far apart. The network is torchvision's ResNet-18 (He, Zhang, Ren and Sun 2015, arXiv 1512.03385), from random weights.
"""

import math
from typing import Literal

from torch import Tensor
from torchvision.models import resnet18

from training.networks.contract import Config, Network, take_channels


class MosaicConfig(Config):
    """A mosaic has no choices but those of its input: the frames make a grid that is as square as it can be."""

    architecture: Literal["mosaic"] = "mosaic"

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns: 16 frames -> (4, 4), 32 -> (4, 8), 7 -> (1, 7)."""
        rows = max(rows for rows in range(1, math.isqrt(self.frames) + 1) if self.frames % rows == 0)
        return rows, self.frames // rows


class Mosaic(Network):
    """The picture of all frames and a ResNet-18."""

    config: MosaicConfig

    def __init__(self, config: MosaicConfig) -> None:
        super().__init__(config)
        self.resnet = resnet18(weights=None, num_classes=config.outputs)
        take_channels(self.resnet.conv1, config.channels)

    def logits(self, clips: Tensor) -> Tensor:
        """From normalised clips, `float [N, C, T, S, S]`, to `[N, outputs]`."""
        logits: Tensor = self.resnet(tile(clips, self.config.grid))
        return logits


def tile(clips: Tensor, grid: tuple[int, int]) -> Tensor:
    """Lays frames in reading order: `[N, C, T, S, S]` with a grid of R x K = T to `[N, C, R * S, K * S]`."""
    clips_count, channels, _, size, _ = clips.shape
    rows, columns = grid
    frames = clips.reshape(clips_count, channels, rows, columns, size, size)
    return frames.transpose(3, 4).reshape(clips_count, channels, rows * size, columns * size)
