"""What every network is: uint8 clips in, one float32 logit for each out, and a configuration that says its shape."""

from typing import Any, Self

import torch
from pydantic import BaseModel, ConfigDict, model_validator
from torch import Tensor, nn

from stream.clip.spec import ClipSpec


class Config(BaseModel):
    """What the configurations of all networks share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str
    """Names the subclass: a checkpoint's card is read by it."""
    frames: int = 16
    """T."""
    mean: tuple[float, ...] = (0.45, 0.1)
    """Of each input channel, as a share of 255: grey, then the extra channel of a ClipSpec."""
    std: tuple[float, ...] = (0.225, 0.2)
    outputs: int = 1
    """Logits of a clip."""

    @model_validator(mode="after")
    def _one_deviation_for_each_mean(self) -> Self:
        if len(self.mean) != len(self.std):
            raise ValueError(f"mean has {len(self.mean)} channels and std has {len(self.std)}: give one for each")
        return self

    @property
    def channels(self) -> int:
        """C, input channels."""
        return len(self.mean)

    def variant(self, **changes: Any) -> Self:
        """A validated copy with some fields changed."""
        return type(self).model_validate({**self.model_dump(), **changes})

    def taking(self, spec: ClipSpec) -> Self:
        """A validated copy for the frames and channels of a spec's clips.

        Raises:
            ValueError: the network can't take so many frames.
        """
        return self.variant(frames=spec.frames, mean=self.mean[: spec.channels], std=self.std[: spec.channels])


class Network(nn.Module):
    """`uint8 [N, C, T, S, S]` to logits `float32 [N]`, or `[N, outputs]` where there are several.

    A positive logit speaks for stalled. A subclass computes `logits`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        for name, shares in (("mean", config.mean), ("std", config.std)):
            values = 255 * torch.tensor(shares).view(1, -1, 1, 1, 1)
            self.register_buffer(name, values, persistent=False)  # the config tells them

    def forward(self, clips: Tensor) -> Tensor:
        """Scores clips."""
        normal = (clips.float() - self.mean) / self.std  # the cast comes first: some engines take uint8 for that only
        logits = self.logits(normal).float()
        return logits.squeeze(1) if self.config.outputs == 1 else logits

    def logits(self, clips: Tensor) -> Tensor:
        """From normalised clips, `float [N, C, T, S, S]`, to `[N, outputs]`."""
        raise NotImplementedError


def take_channels(stem: nn.Conv2d | nn.Conv3d, channels: int) -> None:
    """Gives another network's first convolution a new number of input channels, and weights to begin with."""
    out, _, *kernel = stem.weight.shape
    stem.in_channels = channels
    stem.weight = nn.Parameter(torch.empty(out, channels, *kernel))
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
