"""SlowFast: one path sees few frames and much detail, the other all frames and little, and tells the first.

Feichtenhofer, Fan, Malik and He 2019, "SlowFast Networks for Video Recognition" (arXiv 1812.03982), in plain
PyTorch. Cast, normalisation and the split into slow and fast frames are part of the network, so that nothing
outside it has to know them.
"""

from collections import OrderedDict
from typing import Literal

import torch
from pydantic import model_validator
from torch import Tensor, nn

from training.networks.contract import Config, Network

Stages = tuple[int, int, int, int, int]
"""One number for the stem and each of the four residual stages."""


class SlowFastConfig(Config):
    """All that decides the shape of a SlowFast; by default the published R50 8x8, but for its input."""

    architecture: Literal["slowfast"] = "slowfast"
    frames: int = 32
    """T, frames of the fast path."""
    alpha: int = 4
    """The slow path sees T / alpha frames."""
    block: Literal["bottleneck", "basic"] = "bottleneck"
    depths: tuple[int, int, int, int] = (3, 4, 6, 3)
    """Blocks of each stage."""
    slow_channels: Stages = (64, 64, 128, 256, 512)
    """Channels inside the blocks; a bottleneck puts out four times as many."""
    fast_channels: Stages = (8, 8, 16, 32, 64)
    """The published networks have beta = 1/8 of the slow path's."""
    slow_kernels: Stages = (1, 1, 1, 3, 3)
    """Extent in time of a block's first convolution."""
    fast_kernels: Stages = (5, 3, 3, 3, 3)
    lateral_kernel: int = 7
    """Extent in time of the convolutions that carry fast features to the slow path."""
    lateral_ratio: int = 2
    """Channels that they put out, for each that goes in."""
    stem_kernel: int = 7
    """Extent in space; the stem's stride is 2."""
    stem_pool: bool = True
    """Halve once more behind the stem: a small crop has no pixels to spare."""
    dropout: float = 0.5

    @model_validator(mode="after")
    def _fits_together(self) -> "SlowFastConfig":
        if self.frames % self.alpha:
            raise ValueError(f"frames = {self.frames} must be a multiple of alpha = {self.alpha}")
        kernels = (*self.slow_kernels, *self.fast_kernels, self.lateral_kernel, self.stem_kernel)
        if any(kernel % 2 == 0 for kernel in kernels):
            raise ValueError(f"kernels must be odd, or features would shift: {kernels}")
        return self

    @property
    def expansion(self) -> int:
        """Channels that a block puts out for each inside it."""
        return 4 if self.block == "bottleneck" else 1


R50_8X8 = SlowFastConfig()
R50_4X16 = SlowFastConfig(alpha=8, lateral_kernel=5)
R101_8X8 = SlowFastConfig(depths=(3, 4, 23, 3), lateral_kernel=5)
R50_HALF = SlowFastConfig(slow_channels=(32, 32, 64, 128, 256), fast_channels=(4, 4, 8, 16, 32))
SLIM = SlowFastConfig(
    frames=16,
    block="basic",
    depths=(1, 1, 1, 1),
    slow_channels=(16, 16, 32, 64, 96),
    fast_channels=(8, 8, 12, 16, 24),
    fast_kernels=(3, 1, 3, 3, 3),
    lateral_kernel=5,
    stem_kernel=3,
    stem_pool=False,
    dropout=0.1,
)
"""For crops of 64 pixels on a CPU: convolutions in time are left out where the image is large and they cost most."""


