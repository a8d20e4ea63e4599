"""What each command can be told: one class per command, one flag and one `STALL_` name per field.

A field that several commands have means the same in each, so its environment name can be shared by all.
Secrets have no flag: they are Kafka's own settings, `STALL_KAFKA_<KWARG>`, from the environment or `.env`.
"""

import os
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator
from pydantic_settings import CliPositionalArg, SettingsConfigDict

from stream.cli import CommandSettings, Names, Several, dotenv_texts
from stream.errors import Reason
from stream.logs import LogFormat
from stream.window import longest_run

KAFKA_PREFIX = "STALL_KAFKA_"
_SECRET_WORDS = ("password", "secret", "token")
_AWS_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_TOKEN")
LogLevel = Literal["debug", "info", "warning", "error"]
RecordName = Literal["reference", "verdict", "rejection"]


class StreamSettings(CommandSettings):
    """What every command has."""

    log_level: LogLevel = Field("info", description="least severity that is logged to stderr")
    log_format: LogFormat = Field("text", description="text for people, or one JSON object a line")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not be shown."""
        return ()


class ConnectionSettings(StreamSettings):
    """How to reach Kafka."""

    passed_through: ClassVar[Mapping[str, str]] = {
        KAFKA_PREFIX: "kafka-python's own settings, which have no flag, such as STALL_KAFKA_SECURITY_PROTOCOL"
    }

    bootstrap: str = Field("localhost:9092", min_length=1, description="Kafka's address: host:port[,host:port...]")
    connect_timeout_s: float = Field(30.0, gt=0, description="seconds an unreachable Kafka is tried before giving up")

    def kafka_texts(self) -> dict[str, str]:
        """Kafka's own settings as given, by kafka-python's names; they may hold secrets."""
        return kafka_texts({**dotenv_texts(), **os.environ})

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not be shown."""
        given = self.kafka_texts().items()
        ours = (text for name, text in given if any(word in name for word in _SECRET_WORDS))
        return (*super().secrets, *ours)


def kafka_texts(environment: Mapping[str, str]) -> dict[str, str]:
    """`{"STALL_KAFKA_SECURITY_PROTOCOL": "SSL", "PATH": ...}` -> `{"security_protocol": "SSL"}`."""
    return {
        name[len(KAFKA_PREFIX) :].lower(): text
        for name, text in environment.items()
        if name.upper().startswith(KAFKA_PREFIX)
    }


class ClipsTopic(ConnectionSettings):
    """Where references are."""

    clips_topic: str = Field("stall-clips", min_length=1, description="topic of references")


class DeadLettersTopic(ConnectionSettings):
    """Where rejected references are."""

    dead_letters_topic: str = Field(
        "stall-dead-letters", min_length=1, description="topic of references that were rejected"
    )


class TopicNames(ClipsTopic, DeadLettersTopic):
    """Where references are read from and outcomes go to."""

    verdicts_topic: str = Field("stall-verdicts", min_length=1, description="topic of verdicts")


class GroupName(ConnectionSettings):
    """Who judges."""

    group: str = Field("stall-workers", min_length=1, description="the workers' consumer group")


class GroupSettings(TopicNames, GroupName):
    """Who judges what."""


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


class ModelSettings(SourceSettings):
    """What judges the clips, and how it uses the machine."""

    artifact: Path | None = Field(None, description="folder that trt_build wrote; by default the one that comes along")
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


class KafkaSettings(StreamSettings):
    """A real Apache Kafka of one node, in the foreground."""

    port: int = Field(9092, ge=0, le=65535, description="port for clients on this machine; 0 takes a free one")
    data: Path | None = Field(None, description="folder that keeps the broker's data; by default a temporary one")
    fetch_only: bool = Field(False, description="fetch Kafka's jars, so that later runs work offline, and end")


