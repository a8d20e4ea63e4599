"""Kafka in memory, for tests under a simulated clock: topics, groups with generations, transactions.

It is held to the same suite as the real one (test_broker.py). Beyond that it offers what a test of failure needs:
`MemoryCluster.append`, `.rebalance` and `.move`; `MemoryBroker.expel`, `.refuse_next`, `.leave_unanswered` and
`.hold_membership`.
"""

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from stream.broker.contract import Delivery, DeliveryRefused, Message, Polled, Position
from stream.errors import Outage
from stream.records import Partition, Record

HANDOVER_POLLS = 12
"""So often an owner may poll before partitions that go to others are revoked."""


class MemoryCluster:
    """Topics and groups; each member of a group is a MemoryBroker made by `join`.

    Args:
        now_ms: gives the time that appended records carry.
        wait: called with `timeout_s` by a poll that has nothing to return; a simulated clock moves on here.
    """

    def __init__(
        self, *, now_ms: Callable[[], int] = lambda: 0, wait: Callable[[float], None] = lambda _timeout_s: None
    ) -> None:
        self.now_ms = now_ms
        self.wait = wait
        self._logs: dict[Partition, list[Record]] = {}
        self._groups: dict[str, _Group] = {}

    def add_topic(self, name: str, partitions: int = 1) -> tuple[Partition, ...]:
        """Creates a topic, or adds partitions to it."""
        made = tuple(Partition(name, number) for number in range(partitions))
        for partition in made:
            self._logs.setdefault(partition, [])
        for group in self._groups.values():
            if group.topic == name:
                group.rebalance()
        return made

    def partitions(self, topic: str) -> tuple[Partition, ...]:
        return tuple(sorted(partition for partition in self._logs if partition.topic == topic))

    def append(
        self,
        partition: Partition,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: tuple[tuple[str, bytes], ...] = (),
    ) -> Record:
        """A producer's record at the end of a partition."""
        log = self._logs[partition]
        record = Record(partition, len(log), key, value, headers, self.now_ms())
        log.append(record)
        return record

    def records(self, topic: str) -> tuple[Record, ...]:
        """What a reader of committed records sees, partition by partition."""
        return tuple(record for partition in self.partitions(topic) for record in self._logs[partition])

    def committed(self, group: str, partition: Partition) -> Position | None:
        return self._groups[group].committed.get(partition) if group in self._groups else None

    def join(self, group: str, topic: str) -> "MemoryBroker":
        """A new member; it takes part from its first poll on."""
        return MemoryBroker(self, self._groups.setdefault(group, _Group(self, topic)))

    def rebalance(self, group: str) -> None:
        """The generation rises; nobody's partitions change."""
        self._groups[group].rebalance()

    def move(self, group: str, partition: Partition, to: "MemoryBroker") -> None:
        """The group gives a partition to another member: revoked from its owner first, then assigned."""
        self._groups[group].move(partition, to)

    def read(self, partition: Partition, offset: int, count: int) -> list[Record]:
        return self._logs[partition][offset : offset + count]

    def end(self, partition: Partition) -> int:
        return len(self._logs[partition])

    def write(self, message: Message) -> None:
        partitions = self.partitions(message.topic)
        partition = partitions[zlib.crc32(message.key or b"") % len(partitions)]
        self.append(partition, message.value, key=message.key, headers=message.headers)


@dataclass(eq=False)
class _Group:
    """Who should own what; a partition changes hands only after its owner has let go of it, at a poll."""

    cluster: MemoryCluster
    topic: str
    generation: int = 0
    members: list["MemoryBroker"] = field(default_factory=list)
    target: dict[Partition, "MemoryBroker"] = field(default_factory=dict)
    owner: dict[Partition, "MemoryBroker"] = field(default_factory=dict)
    committed: dict[Partition, Position] = field(default_factory=dict)

    def add(self, member: "MemoryBroker") -> None:
        self.members.append(member)
        self.rebalance()

    def remove(self, member: "MemoryBroker") -> None:
        if member in self.members:
            self.members.remove(member)
            self.owner = {partition: each for partition, each in self.owner.items() if each is not member}
            self.rebalance()

    def move(self, partition: Partition, to: "MemoryBroker") -> None:
        self.target[partition] = to
        self.generation += 1

    def rebalance(self) -> None:
        """Sticky: only what must move moves."""
        self.generation += 1
        partitions = self.cluster.partitions(self.topic)
        if not self.members:
            self.target = {}
            return
        share, extra = divmod(len(partitions), len(self.members))
        room = {member: share + (index < extra) for index, member in enumerate(self.members)}
        target: dict[Partition, MemoryBroker] = {}
        for partition in partitions:
            owner = self.target.get(partition)
            if owner in room and room[owner] > 0:
                target[partition] = owner
                room[owner] -= 1
        spare = deque(member for member in self.members for _ in range(room[member]))
        for partition in partitions:
            if partition not in target:
                target[partition] = spare.popleft()
        self.target = target


