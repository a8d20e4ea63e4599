"""Settings of `python -m trt_build`."""

from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from stream.engine.artifact import Hardware, Kind, Precision
from stream.processes.cpus import usable_cpus
from stream.terminal.cli import CommandSettings, Names

LEAST_CALIBRATED = 32
"""Clips that int8 is calibrated on at least."""
LEAST_JUDGED = 600
"""Clips that int8 is judged on at least. Where none of n verdicts changes, the true share is below 3/n with 95 %
confidence (Hanley and Lippman-Hand 1983, JAMA 249:1743-1745): of fewer clips not even that is within 0.5 %, the limit.
"""
_OF_GENERATED = ("preset", "cache", "processes")
_OF_INT8 = ("data", "calibration_clips", "validation_clips", *_OF_GENERATED)
_OF_TENSORRT = (
    "usual_batch",
    "largest_batch",
    "workspace_mb",
    "builder_level",
    "hardware",
    "timing_cache",
)


class BuildSettings(CommandSettings):
    """Compiles a checkpoint to an artifact that workers run."""

    model_config = SettingsConfigDict(env_prefix="STALL_BUILD_")

    checkpoint: Path = Field(description="folder that training wrote: model.safetensors and checkpoint.json")
    out: Path = Field(description="folder to write the artifact to")
    force: bool = Field(default=False, description="replace the artifact that is there")
    target: Kind = Field(
        default="openvino", description="openvino for CPUs, tensorrt for the NVIDIA GPU of this machine"
    )
    precision: Precision = Field(
        default="fp32",
        description="int8 is faster, and is refused where it changes too many verdicts; fp16 is for GPUs",
    )
    data: Path | None = Field(
        default=None,
        description="cache that `training prepare` made, to calibrate int8 on and to judge it; by default clips are "
        "generated",
    )
    calibration_clips: int = Field(
        default=300, ge=LEAST_CALIBRATED, le=100_000, description="clips that int8 is calibrated on"
    )
    validation_clips: int = Field(
        default=2000,
        ge=LEAST_JUDGED,
        le=600_000,
        description="clips, at most, that int8 is judged on; of fewer than 600 not even no changed verdict shows that "
        "less than 0.5 % change",
    )
    preset: Names = Field(default=["demo", "field"], description="how hard generated clips are; several are mixed")
    cache: Path = Field(
        default=Path("~/.cache/stall-stream/clips"), description="folder that keeps generated clips (131 kB each)"
    )
    processes: int = Field(default_factory=usable_cpus, ge=1, le=256, description="processes that generate clips")
    usual_batch: int = Field(default=8, ge=1, le=1024, description="clips in a batch that TensorRT chooses kernels for")
    largest_batch: int = Field(default=64, ge=1, le=1024, description="clips, at most, in a batch that TensorRT takes")
    workspace_mb: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="memory that a kernel of TensorRT may use beside its tensors; by default all there is",
    )
    builder_level: int = Field(
        default=3, ge=0, le=5, description="how long TensorRT searches for fast kernels: 0 hardly, 5 very"
    )
    hardware: Hardware = Field(
        default="this",
        description="GPUs that a plan of TensorRT is for: the one here, all of its compute capability, or all from 8.0 "
        "on, the last two at some speed",
    )
    timing_cache: Path = Field(
        default=Path("~/.cache/stall-stream/timing"),
        description="folder that keeps what TensorRT has timed, one file for each GPU, version and driver",
    )

    @model_validator(mode="after")
    def _each_has_a_meaning(self) -> "BuildSettings":
        """What would be passed over is refused: whoever gave it counts on it."""
        if self.target == "openvino" and self.precision == "fp16":
            raise ValueError(
                "--precision fp16 is for GPUs (--target tensorrt): a CPU computes fp32 or int8; give one of these"
            )
        if self.target != "tensorrt":
            self._refuse(_OF_TENSORRT, "--target tensorrt")
        if self.precision != "int8":
            self._refuse(_OF_INT8, "--precision int8")
        if self.data:
            self._refuse(_OF_GENERATED, "generated clips", "leave it out, or --data")
        if self.usual_batch > self.largest_batch:
            raise ValueError(
                f"--usual-batch {self.usual_batch} is more than --largest-batch {self.largest_batch}; give a smaller "
                "one, or raise the other"
            )
        return self

    def _refuse(self, names: tuple[str, ...], meant_for: str, rest: str = "leave it out, or give that") -> None:
        if given := [name for name in names if name in self.model_fields_set]:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ValueError(f"{flags} would change nothing but with {meant_for}; {rest}")
