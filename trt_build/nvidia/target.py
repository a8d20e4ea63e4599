"""TensorRT as a target: the ONNX file in the precision asked for, then the plan for the GPU of this machine."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.engine.artifact import Device, Kind, Precision
from stream.engine.driver import Gpu, require_gpu
from stream.engine.nvlog import Lines
from stream.engine.open import tensorrt_engine
from trt_build.layers import PLAN_LAYERS
from trt_build.nvidia.fp16 import write_fp16
from trt_build.nvidia.handle import Handle, check_reach, load
from trt_build.nvidia.int8 import write_int8
from trt_build.nvidia.plan import PlanSettings, compile_plan, inspect
from trt_build.nvidia.reference import logits, outputs_of_layers
from trt_build.nvidia.timing import timing_file
from trt_build.settings import BuildSettings
from trt_build.target import ONNX, Outputs

LOWERED = "lowered.onnx"
"""What the plan was compiled from, where that isn't the exported file itself."""


@dataclass(frozen=True, slots=True)
class TensorRtTarget:
    """See `trt_build.target.Target`."""

    precision: Precision
    plan: PlanSettings
    handle: Handle
    gpu: Gpu
    kind: Kind = "tensorrt"

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The profile's."""
        return tuple(sorted({1, self.plan.usual_batch, self.plan.largest_batch}))

    @property
    def device(self) -> Device:
        """The GPU, and which others the plan runs on."""
        return Device(name=self.gpu.name, compute_capability=self.gpu.capability, hardware=self.plan.hardware)

    @property
    def builder(self) -> dict[str, str]:
        """Of TensorRT and of ONNX Runtime, and the CUDA that the driver serves."""
        return {
            "tensorrt": self.handle.library.__version__,
            "onnxruntime": version("onnxruntime"),
            "cuda": self.gpu.cuda,
        }

    def compile(self, folder: Path, calibration: NDArray[np.uint8] | None) -> tuple[str, ...]:
        """Writes model.plan and, where the inspector says anything, what it says of the layers."""
        plan = compile_plan(self._lower(folder, calibration), self.plan, self.handle)
        (folder / "model.plan").write_bytes(plan.content)
        lines = Lines()
        if layers := inspect(plan.content, self.handle, lines):
            (folder / PLAN_LAYERS).write_text(layers)
        return (*plan.warnings, *(f"inspector: {each}" for each in (*lines.errors, *lines.warnings)))

    def scored_elsewhere(self, folder: Path, clips: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """By ONNX Runtime, in integers and in floating point; they round otherwise, and no other GPU is at hand."""
        return [logits(folder / LOWERED, clips, fused=fused) for fused in (True, False)]

    def layers(self, folder: Path, clips: NDArray[np.uint8]) -> tuple[Outputs, Outputs]:
        """As ONNX Runtime computes them from either file."""
        exact, lowered = (outputs_of_layers(folder / file, clips) for file in (ONNX, LOWERED))
        return exact, lowered

    def _lower(self, folder: Path, calibration: NDArray[np.uint8] | None) -> Path:
        source, lowered = folder / ONNX, folder / LOWERED
        if self.precision == "fp32":
            return source
        if self.precision == "fp16":
            write_fp16(source, lowered)
        else:
            assert calibration is not None
            write_int8(source, lowered, clips=calibration)
        return lowered


def tensorrt_here(settings: BuildSettings) -> TensorRtTarget:
    """TensorRT on the GPU of this machine, as the settings want it.

    Raises:
        UserError: there is no GPU, no TensorRT that this is written for, or nothing to run its plans with.
    """
    gpu = require_gpu()
    handle = load(gpu)
    check_reach(settings.hardware, gpu)
    tensorrt_engine()  # the proof will need it: better to hear of it before minutes of compiling
    plan = PlanSettings(
        usual_batch=settings.usual_batch,
        largest_batch=settings.largest_batch,
        hardware=settings.hardware,
        workspace_bytes=settings.workspace_mb and settings.workspace_mb * 10**6,
        level=settings.builder_level,
        timing=timing_file(settings.timing_cache.expanduser(), handle=handle, gpu=gpu),
    )
    return TensorRtTarget(settings.precision, plan, handle, gpu)