class TopicsSettings(TopicNames):
    """How the three topics are created."""

    partitions: int = Field(4, ge=1, description="partitions of each topic: the most workers that can share the work")
    replication: int = Field(-1, ge=-1, description="copies of each partition; -1 is the cluster's default")
    retention_days: float | None = Field(
        None, gt=0, description="days that references are kept; by default the cluster's; outcomes are kept for ever"
    )


class ProduceSettings(ClipsTopic):
    """References from a folder, a metadata CSV, or a manifest."""

    source: CliPositionalArg[Path | None] = Field(
        None, description="folder of mp4 files, or a manifest: JSON lines of references, or a CSV with clip_id,uri"
    )
    metadata: Path | None = Field(None, description="the competition's metadata CSV (filename, url, num_frames, ...)")
    root: str | None = Field(
        None, description="folder or URI prefix that the metadata's files lie under, instead of its url column"
    )
    rate: float | None = Field(None, gt=0, description="references sent a second, at most")
    journal: Path | None = Field(
        None, description="file that keeps what Kafka acknowledged; by default beside the source, as SOURCE.journal"
    )
    follow: bool = Field(
        False, description="go on watching the folder until Ctrl-C or SIGTERM; a file is sent when it is whole"
    )

    @model_validator(mode="after")
    def _follows_a_folder(self) -> Self:
        if self.follow and (self.source is None or not self.source.is_dir() or self.metadata is not None):
            raise ValueError(f"--follow watches a folder, and {self.metadata or self.source} is none: name one")
        return self


class WorkerSettings(ModelSettings, GroupSettings, TopicsSettings):
    """One member of the group that judges the clips."""

    allow: Names = Field(
        [],
        description="folder, s3://bucket[/prefix] or https://host[:port][/path] that clips may be read from; "
        "repeat the flag for several",
    )
    slot: str | None = Field(
        None, min_length=1, description="name of this member, that no other has: keeps its partitions over a restart"
    )
    delivery: Literal["exactly-once", "at-least-once"] = Field(
        "exactly-once", description="how often an outcome may come; at-least-once is for a Kafka without transactions"
    )
    create_topics: bool = Field(
        False, description="create the topics that are missing, with these --partitions and --replication"
    )
    start: Literal["earliest", "latest"] | None = Field(
        None, description="where a group without offsets begins; asked for where there are outcomes already"
    )
    session_timeout_s: float = Field(10.0, ge=3, description="seconds after which others take a dead worker's place")
    ops_host: str = Field("0.0.0.0", description="address to serve /metrics, /livez and /readyz at")  # noqa: S104
    ops_port: int = Field(9464, ge=0, le=65535, description="port to serve them at; 0 takes a free one")
    clips_in_window: int = Field(1024, ge=1, description="references in hand at most")
    clips_per_partition: int = Field(128, ge=1, description="of these, of one partition at most")
    rejections_in_a_row: int = Field(
        100, ge=1, description="so many rejections in a row of one partition stop the worker, uncommitted"
    )
    rejections_share: float = Field(
        0.5, gt=0, le=1, description="a greater share of one partition's last 200 to 400 stops it, too; 1 never does"
    )
    drain_s: float = Field(20.0, ge=0, description="seconds that a stop takes at most to finish what is in hand")

    @model_validator(mode="after")
    def _window_holds_a_run(self) -> Self:
        """Else the run that is to stop the worker would stop the reading before it is full."""
        run, share, window = self.rejections_in_a_row, self.clips_per_partition, self.clips_in_window
        if run <= longest_run(share) and share <= window:
            return self
        larger = max(share, bisect_left(range(2 * run), run, key=longest_run))
        smaller = min(share, window)
        raise ValueError(
            f"--rejections-in-a-row {run}, --clips-per-partition {share} and --clips-in-window {window} don't fit into "
            f"each other: {run}, {larger} and {max(window, larger)} would do, or {min(run, longest_run(smaller))}, "
            f"{smaller} and {window}"
        )


