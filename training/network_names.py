"""The names of the networks that can be asked for, with a sentence each: for help and tables, so without torch."""

from typing import Literal

NetworkName = Literal[
    "slim", "r50-half", "r50-4x16", "r50-8x8", "r101-8x8", "mosaic", "r3d_18", "mc3_18", "r2plus1d_18"
]

SUMMARIES: dict[NetworkName, str] = {
    "slim": "a narrow SlowFast of one basic block a stage, for crops of 64 pixels on a CPU",
    "r50-half": "SlowFast 8x8 R50 with half the channels and a quarter of the parameters",
    "r50-4x16": "SlowFast 4x16 R50 as published: the slow path sees an eighth of the frames",
    "r50-8x8": "SlowFast 8x8 R50 as published: the slow path sees a quarter of the frames",
    "r101-8x8": "SlowFast 8x8 R101 as published, 23 blocks in its fourth stage",
    "mosaic": "all frames as tiles of one picture, and a ResNet-18 for pictures",
    "r3d_18": "torchvision's 3D ResNet-18: every convolution is 3x3x3",
    "mc3_18": "torchvision's mixed ResNet-18: 3x3x3 convolutions in the first stage, 1x3x3 behind it",
    "r2plus1d_18": "torchvision's R(2+1)D-18: every convolution is split in space and time",
}
