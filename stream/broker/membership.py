"""What the group has given this member, recorded by kafka-python's callbacks for the next poll to tell.

A cooperative rebalance has two rounds. In the first one a member hears which of its partitions go to others, in the
second, for which it joins again, they are given away. In between they are nobody's, and Kafka takes their offsets from
the member that had them: time to finish what it has in hand of them.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import ConsumerGroupMetadata, MemberState

from stream.broker.cluster import Cluster
from stream.broker.contract import DeliveryRefused


@dataclass(frozen=True, slots=True)
class Assignment:
    """Partitions with the generation and the identity that they were given under, taken in one moment."""

    generation: int
    partitions: frozenset[TopicPartition]
    identity: ConsumerGroupMetadata
    parting: frozenset[TopicPartition] = frozenset()
    """Held until this generation, and not yet given to others."""

    @property
    def valid(self) -> bool:
        """Kafka takes offsets of generation -1 and an empty member id from anybody, unchecked: never send those."""
        return self.generation >= 0 and bool(self.identity.member_id)


@dataclass(slots=True)
class Changes:
    """What happened since the last poll; a partition may stand in several of them."""

    assigned: set[TopicPartition] = field(default_factory=set)
    revoked: set[TopicPartition] = field(default_factory=set)
    lost: set[TopicPartition] = field(default_factory=set)


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python is untyped
    """Records assignments and changes; its callbacks run on the client's thread while the owner waits in poll().

    Args:
        handover_s: the second round is put off for so long at most while partitions that part aren't let go.
        clock: seconds, monotonic.

    Attributes:
        assignment: the last completed join's, None before the first one and after a loss.
        joined_s: when it was completed, by the clock; before the first one, when this was made.
    """

    def __init__(self, *, handover_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.assignor = _RecordingAssignor(self)
        self.assignment: Assignment | None = None
        self.joined_s = clock()
        self._handover_s = handover_s
        self._clock = clock
        self._not_let_go: frozenset[TopicPartition] = frozenset()
        self._hand_over_by = 0.0
        self._consumer: KafkaConsumer | None = None
        self._changes = Changes()

    def subscribe(self, consumer: KafkaConsumer, topic: str) -> None:
        """Takes part in the consumer's group from its next poll on."""
        self._consumer = consumer
        consumer.subscribe([topic], listener=self)

    def take_changes(self) -> Changes:
        """The changes since the last call."""
        changes, self._changes = self._changes, Changes()
        return changes

    def generation(self) -> int:
        """The last completed join's, in force while the next one is under way; -1 if there is none, or it was lost."""
        held, now = self.assignment, self._identity()
        in_force = held is not None and held.valid and now.state != MemberState.UNJOINED
        return held.generation if held is not None and in_force and now.generation_id == held.generation else -1

    @property
    def joining(self) -> bool:
        """Whether a join is under way, or due."""
        return bool(self._identity().state != MemberState.STABLE)

    @property
    def handing_over(self) -> bool:
        """Whether the next join is to wait until what is in hand of parting partitions is delivered."""
        waits = bool(self._not_let_go) and self._clock() < self._hand_over_by
        return waits and bool(self._identity().state == MemberState.STABLE)

    def let_go(self, partitions: Iterable[TopicPartition]) -> None:
        """These parting partitions need no more time."""
        self._not_let_go -= frozenset(partitions)

    @property
    def member_id(self) -> str:
        """As the group knows us; empty before the first join and after a loss."""
        return str(self._identity().member_id or "")

    def assigned_by(self, assignment: Any, generation: int) -> None:
        """A join is complete. The generation may rise without any callback of the listener, so it is noted here."""
        given = frozenset(assignment.partitions())
        parting = frozenset() if self.assignment is None else self.assignment.partitions - given
        self.joined_s = self._clock()
        self._not_let_go, self._hand_over_by = parting, self.joined_s + self._handover_s
        self.assignment = Assignment(generation, given, self._identity(), parting)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Nothing is read from them until they are placed at the committed offset, with its note."""
        assert self._consumer is not None
        self._changes.assigned |= set(assigned)
        self._consumer.pause(*assigned)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Others get them in the next round."""
        self._changes.revoked |= set(revoked)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Others may have them already: neither sent offsets for, nor claimed at the next join."""
        self._changes.lost |= set(lost)
        self.assignment = None
        self.assignor.member_assignment = None

    def _identity(self) -> ConsumerGroupMetadata:
        assert self._consumer is not None
        return self._consumer.group_metadata()


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


class _RecordingAssignor(CooperativeStickyAssignor):  # type: ignore[misc]  # kafka-python is untyped
    """Cooperative-sticky, telling the membership of each completed join."""

    def __init__(self, membership: Membership) -> None:
        super().__init__()
        self._membership = membership

    def on_assignment(self, assignment: Any, generation: int) -> None:
        super().on_assignment(assignment, generation)
        self._membership.assigned_by(assignment, generation)
