"""Settings of `python -m trt_build bench`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import CliPositionalArg, SettingsConfigDict

from stream.processes.cpus import usable_cpus
from stream.terminal.cli import CommandSettings, Several


class BenchSettings(CommandSettings):
    """Measures artifacts side by side, against PyTorch and ONNX Runtime on the same clips."""

    model_config = SettingsConfigDict(env_prefix="STALL_BENCH_", cli_shortcuts={"json-file": "json"})

    artifacts: CliPositionalArg[Several[Path]] = Field(
        min_length=1, description="folders that python -m trt_build wrote"
    )
    checkpoint: Path | None = Field(
        default=None,
        description="folder that training wrote: PyTorch takes part with it, and is what others are compared with",
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="of the CPU, for each; by default all that there are"
    )
    rounds: int = Field(default=7, ge=1, le=1000, description="in each of which everyone has its turns")
    seconds: float = Field(default=1.0, gt=0, le=600, description="of a turn")
    json_file: Path | None = Field(default=None, description="file to write all numbers to")
    plot: Path | None = Field(default=None, description="file to draw them to, as .svg, .png or .pdf")

    @property
    def cpus(self) -> int:
        """`threads`, or what this process may use."""
        return self.threads or usable_cpus()
