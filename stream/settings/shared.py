"""What several commands can be told: how to reach Kafka, and which topics, group and times are meant."""

import os
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, DirectoryPath, Field, model_validator

from stream.files.secretfiles import secret_texts
from stream.logs import LogFormat
from stream.terminal.cli import CommandSettings, Names, dotenv_texts

KAFKA_PREFIX = "STALL_KAFKA_"
_SECRET_WORDS = ("password", "secret", "token", "proxy")  # a proxy's address may hold its password
LogLevel = Literal["debug", "info", "warning", "error"]


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
    secrets_dir: DirectoryPath | None = Field(
        None,
        description="folder with a file named STALL_KAFKA_<NAME> for each secret, as Kubernetes and Docker mount them",
    )

    def kafka_texts(self) -> dict[str, str]:
        """Kafka's own settings as given, by kafka-python's names; they may hold secrets."""
        return kafka_texts({**_in_files(self), **dotenv_texts(), **os.environ})

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not be shown."""
        given = self.kafka_texts().items()
        ours = (text for name, text in given if any(word in name for word in _SECRET_WORDS))
        return (*super().secrets, *ours)


def _in_files(settings: ConnectionSettings) -> Mapping[str, str]:
    return secret_texts(settings.secrets_dir, taken=KAFKA_PREFIX) if settings.secrets_dir else {}


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


class MemberSettings(GroupSettings):
    """As what a worker takes part in its group."""

    slot: str | None = Field(
        None, min_length=1, description="name of the member, that no other has: keeps its partitions over a restart"
    )
    delivery: Literal["exactly-once", "at-least-once"] = Field(
        "exactly-once", description="how often an outcome may come; at-least-once is for a Kafka without transactions"
    )


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


class ExtentSettings(Times):
    """Which references are meant."""

    offsets: Names = Field(
        [], description="only these references: PARTITION:FIRST-LAST, as 0:100-200 or 0:100-; repeat it for several"
    )