class ScoreSettings(ModelSettings):
    """Outcomes without Kafka."""

    model_config = SettingsConfigDict(cli_shortcuts={"as-json": "json"})

    paths: CliPositionalArg[list[str]] = Field(
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


class OutcomesSettings(GroupSettings):
    """What reads the topics back."""

    model_config = SettingsConfigDict(cli_shortcuts={"as-json": "json"})

    as_json: bool = Field(False, description="print the result as one JSON object")


def _with_date(value: object) -> object:
    if isinstance(value, str) and "-" not in value:  # pydantic takes 2026 for seconds since 1970
        raise ValueError("it must be a time with its offset from UTC, as 2026-11-25T08:00:00Z")
    return value


Time = Annotated[AwareDatetime, BeforeValidator(_with_date)]


class Times(StreamSettings):
    """Part of a topic, by the time that its records were appended at."""

    since: Time | None = Field(None, description="only what was appended then or later: 2026-11-25T08:00:00Z")
    until: Time | None = Field(None, description="only what was appended before")

    @model_validator(mode="after")
    def _times_are_in_order(self) -> Self:
        if self.since and self.until and self.since >= self.until:
            raise ValueError(f"--since {self.since} is not before --until {self.until}: give an earlier one")
        return self


class AuditSettings(Times, OutcomesSettings):
    """The proof of delivery."""

    offsets: Names = Field(
        [], description="only these references: PARTITION:FIRST-LAST, as 0:100-200 or 0:100-; repeat it for several"
    )
    late_after_s: float | None = Field(
        None, gt=0, description="seconds after its reference from which on an outcome is late; by default none is"
    )
    wait_s: float = Field(0.0, ge=0, description="seconds to wait, at most, until no reference is pending any more")


class ReportSettings(OutcomesSettings):
    """What came of the references."""

    labels: Path | None = Field(None, description="CSV with filename,stalled: the truth to compare verdicts with")
    expected_rejections: Path | None = Field(
        None, description="CSV with filename,expected_reason: clips that are meant to be rejected"
    )


class LettersSettings(Times, DeadLettersTopic):
    """Which dead letters are meant."""

    reason: Several[Reason] = Field(
        [], description="only those rejected for it, as not_found or no_outline; repeat the flag for several"
    )
    clip_id: Names = Field([], description="only those of this clip; repeat the flag for several")


class DlqShowSettings(LettersSettings):
    """Dead letters with all there is of them."""

    model_config = SettingsConfigDict(cli_shortcuts={"as-json": "json"})

    as_json: bool = Field(False, description="print one JSON object a line")
    limit: int | None = Field(None, ge=1, description="end after so many")


class RequeueSettings(LettersSettings, TopicNames):
    """Dead letters sent back to be judged again: each once, however often it is asked for."""

    model_config = SettingsConfigDict(cli_shortcuts={"as-json": "json", "all-letters": "all"})

    all_letters: bool = Field(False, description="all of them, whatever they were rejected for")
    dry_run: bool = Field(False, description="list what would be sent back, and send nothing")
    as_json: bool = Field(False, description="print what was done as one JSON object")


class SkipSettings(ClipsTopic, GroupName):
    """A reference that ends every worker which takes it up: it becomes a dead letter unseen."""

    partition: CliPositionalArg[int] = Field(ge=0, description="of the references' topic")
    offset: CliPositionalArg[int] = Field(ge=0, description="of the reference in that partition")


class SchemaSettings(StreamSettings):
    """JSON Schema of a record."""

    record: CliPositionalArg[RecordName | None] = Field(None, description="one record; by default all of them")


class DemoSettings(StreamSettings):
    """The whole way on this machine."""

    clips: int = Field(40, ge=8, le=1000, description="synthetic clips")
    workers: int = Field(2, ge=2, le=16, description="workers in the group; the first is killed midway")
    seed: int = Field(0, ge=0, description="of the synthetic clips")
    artifact: Path | None = Field(None, description="folder that trt_build wrote; by default the one that comes along")
    folder: Path | None = Field(
        None, description="new or empty folder that keeps clips and logs; by default a temporary one"
    )
    keep: bool = Field(False, description="leave Kafka and the workers running until Ctrl-C")
