"""Outcomes read back from their topics, and which one of a clip counts: the latest."""

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass

from pydantic import ValidationError

from stream.broker.cluster import Cluster
from stream.broker.reading import read_topic
from stream.errors import UserError
from stream.messages import OutcomeTopics
from stream.records import KafkaSource, Outcome, Record, Verdict, rejection_of, source_of
from stream.validation import first_error


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome as it stands in its topic."""

    outcome: Outcome
    appended_ms: int
    """Since 1970."""

    @property
    def source(self) -> KafkaSource:
        """The reference that it answers."""
        assert isinstance(self.outcome.source, KafkaSource)  # who wrote it had the reference from a topic
        return self.outcome.source

    @property
    def order(self) -> tuple[int, int, int]:
        """Greater for the later one of two: by their append, and where that is the same by their references."""
        return self.appended_ms, self.source.partition, self.source.offset


def outcome_of(record: Record, topics: OutcomeTopics) -> Outcome:
    """What a record of an outcome topic says.

    Raises:
        UserError: it is no outcome.
    """
    where = record.source.place
    if record.partition.topic == topics.dead_letters:
        rejection = rejection_of(record.headers)
        if rejection is None:
            raise UserError(f"{where} is no dead letter: its headers name no reason")
        return rejection
    try:
        return Verdict.model_validate_json(record.value or b"", strict=True)
    except ValidationError as error:
        raise UserError(f"{where} is no verdict: {first_error(error)}") from None


def read_answers(
    cluster: Cluster, clips_topic: str, topics: OutcomeTopics, *, within: Mapping[int, range] | None = None
) -> Generator[Answer, None, None]:
    """All outcomes of a topic's references, verdicts before dead letters.

    Args:
        cluster: where.
        clips_topic: of the references; outcomes of others are left out.
        topics: of the outcomes.
        within: the offsets of the references that are meant, by partition; by default all.

    Raises:
        UserError: a record is no outcome, or as `read_topic`.
    """
    for topic in (topics.verdicts, topics.dead_letters):
        with closing(read_topic(cluster, topic)) as records:
            for record in records:
                source = source_of(record.headers)
                if source is None or source.topic != clips_topic:
                    continue
                if within is None or source.offset in within.get(source.partition, range(0)):
                    yield Answer(outcome_of(record, topics), record.timestamp_ms)
