"""Settings of the commands around an artifact that is there already."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import CliPositionalArg, SettingsConfigDict

from stream.terminal.cli import CommandSettings
from training.settings import ClipsSettings, SelectionSettings


class InspectSettings(CommandSettings):
    """Show what an artifact is, without running it."""

    model_config = SettingsConfigDict(env_prefix="STALL_BUILD_", cli_shortcuts={"as-json": "json"})

    artifact: CliPositionalArg[Path] = Field(description="folder that a build wrote")
    as_json: bool = Field(default=False, description="print all there is as one JSON object instead of tables")


class VerifySettings(CommandSettings):
    """Hold an artifact against its own proof on this machine; the exit code is 1 where it doesn't hold.

    The verdicts by which int8 was accepted are not judged again: diff of the fp32 artifact and this one, with --data,
    counts those that change and shows the MCC of both.
    """

    model_config = SettingsConfigDict(env_prefix="STALL_BUILD_")

    artifact: CliPositionalArg[Path] = Field(description="folder that a build wrote")
    checkpoint: Path | None = Field(
        default=None, description="what it was built of: the engine is then held against PyTorch, too"
    )


class DiffSettings(SelectionSettings, ClipsSettings):
    """Show what differs between two artifacts, and which verdicts: the step before one takes the other's place."""

    model_config = SettingsConfigDict(env_prefix="STALL_BUILD_")

    a: CliPositionalArg[Path] = Field(description="folder of the artifact that serves")
    b: CliPositionalArg[Path] = Field(description="folder of the one that is to serve")
    data_b: Path | None = Field(
        default=None, description="cache of the same clips as B takes them, where that is not how A does"
    )
    out: Path | None = Field(default=None, description="CSV file to write: each clip whose verdict is another one")
    clips: int = Field(default=1000, ge=4, le=600_000, description="number of generated clips")
    stalled_share: float = Field(default=0.3, gt=0, lt=1, description="share of the generated clips that are stalled")
    seed: int = Field(default=0, ge=0, description="of the generated clips; no seed gives clips of training")

    of_generated = ("preset", "clips", "stalled_share", "seed")
    of_data = ("data_b", *SelectionSettings.model_fields)
