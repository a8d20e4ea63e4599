"""Settings of `python -m trt_build`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from stream.cli import CommandSettings


class BuildSettings(CommandSettings):
    """Compiles a checkpoint to an artifact that workers run."""

    model_config = SettingsConfigDict(env_prefix="STALL_BUILD_")

    checkpoint: Path = Field(description="folder that training wrote: model.safetensors and checkpoint.json")
    out: Path = Field(description="folder to write the artifact to")
    force: bool = Field(default=False, description="replace the artifact that is there")
