"""Settings of `python -m trt_build`."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from stream.cli import CommandSettings, Names


class BuildSettings(CommandSettings):
    """Compiles a checkpoint to an artifact that workers run."""

    model_config = SettingsConfigDict(env_prefix="STALL_BUILD_")

    checkpoint: Path = Field(description="folder that training wrote: model.safetensors and checkpoint.json")
    out: Path = Field(description="folder to write the artifact to")
    force: bool = Field(default=False, description="replace the artifact that is there")
    precision: Literal["fp32", "int8"] = Field(
        default="fp32", description="int8 is faster, and is refused where it changes too many verdicts"
    )
    data: Path | None = Field(
        default=None,
        description="cache that `training prepare` made, to calibrate int8 on and to judge it; by default clips are "
        "generated",
    )
    calibration_clips: int = Field(default=300, ge=32, le=100_000, description="clips that int8 is calibrated on")
    validation_clips: int = Field(default=2000, ge=32, le=600_000, description="clips, at most, that int8 is judged on")
    preset: Names = Field(default=["demo", "field"], description="how hard generated clips are; several are mixed")
    cache: Path = Field(
        default=Path("~/.cache/stall-stream/clips"), description="folder that keeps generated clips (131 kB each)"
    )
    processes: int = Field(default=os.cpu_count() or 1, ge=1, le=256, description="processes that generate clips")