class MemoryBroker:
    """One member of a group and its producer."""

    def __init__(self, cluster: MemoryCluster, group: _Group) -> None:
        self._cluster = cluster
        self._group = group
        self._positions: dict[Partition, int] = {}
        self._parting: dict[Partition, int] = {}
        """Polls that are left until they are revoked."""
        self._paused: set[Partition] = set()
        self._generation = -1
        self._lost = frozenset[Partition]()
        self._unstable_polls = 0
        self._refusals: deque[str] = deque()
        self._silences: deque[bool] = deque()
        self._in_doubt: tuple[Delivery, bool] | None = None
        self._closed = False
        self.delivered: list[Delivery] = []
        """Deliveries that went through, for a test to look at."""
        self.refused: list[Delivery] = []

    # What a test can do to it.

    def expel(self) -> None:
        """The group's coordinator removes it (session expired): its partitions are free for others at once."""
        self._lost = frozenset(self._positions) | frozenset(self._parting)
        self._positions, self._parting, self._generation = {}, {}, -1
        self._group.remove(self)

    def refuse_next(self, count: int = 1, reason: str = "the test says so") -> None:
        """The next deliveries are refused although the generation is right."""
        self._refusals.extend([reason] * count)

    def leave_unanswered(self, count: int = 1, *, goes_through: bool) -> None:
        """The next delivery isn't answered, nor when it is asked for again, `count` times in all."""
        self._silences = deque([goes_through, *[False] * (count - 1)])

    def hold_membership(self, polls: int) -> None:
        """So many polls bring nothing and a negative generation, as while the group's members join again."""
        self._unstable_polls = polls

    @property
    def owned(self) -> frozenset[Partition]:
        return frozenset(self._positions)

    @property
    def paused(self) -> frozenset[Partition]:
        return frozenset(self._paused)

    # The contract.

    def poll(self, *, max_records: int, timeout_s: float) -> Polled:
        self._must_be_open()
        if self._lost:
            lost, self._lost = self._lost, frozenset()
            self._paused -= lost
            return Polled(lost=lost)
        if self._unstable_polls:
            self._unstable_polls -= 1
            self._cluster.wait(timeout_s)
            return Polled()
        change = self._follow_group()
        records = self._take(max_records)
        if not (records or change.assigned or change.parting or change.revoked):
            self._cluster.wait(timeout_s)
        return replace(change, records=records, passed=dict(self._positions))

    def _follow_group(self) -> Polled:
        group = self._group
        if self not in group.members:
            group.add(self)
        parting = frozenset(p for p in self._positions if group.target.get(p) is not self)
        for partition in parting:
            del self._positions[partition]
            self._paused.discard(partition)
        self._parting = {partition: polls - 1 for partition, polls in self._parting.items()}
        revoked = frozenset(partition for partition, polls in self._parting.items() if polls <= 0)
        for partition in revoked:
            del self._parting[partition], group.owner[partition]
        self._parting |= dict.fromkeys(parting, HANDOVER_POLLS)
        if revoked:
            group.generation += 1  # the second round of a cooperative rebalance hands them on
        assigned: dict[Partition, Position] = {}
        for partition, member in group.target.items():
            if member is self and partition not in group.owner:
                assigned[partition] = group.committed.get(partition, Position(0))
                group.owner[partition] = self
                self._positions[partition] = assigned[partition].next_offset
        self._generation = group.generation
        return Polled(assigned=assigned, parting=parting, revoked=revoked, generation=self._generation)

    def _take(self, count: int) -> tuple[Record, ...]:
        taken: list[Record] = []
        for partition in sorted(self._positions.keys() - self._paused):
            new = self._cluster.read(partition, self._positions[partition], count - len(taken))
            self._positions[partition] += len(new)
            taken.extend(new)
        return tuple(taken)

    def pause(self, partitions: Iterable[Partition]) -> None:
        self._must_be_open()
        self._paused |= set(partitions) & self._positions.keys()

    def resume(self, partitions: Iterable[Partition]) -> None:
        self._must_be_open()
        self._paused -= set(partitions)

    def unread(self) -> Mapping[Partition, int]:
        self._must_be_open()
        return {each: self._cluster.end(each) - position for each, position in self._positions.items()}

    def let_go(self, partitions: Iterable[Partition]) -> None:
        self._must_be_open()
        self._parting |= dict.fromkeys(self._parting.keys() & set(partitions), 0)

    def deliver(self, delivery: Delivery) -> None:
        self._must_be_open()
        if self._in_doubt:
            assert delivery is self._in_doubt[0], "it is not known yet what became of another delivery"
        if self._silences:
            self._say_nothing(delivery, goes_through=self._silences.popleft())
        doubted, self._in_doubt = self._in_doubt, None
        if not (doubted and doubted[1]):
            self._write(delivery)

    def _say_nothing(self, delivery: Delivery, *, goes_through: bool) -> None:
        if self._in_doubt is None:
            if goes_through:
                self._write(delivery)
            self._in_doubt = delivery, goes_through
        raise Outage("the test says so")

    def _write(self, delivery: Delivery) -> None:
        reason = self._refusal(delivery)
        if reason:
            self.refused.append(delivery)
            raise DeliveryRefused(reason)
        for message in delivery.messages:
            self._cluster.write(message)
        self._group.committed.update(delivery.positions)
        self.delivered.append(delivery)

    def _refusal(self, delivery: Delivery) -> str | None:
        if delivery.generation < 0:
            return "the member has no generation"
        if self not in self._group.members:
            return "the member was removed"
        if delivery.generation != self._group.generation:
            return f"generation {delivery.generation} is over, it is {self._group.generation} now"
        if not delivery.positions.keys() <= self._positions.keys() | self._parting.keys():
            return "some of its partitions are not owned"
        return self._refusals.popleft() if self._refusals else None

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._group.remove(self)
            self._positions.clear()

    def _must_be_open(self) -> None:
        if self._closed:
            raise RuntimeError("the broker is closed")
