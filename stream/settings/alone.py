"""What the commands can be told that need nothing but this machine."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from stream.settings.shared import StreamSettings

RecordName = Literal["reference", "verdict", "rejection"]


class KafkaSettings(StreamSettings):
    """A real Apache Kafka of one node, in the foreground."""

    port: int = Field(9092, ge=0, le=65535, description="port for clients on this machine; 0 takes a free one")
    data: Path | None = Field(None, description="folder that keeps the broker's data; by default a temporary one")
    fetch_only: bool = Field(False, description="fetch Kafka's jars, so that later runs work offline, and end")


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


class SchemaSettings(StreamSettings):
    """JSON Schema of a record."""

    record: CliPositionalArg[RecordName | None] = Field(None, description="one record; by default all of them")
