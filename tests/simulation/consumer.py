"""What kafka-python's consumer does as a member of a group: heartbeats by a thread of its own, all else in poll()."""

import threading
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from kafka.errors import FencedInstanceIdError, KafkaTimeoutError, NoOffsetForPartitionError, UnknownMemberIdError
from kafka.structs import ConsumerGroupMetadata, MemberState, OffsetAndMetadata

from stream.broker.handshakes import Handshakes
from tests.simulation.line import Line
from tests.simulation.log import Entry


@dataclass(frozen=True, slots=True)
class _Given:
    """An assignment as an assignor is told of it."""

    given: tuple[TopicPartition, ...]

    def partitions(self) -> list[TopicPartition]:
        return list(self.given)


class SimulatedConsumer:
    """One member."""

    def __init__(self, line: Line, *, group_id: str, **options: Any) -> None:
        self._line, self._brokers, self._group = line, line.brokers, line.brokers.group
        self._group_id, self._instance_id = group_id, options["group_instance_id"]
        self._committed_only = options["isolation_level"] == "read_committed"
        (self._assignor,) = options["partition_assignment_strategy"]
        self._listener: Any = None
        self._positions: dict[TopicPartition, int | None] = {}
        self._paused: set[TopicPartition] = set()
        self._turn = 0
        self._member_id, self._generation, self._state = "", -1, MemberState.UNJOINED
        self._due, self._waiting = True, False
        self.fenced = False
        self.answered_at_s = self._brokers.time.now
        self._coordinator = _Coordinator(self)
        self._fetcher = _Fetcher()
        self._manager = _Manager()
        self._cluster = _Cluster()
        self._brokers.heartbeats.append(self._beat)

    def subscribe(self, _topics: list[str], listener: Any) -> None:
        self._listener = listener

    # The client's own thread.

    def _beat(self) -> None:
        if self._line.frozen or self._line.dead:
            return
        self.answered_at_s = self._brokers.time.now
        if not self._member_id or self.fenced:
            return
        try:
            self._due |= self._group.heartbeat(self._member_id, now=self._brokers.time.now)
        except UnknownMemberIdError:
            self._coordinator.reset_generation()
        except FencedInstanceIdError:
            self.fenced = True

    # Membership.

    def poll(self, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Entry]]:
        self._line.between("poll")
        if self._line.dead:
            return {}
        self._beat()
        if self.fenced:
            if self._waiting:
                raise FencedInstanceIdError
            return {}
        self._take_part()
        self._place()
        return self._fetch(max_records)

    def _take_part(self) -> None:
        now = self._brokers.time.now
        if self._coordinator.need_rejoin() and not self._waiting:
            if not self._coordinator.rejoining:  # looked at once before it asks to join, and not again
                self._coordinator.rejoining = True
                self._lose()
            claims = frozenset(self._assignor.member_assignment or ())
            self._member_id = self._group.join(self._member_id, self._instance_id, claims, now=now)
            self._due, self._waiting, self._state = False, True, MemberState.REBALANCING
        if self._waiting and (result := self._group.take(self._member_id)):
            self._complete(*result)

    def _lose(self) -> None:
        if self._generation < 0 and self._positions:
            lost, self._positions = set(self._positions), {}
            self._paused.clear()
            self._listener.on_partitions_lost(lost)

    def _complete(self, generation: int, given: frozenset[TopicPartition]) -> None:
        self._waiting, self._state, self._generation = False, MemberState.STABLE, generation
        self._coordinator.rejoining = False
        before = self._positions
        self._positions = {each: before.get(each) for each in sorted(given)}
        self._paused &= given
        self._assignor.on_assignment(_Given(tuple(self._positions)), generation)
        revoked, added = before.keys() - given, given - before.keys()
        if revoked:
            self._listener.on_partitions_revoked(revoked)
        if added:
            self._listener.on_partitions_assigned(added)
        self._due = bool(revoked)

    def group_metadata(self) -> ConsumerGroupMetadata:
        return ConsumerGroupMetadata(self._group_id, self._generation, self._member_id, self._instance_id, self._state)

    @property
    def member_id(self) -> str:
        return self._member_id

    @property
    def waiting(self) -> bool:
        return self._waiting

    def close(self, timeout_ms: int) -> None:
        """Says goodbye, unless it is a static member."""
        self._brokers.heartbeats.remove(self._beat)
        if self._instance_id is None and not self._line.dead:
            self._group.leave(self._member_id, now=self._brokers.time.now)

    # Records and positions.

    def assignment(self) -> set[TopicPartition]:
        return set(self._positions)

    def paused(self) -> set[TopicPartition]:
        return set(self._paused)

    def _place(self) -> None:
        for partition, position in self._positions.items():
            if position is None and not self._brokers.pending(partition):
                committed = self._group.committed.get(partition)
                if committed is None:
                    raise NoOffsetForPartitionError({partition})
                self._positions[partition] = committed.offset

    def _fetch(self, max_records: int) -> dict[TopicPartition, list[Entry]]:
        self._turn += 1
        order = list(self._positions)
        found: dict[TopicPartition, list[Entry]] = {}
        for index in range(len(order)):
            partition = order[(index + self._turn) % len(order)]
            position = self._positions[partition]
            if position is None or partition in self._paused or max_records == 0:
                continue
            records = self._brokers.logs[partition].read(position, max_records)
            if records:
                found[partition] = records
                max_records -= len(records)
                self._positions[partition] = records[-1].offset + 1
            else:  # nothing but markers, or what was rolled back
                self._positions[partition] = max(position, self._brokers.logs[partition].stable_end)
        return found

    def pause(self, *partitions: TopicPartition) -> None:
        for partition in partitions:
            self._positions[partition]  # KeyError, as the client's
            self._paused.add(partition)

    def resume(self, *partitions: TopicPartition) -> None:
        for partition in partitions:
            self._positions[partition]
            self._paused.discard(partition)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        assert partition in self._positions
        self._positions[partition] = offset

    def committed(self, partition: TopicPartition, *, metadata: bool, timeout_ms: float) -> OffsetAndMetadata | None:
        assert metadata
        self._line.call("committed", timeout_s=timeout_ms / 1000)
        if self._committed_only and self._brokers.pending(partition):
            self._line.time_out("committed", timeout_ms / 1000)
        return self._group.committed.get(partition)

    def beginning_offsets(self, partitions: list[TopicPartition], timeout_ms: float) -> dict[TopicPartition, int]:
        self._line.call("beginning_offsets", timeout_s=timeout_ms / 1000)
        return {each: self._brokers.logs[each].start for each in partitions}

    def end_offsets(self, partitions: list[TopicPartition], timeout_ms: float) -> dict[TopicPartition, int]:
        if self._line.dead:
            raise KafkaTimeoutError(f"no ends within {timeout_ms} ms")
        return {each: self._brokers.logs[each].stable_end for each in partitions}

    def highwater(self, partition: TopicPartition) -> int | None:
        return None if self._line.dead else self._brokers.logs[partition].stable_end

    @property
    def _subscription(self) -> "_Subscription":
        placed = {each: OffsetAndMetadata(at, "", -1) for each, at in self._positions.items() if at is not None}
        return _Subscription({each: _PartitionState(placed.get(each)) for each in self._positions})


