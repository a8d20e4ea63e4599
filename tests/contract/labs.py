"""Where the broker suite runs: in memory, and on a real Apache Kafka."""

import uuid
from contextlib import ExitStack
from typing import Protocol

from kafka.admin import MemberToRemove

from stream.broker.at_least_once import AtLeastOnce
from stream.broker.cluster import Cluster
from stream.broker.contract import Broker, Position
from stream.broker.exactly_once import ExactlyOnce
from stream.broker.joining import KafkaOptions
from stream.broker.kafka import KafkaBroker
from stream.broker.reading import read_topic
from stream.broker.topics import Topic, create_topics
from stream.records import Partition, Record
from tests.contract.memory_broker import MemoryBroker, MemoryCluster

Headers = tuple[tuple[str, bytes], ...]


class Lab(Protocol):
    """A cluster with an input topic, an output topic and a group, fresh for each test."""

    clips: str
    verdicts: str
    quiet_s: float
    """How long nothing must come before it counts as nothing."""
    repeats: bool
    """Whether messages of a delivery that was refused may be read, and come again."""

    def append(self, number: int, value: bytes, *, key: bytes | None = None, headers: Headers = ()) -> None: ...
    def join(self) -> Broker: ...
    def expel(self, member: Broker) -> None: ...
    def visible(self) -> list[Record]: ...
    def committed(self, number: int) -> Position | None: ...


class MemoryLab:
    clips, verdicts, quiet_s, repeats = "clips", "verdicts", 0.0, False

    def __init__(self, partitions: int) -> None:
        self._cluster = MemoryCluster(now_ms=lambda: 1_700_000_000_000)
        self._cluster.add_topic(self.clips, partitions)
        self._cluster.add_topic(self.verdicts)

    def append(self, number: int, value: bytes, *, key: bytes | None = None, headers: Headers = ()) -> None:
        self._cluster.append(Partition(self.clips, number), value, key=key, headers=headers)

    def join(self) -> MemoryBroker:
        return self._cluster.join("workers", self.clips)

    def expel(self, member: Broker) -> None:
        assert isinstance(member, MemoryBroker)
        member.expel()

    def visible(self) -> list[Record]:
        return list(self._cluster.records(self.verdicts))

    def committed(self, number: int) -> Position | None:
        return self._cluster.committed("workers", Partition(self.clips, number))


class KafkaLab:
    quiet_s = 0.6

    def __init__(
        self, bootstrap: str, partitions: int, stack: ExitStack, *, delivery: type[ExactlyOnce | AtLeastOnce]
    ) -> None:
        self.repeats = delivery is AtLeastOnce
        self._delivery = delivery
        name = uuid.uuid4().hex[:12]
        self.clips, self.verdicts, self.group = f"clips-{name}", f"verdicts-{name}", f"workers-{name}"
        self.cluster = Cluster(bootstrap)
        self._stack = stack
        create_topics(self.cluster, [Topic(self.clips, partitions), Topic(self.verdicts)])
        self._admin = stack.enter_context(self.cluster.admin())
        self._producer = self.cluster.producer()
        stack.callback(self._producer.close)

    def append(self, number: int, value: bytes, *, key: bytes | None = None, headers: Headers = ()) -> None:
        self._producer.send(self.clips, value, key=key, headers=list(headers), partition=number).get(timeout=10)

    def join(self) -> KafkaBroker:
        options = KafkaOptions(
            cluster=self.cluster,
            group=self.group,
            topic=self.clips,
            output_topics=(self.verdicts,),
            heartbeat_s=0.2,  # rebalances are heard of sooner
        )
        return KafkaBroker(options, delivery=self._delivery)

    def expel(self, member: Broker) -> None:
        assert isinstance(member, KafkaBroker)
        (found,) = (
            each["member_id"]
            for each in self._admin.describe_groups([self.group])[self.group]["members"]
            if each["client_id"] == member.client_id
        )
        self._admin.remove_group_members(self.group, [MemberToRemove(member_id=found)])

    def visible(self) -> list[Record]:
        return list(read_topic(self.cluster, self.verdicts))

    def committed(self, number: int) -> Position | None:
        found = self._admin.list_group_offsets([self.group])[self.group]
        at = next((at for partition, at in found.items() if partition.partition == number), None)
        return None if at is None or at.offset < 0 else Position(at.offset, at.metadata)
