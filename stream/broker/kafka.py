"""The real broker: one member of a consumer group, and what its outcomes are delivered by."""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kafka import TopicPartition
from kafka.errors import (
    FencedInstanceIdError,
    InvalidSessionTimeoutError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RetriableError,
    TopicAuthorizationFailedError,
)

from stream.broker.contract import Deliverer, Delivery, Polled, Position
from stream.broker.ends import Ends
from stream.broker.exactly_once import ExactlyOnce
from stream.broker.guards import (
    coordinator_known,
    heartbeat_answered_s,
    is_fenced,
    is_hidden,
    join_again,
    next_offset,
)
from stream.broker.handshakes import handshakes_of
from stream.broker.joining import LEAVING_TIMEOUT_S, KafkaOptions, join, leave
from stream.broker.leaders import Leaders
from stream.broker.membership import Member, Membership
from stream.broker.positions import Positions
from stream.broker.reading import to_record
from stream.broker.rights import naming, transactions_right, worker_rights
from stream.broker.topics import require_topics
from stream.broker.transactions import NEVER_TAKEN, FencedTwiceError
from stream.broker.watchdog import Watchdog
from stream.errors import UserError
from stream.records import Partition

log = logging.getLogger(__name__)

_PLACING_TIMEOUT_S = 1.0  # offsets still pending in a dead owner's transaction keep us waiting: poll meanwhile
_SILENT_HEARTBEATS = 8
_JOINING = "the group did not settle"
_DELIVERING = "a delivery hung"


