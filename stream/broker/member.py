"""Who delivers, and by what: a member of the group before its first poll, and what writes its outcomes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from kafka import KafkaConsumer, TopicPartition

from stream.broker.cluster import Cluster
from stream.broker.contract import Delivery, DeliveryRefused, Position
from stream.broker.membership import Assignment, Membership

At = Mapping[TopicPartition, Position]


def at_of(delivery: Delivery) -> At:
    """A delivery's positions by kafka-python's name of each partition."""
    return {TopicPartition(each.topic, each.number): position for each, position in delivery.positions.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a group."""

    cluster: Cluster
    group: str
    client_id: str
    """No other living process has it."""
    consumer: KafkaConsumer
    membership: Membership
    timeout_s: float
    """How long a delivery waits for an answer."""
    clock: Callable[[], float]
    """Seconds, monotonic."""

    def vouch(self, generation: int, partitions: Iterable[TopicPartition]) -> Assignment:
        """The assignment in force, if it is of this generation and holds these partitions.

        Raises:
            DeliveryRefused: it isn't, or doesn't.
        """
        assignment = self.membership.assignment
        if assignment is None or not assignment.valid or generation != assignment.generation:
            now = -1 if assignment is None else assignment.generation
            raise DeliveryRefused(f"generation {generation} is not in force, {now} is")
        if not set(partitions) <= assignment.partitions | assignment.parting:
            raise DeliveryRefused("some of its partitions are not owned any more")
        return assignment


class Deliverer(Protocol):
    """What a broker's deliveries go by; how often an outcome may come is what the kinds of it differ in."""

    def deliver(self, delivery: Delivery) -> None:
        """As `Broker.deliver`.

        Raises:
            FencedTwiceError: another process uses the same transactional.id.
            KafkaError: one of NEVER_TAKEN.
        """

    def close(self) -> None:
        """Ends the producer: what was not delivered never is."""
