"""What crosses Kafka: references in, outcomes out, and where each came from."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from pydantic_core import from_json

from stream.clip.spec import Box
from stream.errors import ClipFault, Reason
from stream.validation import first_error
from stream.verdict import Label

SCHEMA: Literal[1] = 1
EXTRA_LIMIT_BYTES = 4096
CLIP_ID_LIMIT = 1024
"""Characters."""
SOURCE_HEADERS = ("stall-source-topic", "stall-source-partition", "stall-source-offset")
"""Headers of each outcome's record: which reference it answers."""
REQUEUED_HEADER = "stall-requeued-from"
"""On a reference that was a dead letter, and on its outcome: which one, as TOPIC/PARTITION/OFFSET."""
OMITTED_HEADER = "stall-omitted-value-bytes"
"""On a dead letter whose reference was too large to be kept: how large it was."""

TRACE_HEADER = "traceparent"
"""On a reference, from where it is copied to its outcome."""
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One partition of a topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record as Kafka gave it."""

    partition: Partition
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int

    @property
    def source(self) -> "KafkaSource":
        """Its identity."""
        return KafkaSource(topic=self.partition.topic, partition=self.partition.number, offset=self.offset)

    @property
    def appended_at(self) -> str:
        """Its time as RFC 3339 in UTC, or in ms where no calendar has it: a producer may say anything."""
        try:
            return datetime.fromtimestamp(self.timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
        except (OverflowError, ValueError):
            return f"{self.timestamp_ms} ms"


def _number(value: object) -> object:
    if type(value) is not int:  # for Python, true and 1.0 equal 1
        raise ValueError("Input should be the number 1")
    return value


class _Wire(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        serialize_by_alias=True,
        json_schema_serialization_defaults_required=True,
        cache_strings="keys",  # pydantic would keep thousands of texts that never come again
    )

    schema_version: Annotated[Literal[1], BeforeValidator(_number)] = Field(alias="schema")


class ClipReference(_Wire):
    """A clip to be judged, as a producer names it."""

    clip_id: str = Field(min_length=1, max_length=CLIP_ID_LIMIT)
    """The metadata's `filename` as it is; for folders the relative path."""
    uri: str = Field(min_length=1, max_length=8192)
    project_id: Annotated[str, Field(max_length=1024)] | None = None
    captured_at: AwareDatetime | None = None
    """RFC 3339, with its offset from UTC."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    num_frames: int | None = Field(default=None, ge=1, le=1_000_000)
    """A clip that decodes to another number is damaged."""
    roi: Box | None = None
    """Used instead of the outline's box; the inside is then the whole box."""
    extra: dict[str, str] = Field(default_factory=dict)
    """Carried to the verdict untouched."""

    @field_validator("roi")
    @classmethod
    def _box_has_area(cls, roi: Box | None) -> Box | None:
        if roi is not None and not (0 <= roi[0] < roi[2] < 2**16 and 0 <= roi[1] < roi[3] < 2**16):
            raise ValueError("must be [x0, y0, x1, y1] with 0 <= x0 < x1 < 65536 and 0 <= y0 < y1 < 65536")
        return roi

    @field_validator("extra")
    @classmethod
    def _extra_is_small(cls, extra: dict[str, str]) -> dict[str, str]:
        size = sum(len(k.encode()) + len(v.encode()) for k, v in extra.items())
        if size > EXTRA_LIMIT_BYTES:
            raise ValueError(f"holds {size} bytes, at most {EXTRA_LIMIT_BYTES} are carried")
        return extra

    def to_json(self) -> bytes:
        """The record's value; absent fields are left out."""
        return self.model_dump_json(exclude_defaults=True).encode()


class KafkaSource(BaseModel):
    """Identity of a record: a clip_id may come again, this may not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    partition: int
    offset: int

    @property
    def place(self) -> str:
        """`stall-clips[2]@17`."""
        return f"{self.topic}[{self.partition}]@{self.offset}"

    def requeued_header(self) -> tuple[str, bytes]:
        """For the reference that this dead letter becomes again, read back by `requeued_from`."""
        return REQUEUED_HEADER, f"{self.topic}/{self.partition}/{self.offset}".encode()

    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """For the outcome's record, read back by `source_of`."""
        values = (self.topic, str(self.partition), str(self.offset))
        return tuple((name, value.encode()) for name, value in zip(SOURCE_HEADERS, values, strict=True))


class FileSource(BaseModel):
    """A clip that was scored without Kafka."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    """The path as it was named, or the uri without its query."""


Source = KafkaSource | FileSource


class Thresholds(BaseModel):
    """The rule's numbers that a verdict was made with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    high: float
    decide: float
    prevalence: float


