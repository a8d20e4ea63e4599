"""What `topics` and `produce` can be told."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg

from stream.settings.shared import ClipsTopic, TopicNames


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