class KafkaBroker:
    """`stream.broker.contract.Broker` on Kafka.

    Args:
        options: how it takes part.
        delivery: makes what its outcomes are delivered by.
        watchdog: ends what hangs; one of its own by default.
        clock: seconds, monotonic.

    Raises:
        UserError: the cluster is not reachable, or a topic is missing.
    """

    def __init__(
        self,
        options: KafkaOptions,
        *,
        delivery: Callable[[Member], Deliverer] = ExactlyOnce,
        watchdog: Watchdog | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._clock = clock
        self._stuck_after_s = 2 * options.max_poll_interval_s
        self.client_id = f"{options.group}-{options.slot or uuid.uuid4()}"
        self._rights = (
            *worker_rights(group=options.group, topic=options.topic, output_topics=options.output_topics),
            transactions_right(group=options.group, slot=options.slot),
        )
        require_topics(options.cluster, [options.topic, *options.output_topics])
        self._watchdog = watchdog or Watchdog()
        self._membership = Membership(handover_s=options.handover_s, clock=clock)
        self._consumer = join(options, self._membership, client_id=self.client_id)
        self._positions = Positions(self._consumer, options.group)
        self._ends = Ends(self._consumer, clock=clock)
        self._leaders = Leaders(self._consumer, clock=clock)
        with naming(options.cluster, *self._rights):
            self._deliverer = delivery(self._as_member())
        self._took_its_seat = options.slot is None
        self._owned: set[TopicPartition] = set()  # as the caller knows it
        self._unplaced: set[TopicPartition] = set()  # given to us, not yet at their committed offset
        self._paused: set[TopicPartition] = set()  # by the caller
        self._parting: set[TopicPartition] = set()  # not owned any more, and not yet told of as revoked
        self._let_go: set[TopicPartition] = set()  # of these

    def _as_member(self) -> Member:
        return Member(
            cluster=self._options.cluster,
            group=self._options.group,
            client_id=self.client_id,
            consumer=self._consumer,
            membership=self._membership,
            timeout_s=self._options.transaction_timeout_s,
            clock=self._clock,
        )

    def poll(self, *, max_records: int, timeout_s: float) -> Polled:
        """See the contract.

        Raises:
            OffsetsLostError: the next offset of a partition is not in its log any more.
            UserError: another process has this slot, or a right was taken away, or Kafka doesn't let us in any more.
        """
        if refusal := handshakes_of(self._consumer).refusal:
            raise refusal
        with naming(self._options.cluster, *self._rights):
            return self._poll(max_records, timeout_s)

    def _poll(self, max_records: int, timeout_s: float) -> Polled:
        given = self._poll_consumer(max_records, timeout_s)
        changes = self._membership.take_changes()
        held = self._consumer.assignment()
        lost = (self._owned & changes.lost) | (self._owned - held - changes.revoked)
        gone = (self._owned & changes.revoked) - lost
        self._owned -= lost | gone
        self._paused &= self._owned
        parting, revoked = self._part(gone)
        self._unplaced = (self._unplaced | changes.assigned) & held
        records = tuple(
            to_record(each) for partition in sorted(self._owned & given.keys()) for each in given[partition]
        )
        passed = {_ours(each): at for each in self._owned if (at := next_offset(self._consumer, each)) is not None}
        generation, outage = self._membership.generation(), self._outage()
        if generation >= 0:
            self._take_seat()
        if self._membership.joining and outage is None:
            self._watchdog.arm(_JOINING, self._stuck_after_s)
        else:
            self._watchdog.disarm(_JOINING)
        return Polled(
            records=records,
            assigned=self._place() if generation >= 0 else {},
            parting=frozenset(map(_ours, parting)),
            revoked=frozenset(map(_ours, revoked)),
            lost=frozenset(map(_ours, lost)),
            passed=passed,
            generation=generation,
            outage=outage,
        )

    def _take_seat(self) -> None:
        """Once after the start, a static member asks for all to be shared out anew.

        Kafka gives it what its predecessor had, without a rebalance. A partition that was to go to another when that
        one died would be nobody's until somebody comes or goes.
        """
        if not self._took_its_seat:
            self._took_its_seat = True
            join_again(self._consumer)

    def _part(self, gone: set[TopicPartition]) -> tuple[set[TopicPartition], set[TopicPartition]]:
        """What parts from now on, and what is revoked: let go, or not of the assignment in force any more."""
        self._parting |= gone
        assignment = self._membership.assignment
        over = self._parting - (assignment.parting if assignment else frozenset()) | self._let_go
        self._parting -= over
        self._let_go.clear()
        return gone - over, over

    def _outage(self) -> str | None:
        silent_s = self._clock() - max(heartbeat_answered_s(self._consumer), self._membership.joined_s)
        unread_s, too_long_s = self._leaders.silent_s(), _SILENT_HEARTBEATS * self._options.heartbeat_s
        waits_for_others = self._membership.joining and coordinator_known(self._consumer)
        if silent_s >= too_long_s and not waits_for_others:
            what = f"no heartbeat for {silent_s:.0f} s"
        elif unread_s >= too_long_s:
            what = f"nothing to be read from the leader of a partition for {unread_s:.0f} s"
        else:
            return None
        lost = handshakes_of(self._consumer).lost
        return f"Kafka doesn't answer: {what}{f' ({lost})' if lost else ''}"

    def _poll_consumer(self, max_records: int, timeout_s: float) -> Mapping[TopicPartition, list[Any]]:
        if is_fenced(self._consumer):  # before a join that is due anyway, as a new member if the other is gone again
            raise self._slot_taken()
        if is_hidden(self._consumer, self._options.topic):
            raise TopicAuthorizationFailedError({self._options.topic})
        held_back = self._owned - self._paused if max_records == 0 else set()
        self._consumer.pause(*held_back)
        try:
            given: Mapping[TopicPartition, list[Any]] = self._consumer.poll(
                timeout_ms=int(timeout_s * 1000), max_records=max(max_records, 1)
            )
        except NoOffsetForPartitionError:  # a new partition without a commit; _place knows where to begin
            return {}
        except OffsetOutOfRangeError as error:
            lost = error
            raise self._options.cluster.ask(lambda: self._positions.lost_range(lost)) from None
        except FencedInstanceIdError:
            raise self._slot_taken() from None
        except InvalidSessionTimeoutError:
            raise UserError(
                f"--session-timeout-s = {self._options.session_timeout_s:g} lies outside of what the brokers allow "
                f"(their group.min.session.timeout.ms and group.max.session.timeout.ms): change it"
            ) from None
        except RetriableError as error:
            log.warning("Kafka: %s", error)
            time.sleep(min(timeout_s, 0.1))
            return {}
        finally:
            self._consumer.resume(*(held_back & self._consumer.assignment()))
        return given

    def _place(self) -> dict[Partition, Position]:
        """Puts new partitions to their committed offsets; those that can't be placed yet wait for the next poll."""
        placed: dict[Partition, Position] = {}
        for partition in sorted(self._unplaced):
            try:
                committed = self._positions.committed(partition, timeout_s=_PLACING_TIMEOUT_S)
                at = committed or self._positions.earliest(partition, timeout_s=_PLACING_TIMEOUT_S)
            except RetriableError as error:
                log.info("offsets of %s are not settled yet: %s", partition, error)
                break
            self._consumer.seek(partition, at.next_offset)
            self._consumer.resume(partition)
            self._unplaced.discard(partition)
            self._owned.add(partition)
            placed[_ours(partition)] = at
        return placed

    def _slot_taken(self) -> UserError:
        return UserError(f"slot {self._options.slot!r} is used by another process: give each its own")

    def pause(self, partitions: Iterable[Partition]) -> None:
        """See the contract."""
        ours = {_theirs(each) for each in partitions} & self._owned
        self._paused |= ours
        self._consumer.pause(*(ours & self._consumer.assignment()))

    def resume(self, partitions: Iterable[Partition]) -> None:
        """See the contract."""
        ours = {_theirs(each) for each in partitions} & self._owned
        self._paused -= ours
        self._consumer.resume(*(ours & self._consumer.assignment()))

    def unread(self) -> Mapping[Partition, int]:
        """See the contract.

        Raises:
            UserError: a right was taken away.
        """
        owned = self._owned & self._consumer.assignment()
        if self._outage() is None:
            with naming(self._options.cluster, *self._rights):
                self._ends.ask(owned & self._paused)
        unread = {_ours(each): self._ends.unread(each) for each in owned}
        return {each: count for each, count in unread.items() if count is not None}

    def let_go(self, partitions: Iterable[Partition]) -> None:
        """See the contract."""
        self._let_go |= {_theirs(each) for each in partitions} & self._parting
        self._membership.let_go(self._let_go)

    def deliver(self, delivery: Delivery) -> None:
        """See the contract.

        Raises:
            DeliveryRefused: nothing of it is visible.
            Outage: Kafka doesn't answer.
            UserError: another process uses this slot, or Kafka would never take it, as where a right was taken away.
        """
        with self._watchdog.limit(_DELIVERING, self._stuck_after_s):
            try:
                with naming(self._options.cluster, *self._rights):
                    self._deliverer.deliver(delivery)
            except (FencedInstanceIdError, FencedTwiceError):
                raise self._slot_taken() from None
            except NEVER_TAKEN as error:
                raise UserError(f"Kafka would never take these outcomes: {error}") from error

    def close(self) -> None:
        """Leaves the group at once, a static member too: who closes in order doesn't come back soon."""
        self._deliverer.close()
        if self._options.slot is not None or self._membership.joining:
            leave(self._options, client_id=self.client_id, member_id=self._membership.member_id)
        self._consumer.close(timeout_ms=int(LEAVING_TIMEOUT_S * 1000))
        self._watchdog.close()


def _ours(partition: TopicPartition) -> Partition:
    return Partition(partition.topic, partition.partition)


def _theirs(partition: Partition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.number)
