"""Topics written by hand, with or without a fault, as an audit or a command may find them."""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from stream.broker.cluster import Cluster
from stream.broker.contract import Position
from stream.broker.groups import set_positions
from stream.broker.topics import Topic, create_topics
from stream.errors import Reason
from stream.messages import OutcomeTopics
from stream.records import SCHEMA, ClipReference, Outcome, Partition, Record, Rejection, Verdict
from stream.results.audit import Topics
from tests.results.made_outcomes import made_verdict

SENT_MS = int(time.time()) // 60 * 60_000 - 3_600_000
"""When the first reference was appended, which must not be so long ago that Kafka deletes it; one a second follows."""


@dataclass
class Doctored:
    """Three topics and a group of a test's own."""

    kafka: str
    partitions: int = 1
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    create: bool = True

    def __post_init__(self) -> None:
        self.cluster = Cluster(self.kafka)
        made = [Topic(self.clips, self.partitions), Topic(self.verdicts), Topic(self.letters)] if self.create else []
        create_topics(self.cluster, made)

    @property
    def clips(self) -> str:
        return f"clips-{self.name}"

    @property
    def verdicts(self) -> str:
        return f"verdicts-{self.name}"

    @property
    def letters(self) -> str:
        return f"letters-{self.name}"

    @property
    def group(self) -> str:
        return f"group-{self.name}"

    @property
    def topics(self) -> Topics:
        return Topics(clips=self.clips, verdicts=self.verdicts, dead_letters=self.letters, group=self.group)

    @property
    def words(self) -> tuple[str, ...]:
        """What each command that reads outcomes is told."""
        topics = ("--clips-topic", self.clips, "--verdicts-topic", self.verdicts, "--dead-letters-topic", self.letters)
        return ("--bootstrap", self.kafka, *topics, "--group", self.group)

    def append(self, topic: str, *records: Record) -> None:
        """Writes records as they are, but for their offsets."""
        if not records:
            return
        with self.cluster.producer() as producer:
            futures = [
                producer.send(
                    topic,
                    key=each.key,
                    value=each.value,
                    headers=list(each.headers),
                    partition=each.partition.number,
                    timestamp_ms=each.timestamp_ms,
                )
                for each in records
            ]
            for future in futures:
                future.get(timeout=60)

    def send(self, references: Iterable[Record]) -> None:
        """Writes references."""
        self.append(self.clips, *references)

    def answer(self, *outcomes: tuple[Record, Outcome], after_ms: int = 100) -> None:
        """Writes outcomes of references as a worker does, so long after the reference each."""
        topics = OutcomeTopics(verdicts=self.verdicts, dead_letters=self.letters)
        for topic in (self.verdicts, self.letters):
            found = ((record, topics.message(record, outcome)) for record, outcome in outcomes)
            self.append(
                topic,
                *(
                    Record(Partition(topic, 0), 0, each.key, each.value, each.headers, record.timestamp_ms + after_ms)
                    for record, each in found
                    if each.topic == topic
                ),
            )

    def reference(self, offset: int, *, number: int = 0, **fields: object) -> Record:
        """The reference that has this offset, once it and those before it are written."""
        given = {"schema": SCHEMA, "clip_id": f"{number}-{offset}.mp4", "uri": f"/clips/{number}-{offset}.mp4"}
        reference = ClipReference.model_validate({**given, **fields})
        place, at_ms = Partition(self.clips, number), SENT_MS + 1000 * offset
        return Record(place, offset, reference.clip_id.encode(), reference.to_json(), (), at_ms)

    def commit(self, next_offset: int, *, number: int = 0, note: str = "") -> None:
        """The group has passed what is before."""
        set_positions(self.cluster, self.group, {Partition(self.clips, number): Position(next_offset, note)})


def verdict(record: Record) -> Verdict:
    """A verdict on a reference."""
    return made_verdict(clip_id=(record.key or b"").decode(), source=record.source)


def rejection(record: Record, reason: Reason = Reason.DAMAGED, detail: str = "half of it") -> Rejection:
    """A rejection of a reference."""
    clip_id = (record.key or b"").decode()
    return Rejection(schema=SCHEMA, clip_id=clip_id, reason=reason, detail=detail, source=record.source)
