"""Faults of the broker module: each takes one of its guards away."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from stream.broker.contract import Delivery, DeliveryRefused, Message, Polled, Position
from stream.broker.exactly_once import ExactlyOnce
from stream.broker.guards import send
from stream.broker.kafka import KafkaBroker
from stream.broker.membership import Assignment, Member
from stream.broker.positions import Positions
from stream.broker.transactions import TransactionFailedError, Transactions
from stream.errors import Outage
from stream.records import Partition


@dataclass(frozen=True)
class With:
    """A KafkaBroker in which something is other than it should be."""

    change: Callable[[KafkaBroker], None]

    def __call__(self, *args: Any, **kwargs: Any) -> KafkaBroker:
        broker = KafkaBroker(*args, **kwargs)
        self.change(broker)
        return broker


def with_class(name: str, kind: type) -> With:
    """One of its parts, named by its way there, is of another class."""
    return With(lambda broker: object.__setattr__(attrgetter(name)(broker), "__class__", kind))


class BelievesInAnyGeneration(Member):
    """Takes the identity of the moment: it vouches for partitions that are another's by now."""

    __slots__ = ()

    def vouch(self, generation: int, partitions: Iterable[TopicPartition]) -> Assignment:
        assert self.membership.assignment is not None
        return replace(self.membership.assignment, identity=self.membership._identity())


class SendsAsNobody(Member):
    """While it has no generation, too: Kafka doesn't check that."""

    __slots__ = ()

    def vouch(self, generation: int, partitions: Iterable[TopicPartition]) -> Assignment:
        identity = self.membership._identity()
        if identity.generation_id < 0:
            return Assignment(-1, frozenset(partitions), ConsumerGroupMetadata(identity.group_id, -1, ""))
        return Member.vouch(self, generation, partitions)


class NeverAsksWhatBecameOfIt(ExactlyOnce):
    def _went_through(self) -> bool:
        self._in_doubt = None
        return super()._went_through()


class TakesDoubtForDone(ExactlyOnce):
    def _went_through(self) -> bool:
        doubted, self._in_doubt = self._in_doubt, None
        self._transactions.settle()
        return doubted is not None


class KeepsItsProducer(Transactions):
    """Offsets of the failed transaction go along with the next."""

    def _give_up(self, error: KafkaError) -> None:
        assert self._producer is not None
        try:
            self._producer.abort_transaction()
        except KafkaError:
            super()._give_up(error)


class LooksAtNoFuture(Transactions):
    def commit(self, messages: Iterable[Message], positions: Mapping[TopicPartition, Position], identity) -> None:
        producer = self.settle()
        try:
            producer.begin_transaction()
            for each in messages:
                send(producer, each)
            offsets = {each: OffsetAndMetadata(at.next_offset, at.note, -1) for each, at in positions.items()}
            producer.send_offsets_to_transaction(offsets, identity)
            producer.flush(timeout=self._timeout_s)
            producer.commit_transaction()
        except KafkaError as error:
            self._give_up(error)
            raise TransactionFailedError(str(error), in_doubt=True) from error


class ForgetsNotes(Positions):
    def committed(self, partition: TopicPartition, *, timeout_s: float) -> Position | None:
        found = super().committed(partition, timeout_s=timeout_s)
        return found and replace(found, note="")


class ResumesNothing(KafkaBroker):
    def resume(self, partitions: Iterable[Partition]) -> None:
        pass


class OverlooksNewPartitions(KafkaBroker):
    def _place(self) -> dict[Partition, Position]:
        self._unplaced = {each for each in self._unplaced if each.partition < 3}
        return super()._place()


class TakesNoSeat(KafkaBroker):
    """A slot that is taken over keeps what its predecessor had, and what was on its way to another is nobody's."""

    def _take_seat(self) -> None:
        pass


class NeverSaysWhatWasLost(KafkaBroker):
    def poll(self, *, max_records: int, timeout_s: float) -> Polled:
        return replace(super().poll(max_records=max_records, timeout_s=timeout_s), lost=frozenset())


def reads_uncommitted(broker: KafkaBroker) -> None:
    """Starts where offsets stand that are still pending in another's transaction."""
    broker._consumer._committed_only = False


def overlooks_losses_while_joining(broker: KafkaBroker) -> None:
    del broker._consumer._coordinator.reset_generation  # as it was before our guard wrapped it


class TakesOutagesForRefusals(ExactlyOnce):
    def deliver(self, delivery: Delivery) -> None:
        try:
            super().deliver(delivery)
        except Outage as outage:
            self._in_doubt = None
            raise DeliveryRefused(str(outage)) from outage