class Timings(BaseModel):
    """Seconds spent on the clip by each stage, waiting before the stage not included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fetch_s: float
    read_s: float
    score_s: float


class Verdict(_Wire):
    """The clip was judged."""

    kind: Literal["verdict"] = "verdict"
    clip_id: str
    verdict: Label
    probability: float
    thresholds: Thresholds
    roi: Box
    frames: int
    """Frames of the video."""
    artifact: str
    """Digest of the artifact that judged."""
    spec: str
    """Digest of the ClipSpec."""
    timings: Timings
    source: Source
    project_id: str | None = None
    captured_at: AwareDatetime | None = None
    extra: dict[str, str] = Field(default_factory=dict)


class Rejection(_Wire):
    """The clip could not be judged, and that is its own fault."""

    kind: Literal["rejection"] = "rejection"
    clip_id: str | None
    reason: Reason
    detail: str
    source: Source

    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """For the dead letter, which is the reference's own key and value; read back by `rejection_of`."""
        assert isinstance(self.source, KafkaSource)
        told = [("stall-reason", self.reason.encode()), ("stall-detail", self.detail.encode())]
        if self.clip_id is not None:
            told.append(("stall-clip-id", self.clip_id.encode()))
        return (*self.source.headers(), *told)


Outcome = Verdict | Rejection
OUTCOMES: TypeAdapter[Outcome] = TypeAdapter(Annotated[Outcome, Field(discriminator="kind")])
"""Reads either from its JSON."""


def parse_reference(value: bytes | None) -> ClipReference:
    """Reads a record's value.

    Raises:
        ClipFault: `bad_reference`, naming the field, its value and the rule.
    """
    if value is None:
        raise ClipFault(Reason.BAD_REFERENCE, "the record has no value; send a JSON object (python -m stream schema)")
    try:
        return ClipReference.model_validate_json(value, strict=True)
    except ValidationError as error:
        raise ClipFault(Reason.BAD_REFERENCE, first_error(error)) from None


def salvage_clip_id(record: Record) -> str | None:
    """The clip_id of a record whose value is no good reference: the value's if it names one, else the key."""
    try:
        value = from_json(record.value or b"")
    except ValueError:
        value = None
    named = value.get("clip_id") if isinstance(value, dict) else None
    if isinstance(named, str) and 0 < len(named) <= CLIP_ID_LIMIT:
        return named
    try:
        key = (record.key or b"").decode()
    except UnicodeDecodeError:
        return None
    return key if 0 < len(key) <= CLIP_ID_LIMIT else None


def traceparent_of(headers: tuple[tuple[str, bytes], ...]) -> str | None:
    """What a reference is part of, by W3C's Trace Context: `00-<trace>-<parent>-<flags>`; None for all else."""
    value = dict(headers).get(TRACE_HEADER) or b""
    return value.decode() if _TRACEPARENT.fullmatch(value) else None


def source_of(headers: tuple[tuple[str, bytes], ...]) -> KafkaSource | None:
    """The reference that an outcome answers; None where the headers don't say, as on a record that isn't ours.

    The last of several headers with one name counts: those before it came with the reference.
    """
    given = dict(headers)
    try:
        topic, partition, offset = (given[name].decode() for name in SOURCE_HEADERS)
        return KafkaSource(topic=topic, partition=int(partition), offset=int(offset))
    except (AttributeError, KeyError, ValueError):  # Kafka lets a header's value be null
        return None


def requeued_from(headers: tuple[tuple[str, bytes], ...]) -> KafkaSource | None:
    """The dead letter that a reference was, or the reference of an outcome; None for all others."""
    try:
        topic, partition, offset = dict(headers)[REQUEUED_HEADER].decode().split("/")
        return KafkaSource(topic=topic, partition=int(partition), offset=int(offset))
    except (AttributeError, KeyError, ValueError):
        return None


def rejection_of(headers: tuple[tuple[str, bytes], ...]) -> Rejection | None:
    """What a dead letter's headers say; None on a record that isn't ours."""
    source, given = source_of(headers), dict(headers)
    if source is None:
        return None
    try:
        return Rejection(
            schema=SCHEMA,
            clip_id=given["stall-clip-id"].decode() if "stall-clip-id" in given else None,
            reason=Reason(given["stall-reason"].decode()),
            detail=given["stall-detail"].decode(),
            source=source,
        )
    except (AttributeError, KeyError, ValueError):
        return None
