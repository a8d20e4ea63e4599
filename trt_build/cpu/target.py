"""OpenVINO: from the ONNX file to its intermediate representation, which each CPU compiles for itself at start."""

import errno
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.engine.artifact import Device, Kind, Precision
from stream.engine.cpu import core
from stream.engine.quiet import ov
from trt_build.cpu.reference import outputs_of_layers
from trt_build.target import ONNX, Outputs

_MODEL = "model.xml"


@dataclass(frozen=True, slots=True)
class OpenVinoTarget:
    """See `trt_build.target.Target`. NNCF is imported for int8 alone."""

    precision: Precision
    kind: Kind = "openvino"
    batch_sizes: tuple[int, ...] = (1,)
    """On a CPU, larger ones gain nothing."""

    @property
    def device(self) -> Device:
        """This machine's CPU, which the artifact isn't bound to."""
        return Device(name=str(core().get_property("CPU", "FULL_DEVICE_NAME")))

    @property
    def builder(self) -> dict[str, str]:
        """Of OpenVINO, and of what quantises."""
        return {name: version(name) for name in ("openvino", *(["nncf"] if self.precision == "int8" else []))}

    def compile(self, folder: Path, calibration: NDArray[np.uint8] | None) -> tuple[str, ...]:
        """Writes model.xml and model.bin.

        Raises:
            OSError: they can't be written; of a full disk OpenVINO only says that a stream failed.
        """
        model = ov.convert_model(folder / ONNX)  # with its constants folded: NNCF sees no bias behind a reshape
        if calibration is not None:
            from trt_build.cpu.int8 import quantise  # noqa: PLC0415 - brings NNCF, which fp32 has no use for

            model = quantise(model, calibration)
        try:
            ov.save_model(model, folder / _MODEL, compress_to_fp16=False)  # it would halve the weights unasked
        except RuntimeError as error:
            raise OSError(errno.EIO, f"OpenVINO says {error}") from None
        return ()

    def scored_elsewhere(self, folder: Path, clips: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """By each instruction set of CPUs."""
        from trt_build.cpu.isa import logits_by_set  # noqa: PLC0415 - only int8 asks

        return list(logits_by_set(folder / _MODEL, clips).values())

    def layers(self, folder: Path, clips: NDArray[np.uint8]) -> tuple[Outputs, Outputs]:
        """As OpenVINO computes them in fp32, and from what it was quantised to."""
        exact, lowered = (outputs_of_layers(folder / file, clips) for file in (ONNX, _MODEL))
        return exact, lowered
