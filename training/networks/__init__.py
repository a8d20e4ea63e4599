"""The networks that can be trained, behind one interface: `build` makes any of them from its configuration."""

from training.networks.contract import Config, Network
from training.networks.slowfast import R50_4X16, R50_8X8, R101_8X8, SLIM, SlowFast, SlowFastConfig

__all__ = ["PRESETS", "Config", "Network", "NetworkConfig", "build"]

NetworkConfig = SlowFastConfig
"""Any network's configuration."""
PRESETS: dict[str, NetworkConfig] = {"slim": SLIM, "r50-8x8": R50_8X8, "r50-4x16": R50_4X16, "r101-8x8": R101_8X8}


def build(config: NetworkConfig) -> Network:
    """The network of a configuration, with random weights drawn by torch's generator."""
    return SlowFast(config)
