"""The average: several networks, each looking at several views of a clip, as one network.

Folds and seeds become one file by it: it is trained nowhere, but saved, exported and served like any other. The
views are the symmetries of the square, under which a vessel stays a vessel. All views of a batch go through a member
as one larger batch, so that the exported graph holds each member's weights once.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, Self, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from training.networks.contract import Config, Network
from training.networks.mosaic import MosaicConfig
from training.networks.slowfast import SlowFastConfig
from training.networks.video_resnet import VideoResNetConfig

SingleConfig = Annotated[SlowFastConfig | MosaicConfig | VideoResNetConfig, Field(discriminator="architecture")]
"""The configuration of any network that is no average."""
Views = Literal[1, 2, 4, 8]
"""The clip as it is; its mirror image too; both upside down too; all four transposed too."""

_SHARED = ("frames", "mean", "std", "outputs")


class AverageConfig(Config):
    """Members and views. Input and outputs are the members', which must agree in them, and need not be given."""

    architecture: Literal["average"] = "average"
    members: tuple[SingleConfig, ...] = Field(min_length=1)
    views: Views = 1

    @model_validator(mode="before")
    @classmethod
    def _follows_its_members(cls, fields: Any) -> Any:
        members = fields.get("members")
        if not members or not isinstance(members[0], Config):
            return fields
        shared = {name: getattr(members[0], name) for name in _SHARED}
        return {**shared, **fields}

    @model_validator(mode="after")
    def _agrees_with_its_members(self) -> Self:
        for name in _SHARED:
            values = [getattr(member, name) for member in self.members]
            if any(value != getattr(self, name) for value in values):
                raise ValueError(f"{name} must be the same in all members and is {values}")
        return self


class Average(Network):
    """The mean of logits over members and views."""

    config: AverageConfig

    def __init__(self, config: AverageConfig, members: Sequence[Network]) -> None:
        super().__init__(config)
        self.members = nn.ModuleList(members)

    def logits(self, clips: Tensor) -> Tensor:
        """From normalised clips, `float [N, C, T, S, S]`, to `[N, outputs]`."""
        seen = torch.cat(views(clips, self.config.views))
        logits = [cast(Network, member).logits(seen).float() for member in self.members]
        shape = (len(self.members), self.config.views, -1, self.config.outputs)
        return torch.stack(logits).reshape(shape).mean((0, 1))


def join(networks: Sequence[Network], *, views: Views = 1) -> Average:
    """Trained networks as one, in evaluation mode; it shares their weights.

    Raises:
        ValueError: they differ in what they take or put out, or one of them is itself an average.
    """
    config = AverageConfig.model_validate({"members": [network.config for network in networks], "views": views})
    return Average(config, networks).eval()


def views(clips: Tensor, count: Views) -> list[Tensor]:
    """The clips `[N, C, T, S, S]` in `count` ways; each step doubles those there are."""
    steps: tuple[Callable[[Tensor], Tensor], ...] = (
        lambda clips: clips.flip(4),
        lambda clips: clips.flip(3),
        lambda clips: clips.transpose(3, 4),
    )
    seen = [clips]
    for step in steps[: count.bit_length() - 1]:
        seen += [step(each) for each in seen]
    return seen
