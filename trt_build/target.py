"""The target: a kind of device, and how an exported network becomes an engine for it in the precision asked for."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stream.engine.artifact import Device, Kind
from trt_build.settings import BuildSettings

ONNX = "model.onnx"
"""The network as it was exported, fp32; it stays in the artifact."""

Outputs = dict[str, NDArray[np.float32]]
"""Of a network's convolutions and linear layers, by their names; the first axis is the clip's."""


class Target(Protocol):
    """What `build` asks of a kind of device."""

    @property
    def kind(self) -> Kind:
        """Of its engines."""

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Rising; the last is the largest that its engines take."""

    @property
    def device(self) -> Device:
        """What it compiles for."""

    @property
    def builder(self) -> dict[str, str]:
        """Versions of what compiles, by package."""

    def compile(self, folder: Path, calibration: NDArray[np.uint8] | None) -> tuple[str, ...]:
        """Lowers the folder's model.onnx to the target's precision and writes the engine's files beside it.

        Args:
            folder: of the artifact.
            calibration: clips `uint8 [N, C, T, S, S]` for int8; None in other precisions.

        Returns:
            What the compiler warned of.

        Raises:
            UserError: it can't, for a reason that is said.
        """

    def scored_elsewhere(self, folder: Path, clips: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Logits `[N]` of clips `[N, C, T, S, S]` by the int8 network, as machines that round otherwise get them."""

    def layers(self, folder: Path, clips: NDArray[np.uint8]) -> tuple[Outputs, Outputs]:
        """What the layers give for clips `[N, C, T, S, S]`: first in fp32, then in int8."""


def target_for(settings: BuildSettings) -> Target:
    """Loads the libraries of the target that is asked for, and no others.

    Raises:
        UserError: this machine can't compile for it.
    """
    match settings.target:
        case "openvino":
            from trt_build.cpu.target import OpenVinoTarget  # noqa: PLC0415 - one library of two is installed

            return OpenVinoTarget(settings.precision)
        case "tensorrt":
            from trt_build.nvidia.target import tensorrt_here  # noqa: PLC0415 - one library of two is installed

            return tensorrt_here(settings)
