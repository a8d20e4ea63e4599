"""The networks that can be trained, behind one interface: `build` makes any of them from its configuration."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.validation import first_error
from training.networks.average import Average, AverageConfig, SingleConfig, Views, join
from training.networks.contract import Config, Network
from training.networks.mosaic import Mosaic, MosaicConfig
from training.networks.slowfast import R50_4X16, R50_8X8, R50_HALF, R101_8X8, SLIM, SlowFast, SlowFastConfig
from training.networks.video_resnet import VideoResNet, VideoResNetConfig

__all__ = [
    "PRESETS",
    "AverageConfig",
    "Config",
    "Network",
    "NetworkConfig",
    "SingleConfig",
    "Views",
    "build",
    "join",
    "network_named",
]


def _name_architecture(value: Any) -> Any:
    """The first checkpoints are SlowFasts and don't say so: there was nothing else."""
    return {"architecture": "slowfast", **value} if isinstance(value, dict) else value


NetworkConfig = Annotated[
    SlowFastConfig | MosaicConfig | VideoResNetConfig | AverageConfig,
    Field(discriminator="architecture"),
    BeforeValidator(_name_architecture),
]
"""Any network's configuration; `architecture` says which."""

PRESETS: dict[str, SingleConfig] = {
    "slim": SLIM,
    "r50-half": R50_HALF,
    "r50-4x16": R50_4X16,
    "r50-8x8": R50_8X8,
    "r101-8x8": R101_8X8,
    "mosaic": MosaicConfig(),
    "r3d_18": VideoResNetConfig(architecture="r3d_18"),
    "mc3_18": VideoResNetConfig(architecture="mc3_18"),
    "r2plus1d_18": VideoResNetConfig(architecture="r2plus1d_18"),
}
"""By the names of `training.network_names`."""


def network_named(name: str, spec: ClipSpec) -> SingleConfig:
    """A preset for the clips of a spec.

    Raises:
        UserError: there is no such preset, or it can't take so many frames.
    """
    if name not in PRESETS:
        raise UserError(f"{name}: no such network; there are {', '.join(PRESETS)}")
    try:
        return PRESETS[name].taking(spec)
    except ValidationError as error:
        raise UserError(f"{name} can't take clips of {spec.frames} frames: {first_error(error)}") from None


def build(config: NetworkConfig) -> Network:
    """The network of a configuration, with random weights drawn by torch's generator."""
    match config:
        case SlowFastConfig():
            return SlowFast(config)
        case MosaicConfig():
            return Mosaic(config)
        case VideoResNetConfig():
            return VideoResNet(config)
        case AverageConfig():
            return Average(config, [build(member) for member in config.members])