class _Coordinator:
    """The client's private parts that our guards look at, or wrap."""

    _join_task = None
    rejoining = False

    def __init__(self, consumer: SimulatedConsumer) -> None:
        self._consumer = consumer
        self._lock = threading.Lock()

    def _do_join_and_sync_async(self) -> None:
        pass

    def _on_join_complete_async(self) -> None:
        pass

    def _handle_heartbeat_response(self) -> None:
        pass

    def need_rejoin(self) -> bool:
        return self._consumer._due

    def reset_generation(self) -> None:
        consumer = self._consumer
        consumer._member_id, consumer._generation, consumer._state = "", -1, MemberState.UNJOINED
        consumer._due, consumer._waiting = True, False

    def request_rejoin(self) -> None:
        self._consumer._due = True

    def poll(self) -> bool:
        return True

    def coordinator_unknown(self) -> bool:
        return self._consumer._line.dead

    def stable(self) -> bool:
        return not self._consumer.waiting

    @property
    def _heartbeat_enabled(self) -> bool:
        return not self._consumer.fenced

    @property
    def heartbeat(self) -> "_Coordinator":
        return self

    @property
    def last_receive(self) -> float:
        return self._consumer.answered_at_s


class _Cluster:
    """Hides nothing; one broker leads all."""

    unauthorized_topics: frozenset[str] = frozenset()

    def leader_for_partition(self, _partition: TopicPartition) -> int:
        return 1


class _Manager:
    """Nobody is refused here."""

    def __init__(self) -> None:
        self.handshakes = Handshakes("simulated", {})


@dataclass(frozen=True, slots=True)
class _PartitionState:
    position: OffsetAndMetadata | None


@dataclass(frozen=True, slots=True)
class _Subscription:
    assignment: dict[TopicPartition, _PartitionState]


class _Fetcher:
    """Hands out nothing that was parked."""

    _next_partition_records = None

    def fetched_records(self) -> None:
        pass

    def _handle_fetch_response(self) -> None:
        pass

    def _handle_fetch_error(self) -> None:
        pass