class SlowFast(Network):
    """The two paths, their levels in turn, and one linear layer on the means of both."""

    config: SlowFastConfig
    slow_frames: Tensor

    def __init__(self, config: SlowFastConfig) -> None:
        super().__init__(config)
        slow_frames = torch.linspace(0, config.frames - 1, config.frames // config.alpha).long()
        self.register_buffer("slow_frames", slow_frames, persistent=False)
        slow, fast = config.slow_channels[0], config.fast_channels[0]
        self.stem = _Level(
            slow=_stem(config, slow, config.slow_kernels[0]),
            fast=_stem(config, fast, config.fast_kernels[0]),
            lateral=_lateral(config, fast),
        )
        self.stages = nn.ModuleList()
        for stage in range(1, 5):
            joined = slow + config.lateral_ratio * fast
            self.stages.append(
                _Level(
                    slow=_blocks(config, stage, joined, config.slow_channels[stage], config.slow_kernels[stage]),
                    fast=_blocks(config, stage, fast, config.fast_channels[stage], config.fast_kernels[stage]),
                    lateral=_lateral(config, config.expansion * config.fast_channels[stage]) if stage < 4 else None,
                )
            )
            slow, fast = (config.expansion * path[stage] for path in (config.slow_channels, config.fast_channels))
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(slow + fast, config.outputs)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def logits(self, clips: Tensor) -> Tensor:
        """From normalised clips, `float [N, C, T, S, S]`, to `[N, outputs]`."""
        logits: Tensor = self.head(self.dropout(self.features(clips)))
        return logits

    def features(self, clips: Tensor) -> Tensor:
        """From normalised clips, `float [N, C, T, S, S]`, to the means over space and time, slow ones first."""
        fast = clips
        slow = fast.index_select(2, self.slow_frames)
        slow, fast = self.stem(slow, fast)
        for stage in self.stages:
            slow, fast = stage(slow, fast)
        return torch.cat([slow.mean((2, 3, 4)), fast.mean((2, 3, 4))], dim=1)


class _Level(nn.Module):
    """One level of both paths; its fast features join the slow ones behind it, except after the last."""

    def __init__(self, *, slow: nn.Module, fast: nn.Module, lateral: nn.Module | None) -> None:
        super().__init__()
        self.slow, self.fast, self.lateral = slow, fast, lateral

    def forward(self, slow: Tensor, fast: Tensor) -> tuple[Tensor, Tensor]:
        slow, fast = self.slow(slow), self.fast(fast)
        return (slow, fast) if self.lateral is None else (torch.cat([slow, self.lateral(fast)], dim=1), fast)


class _Residual(nn.Module):
    def __init__(self, branch: nn.Sequential, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(self.shortcut(x) + self.branch(x))
        return out


def _stem(config: SlowFastConfig, channels: int, kernel: int) -> nn.Sequential:
    size = config.stem_kernel
    parts = _convolution("stem", config.channels, channels, (kernel, size, size), stride=(1, 2, 2))
    parts["relu"] = nn.ReLU(inplace=True)
    if config.stem_pool:
        parts["pool"] = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
    return nn.Sequential(parts)


def _lateral(config: SlowFastConfig, channels: int) -> nn.Sequential:
    kernel, stride = (config.lateral_kernel, 1, 1), (config.alpha, 1, 1)
    parts = _convolution("lateral", channels, config.lateral_ratio * channels, kernel, stride=stride)
    parts["relu"] = nn.ReLU(inplace=True)
    return nn.Sequential(parts)


def _blocks(config: SlowFastConfig, stage: int, channels: int, inner: int, kernel: int) -> nn.Sequential:
    """The residual blocks of one path in one stage; the first halves the image, except in the first stage."""
    blocks = nn.Sequential()
    for block in range(config.depths[stage - 1]):
        stride = 2 if block == 0 and stage > 1 else 1
        make = _bottleneck if config.block == "bottleneck" else _basic
        blocks.append(
            _Residual(make(channels, inner, kernel, stride), _shortcut(channels, config.expansion * inner, stride))
        )
        channels = config.expansion * inner
    return blocks


def _bottleneck(channels: int, inner: int, kernel: int, stride: int) -> nn.Sequential:
    parts = _convolution("a", channels, inner, (kernel, 1, 1))
    parts["a_relu"] = nn.ReLU(inplace=True)
    parts |= _convolution("b", inner, inner, (1, 3, 3), stride=(1, stride, stride))
    parts["b_relu"] = nn.ReLU(inplace=True)
    parts |= _convolution("last", inner, 4 * inner, (1, 1, 1))
    return nn.Sequential(parts)


def _basic(channels: int, inner: int, kernel: int, stride: int) -> nn.Sequential:
    parts = _convolution("a", channels, inner, (kernel, 3, 3), stride=(1, stride, stride))
    parts["a_relu"] = nn.ReLU(inplace=True)
    parts |= _convolution("last", inner, inner, (1, 3, 3))
    return nn.Sequential(parts)


def _shortcut(channels: int, out: int, stride: int) -> nn.Module:
    if channels == out and stride == 1:
        return nn.Identity()
    return nn.Sequential(_convolution("shortcut", channels, out, (1, 1, 1), stride=(1, stride, stride)))


def _convolution(
    name: str, channels: int, out: int, kernel: tuple[int, int, int], *, stride: tuple[int, int, int] = (1, 1, 1)
) -> OrderedDict[str, nn.Module]:
    """A convolution that keeps the extent but for its stride, and its batch norm, by name."""
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    convolution = nn.Conv3d(channels, out, kernel, stride, padding, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    norm = nn.BatchNorm3d(out)
    if name == "last":
        nn.init.zeros_(norm.weight)  # each block starts as the identity
    return OrderedDict({name: convolution, f"{name}_bn": norm})
