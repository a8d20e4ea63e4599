"""What `worker` and `score` can be told: where clips come from, what judges them, and how the machine is used."""

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg, SettingsConfigDict

from stream.settings.sending import TopicsSettings
from stream.settings.shared import MemberSettings, StreamSettings
from stream.terminal.cli import Names

_AWS_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_TOKEN")


class SourceSettings(StreamSettings):
    """How clips are fetched. S3's credentials have no flag: they are the AWS_* names of the environment."""

    s3_endpoint: str | None = Field(
        None, description="https://host[:port] of an S3 server; by default AWS_ENDPOINT_URL, or AWS's own"
    )
    s3_region: str | None = Field(None, min_length=1, description="S3's region; by default AWS_REGION, or us-east-1")
    s3_unsigned: bool = Field(False, description="ask S3 without credentials, as for public buckets")
    s3_virtual_hosted: bool = Field(False, description="say S3's bucket in the host's name and not in the path")
    fetch_timeout_s: float = Field(60.0, gt=0, description="seconds that a store on a network has to send a clip")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not be shown."""
        return (*super().secrets, *(text for name in _AWS_SECRETS if (text := os.environ.get(name))))


class AllowSettings(SourceSettings):
    """Where clips may lie that others named."""

    allow: Names = Field(
        [],
        description="folder, s3://bucket[/prefix] or https://host[:port][/path] that clips may be read from; "
        "repeat the flag for several",
    )


class ArtifactSettings(StreamSettings):
    """What judges."""

    artifact: Path | None = Field(None, description="folder that trt_build wrote; by default the one that comes along")


class ModelSettings(SourceSettings, ArtifactSettings):
    """What judges the clips, and how it uses the machine."""

    prevalence: float | None = Field(
        None, gt=0, lt=1, description="share of stalled clips among those judged; by default the artifact's"
    )
    readers: int | None = Field(None, ge=1, le=256, description="processes that decode; by default one for each CPU")
    fetches: int = Field(16, ge=1, le=1024, description="clips that are fetched at a time")
    held_mib: int = Field(256, ge=1, description="MiB of clips in memory above which no more are fetched")
    read_timeout_s: float = Field(20.0, gt=0, description="seconds after which a reader is taken to hang")
    reader_memory_mib: int = Field(1024, ge=256, description="address space of a reader in MiB")
    engine_threads: int | None = Field(
        None, ge=1, description="CPU threads of the engine; by default one for each CPU (unused by TensorRT)"
    )


class OpsSettings(StreamSettings):
    """Where a worker tells how it is."""

    ops_host: str = Field("0.0.0.0", description="address to serve /metrics, /livez and /readyz at")  # noqa: S104
    ops_port: int = Field(9464, ge=0, le=65535, description="port to serve them at; 0 takes a free one")


class HealthcheckSettings(OpsSettings):
    """A question to the worker on this machine."""

    question: CliPositionalArg[Literal["live", "ready"]] = Field(
        "live", description="live: would a restart help? ready: does it take part?"
    )
    timeout_s: float = Field(5.0, gt=0, description="seconds that it has to answer")


class WorkerSettings(OpsSettings, ModelSettings, AllowSettings, MemberSettings, TopicsSettings):
    """One member of the group that judges the clips."""

    create_topics: bool = Field(
        False, description="create the topics that are missing, with these --partitions and --replication"
    )
    start: Literal["earliest", "latest"] | None = Field(
        None, description="where a group without offsets begins; asked for where there are outcomes already"
    )
    session_timeout_s: float = Field(10.0, ge=3, description="seconds after which others take a dead worker's place")
    clips_in_window: int = Field(1024, ge=1, description="references in hand at most")
    clips_per_partition: int = Field(128, ge=1, description="of these, of one partition at most")
    rejections_in_a_row: int = Field(
        100,
        ge=1,
        description="so many rejections in a row of one partition stop the worker; those of the last 5 s uncommitted",
    )
    rejections_share: float = Field(
        0.5, gt=0, le=1, description="a greater share of one partition's last 200 to 400 stops it, too; 1 never does"
    )
    drain_s: float = Field(20.0, ge=0, description="seconds that a stop takes at most to finish what is in hand")

    @model_validator(mode="after")
    def _share_fits_into_the_window(self) -> Self:
        share, window = self.clips_per_partition, self.clips_in_window
        if share > window:
            raise ValueError(
                f"--clips-per-partition {share} is more than --clips-in-window {window}: "
                "lower the one or raise the other"
            )
        return self


class ScoreSettings(ModelSettings):
    """Outcomes without Kafka."""

    model_config = SettingsConfigDict(cli_shortcuts={"as-json": "json"})

    paths: CliPositionalArg[Names] = Field(
        [], description="files, folders of mp4 files, and s3:// or https:// uris of clips"
    )
    reference: str | None = Field(None, description="one clip by the JSON that a worker gets, as dlq show prints it")
    as_json: bool = Field(False, description="print one outcome a line as JSON instead of a table")
    out: Path | None = Field(None, description="file that the outcomes are written to, one a line, instead of a table")
    resume: bool = Field(False, description="go on with the file that --out names: leave out what it has already")

    @model_validator(mode="after")
    def _a_clip_is_named(self) -> Self:
        if not self.paths and self.reference is None:
            raise ValueError("no clip is named: give files, folders, uris, or a --reference")
        return self

    @model_validator(mode="after")
    def _outcomes_go_one_way(self) -> Self:
        if self.resume and self.out is None:
            raise ValueError("--resume goes on with the file of an earlier run: name it by --out")
        if self.as_json and self.out is not None:
            raise ValueError(f"--json prints what --out would write to {self.out}: give one of the two")
        return self
