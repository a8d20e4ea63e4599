"""What several commands can be told: where videos lie, which clips are wanted, and where labelled clips come from."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from stream.processes.cpus import usable_cpus
from stream.terminal.cli import CommandSettings, Names


def flag(name: str) -> str:
    """As the user types it."""
    return f"--{name.replace('_', '-')}"


def _no_percentage(value: float) -> float:
    if value >= 1:
        raise ValueError(f"a share below 1 is wanted: {value / 100:g} is {value:g} %")
    return value


Share = Annotated[float, AfterValidator(_no_percentage)]
Prevalence = Annotated[Share, Field(gt=0, lt=1)]


AcceptedError = Annotated[
    Share,
    Field(gt=0, lt=0.5, description="share of wrong verdicts accepted among those called stalled, or flowing"),
]


AcceptedMissed = Annotated[
    Share, Field(gt=0, lt=1, description="share of all stalled clips that may be called flowing")
]


Threads = Annotated[int, Field(ge=1, le=256, description="threads that the network computes with")]


class TrainingSettings(CommandSettings):
    """Base of the commands of `python -m training`."""

    model_config = SettingsConfigDict(env_prefix="STALL_TRAINING_")


class VideosSettings(TrainingSettings):
    """Where videos lie, and how they are fetched and read."""

    source: str = Field(description="folder, s3://bucket[/prefix] or https://host/path that the videos lie under")
    processes: int = Field(default_factory=usable_cpus, ge=1, le=256, description="processes that read clips")
    fetches: int = Field(16, ge=1, le=1024, description="clips that are fetched at a time")
    fetch_timeout_s: float = Field(60.0, gt=0, description="seconds that a store on a network has to send a clip")
    s3_endpoint: str | None = Field(
        None, description="https://host[:port] of an S3 server; by default AWS_ENDPOINT_URL, or AWS's own"
    )
    s3_region: str | None = Field(None, min_length=1, description="S3's region; by default AWS_REGION, or us-east-1")
    s3_unsigned: bool = Field(False, description="ask S3 without credentials, as for public buckets")
    s3_virtual_hosted: bool = Field(False, description="say S3's bucket in the host's name and not in the path")


class SelectionSettings(TrainingSettings):
    """Which clips are wanted of those that are there."""

    subset: Literal["nano", "micro", "tier1", "all"] = Field("all", description="which of the competition's subsets")
    projects: Names = Field([], description="only clips of these; repeat the flag for several")
    without: Names = Field([], description="no clips of these projects; repeat the flag for several")
    stalled_crowd_min: float = Field(
        0.0, ge=0, le=1, description="least crowd score of stalled clips outside of tier1; 0.75 leaves all of them out"
    )
    flowing_crowd_max: float = Field(
        1.0, ge=0, le=1, description="greatest crowd score of flowing clips outside of tier1; 0 leaves all of them out"
    )
    flowing_per_stalled: int | None = Field(
        None, ge=1, description="flowing clips drawn for each stalled one, in each project; by default all are taken"
    )
    maximum: int | None = Field(None, ge=1, description="clips drawn at most of those that are left")


class ClipsSettings(TrainingSettings):
    """Where labelled clips come from."""

    data: Path | None = Field(None, description="cache that `prepare` made; without it clips are generated")
    preset: Names = Field(["demo", "field"], description="how hard generated clips are; several are mixed in turn")
    cache: Path = Field(
        Path("~/.cache/stall-stream/clips"), description="folder that keeps generated clips (131 kB each)"
    )
    processes: int = Field(
        default_factory=usable_cpus, ge=1, le=256, description="processes that generate or read clips"
    )

    of_generated: ClassVar[tuple[str, ...]] = ("preset", "clips")
    """Fields that say something of generated clips alone."""
    of_data: ClassVar[tuple[str, ...]] = ()
    """Fields that say something of a cache alone."""

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        names = self.of_generated if self.data else self.of_data
        if given := [name for name in names if name in self.model_fields_set]:
            rest = "says how clips are generated: leave it out with" if self.data else "counts only with"
            raise ValueError(f"{flag(given[0])} {rest} --data")
        return self
