"""The coordinator of a consumer group: who is a member, who has which partitions, and whose offsets are taken.

A change makes all members join again. Until the last has joined the old generation holds; those that don't come in
time are put out. A partition that moves is first nobody's for one generation, as cooperative-sticky has it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from kafka import TopicPartition
from kafka.errors import CommitFailedError, FencedInstanceIdError, UnknownMemberIdError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

Assigned = tuple[int, frozenset[TopicPartition]]
"""The generation, and what a member has in it."""


@dataclass(slots=True, eq=False)
class _Seat:
    instance_id: str | None
    heard_at_s: float
    claims: frozenset[TopicPartition] = frozenset()
    """What the member said it has when it joined."""
    partitions: frozenset[TopicPartition] = frozenset()
    joined: bool = False
    result: Assigned | None = None
    """Of the last join, until the member takes it."""


@dataclass(eq=False)
class Group:
    """One group.

    Args:
        partitions: of the topic that it reads, as its leader knows them now.
        session_s: a member that isn't heard of for longer is put out.
        join_s: a join waits so long for members that are heard of but don't join.
    """

    partitions: Callable[[], list[TopicPartition]]
    session_s: float
    join_s: float
    generation: int = 0
    joining_since_s: float | None = None
    committed: dict[TopicPartition, OffsetAndMetadata] = field(default_factory=dict)
    _seats: dict[str, _Seat] = field(default_factory=dict)
    _fenced: set[str] = field(default_factory=set)
    _ids: int = 0

    # What members ask.

    def join(self, member_id: str, instance_id: str | None, claims: frozenset[TopicPartition], *, now: float) -> str:
        """The member's id; what it is given can be taken once all have joined."""
        self._refuse_fenced(member_id)
        if not member_id:
            self._ids += 1
            member_id = f"member-{self._ids}"
            if self._replace(instance_id, member_id):
                seat = self._seats[member_id]
                seat.heard_at_s = now
                if self.joining_since_s is None:
                    seat.result = (self.generation, seat.partitions)
                    return member_id
            else:
                self._seats[member_id] = _Seat(instance_id, now)
        elif member_id not in self._seats:
            raise UnknownMemberIdError
        if self.joining_since_s is None:
            self.rebalance(now=now)
        seat = self._seats[member_id]
        seat.claims, seat.joined = claims, True
        self._complete()
        return member_id

    def take(self, member_id: str) -> Assigned | None:
        """What came of the member's join, once."""
        seat = self._seats.get(member_id)
        if seat is None:
            return None
        result, seat.result = seat.result, None
        return result

    def heartbeat(self, member_id: str, *, now: float) -> bool:
        """Whether a join is under way that the member hasn't joined yet."""
        self._refuse_fenced(member_id)
        if member_id not in self._seats:
            raise UnknownMemberIdError
        self._seats[member_id].heard_at_s = now
        return self.joining_since_s is not None and not self._seats[member_id].joined

    def leave(self, member_id: str, *, now: float) -> None:
        if self._seats.pop(member_id, None):
            self.rebalance(now=now)

    def admit(self, identity: ConsumerGroupMetadata) -> None:
        """Refuses offsets of a transaction; the hole for those who give no identity at all is Kafka's own."""
        self._refuse_fenced(identity.member_id)
        if identity.generation_id < 0 and not identity.member_id:
            return
        if identity.member_id not in self._seats or identity.generation_id != self.generation:
            raise CommitFailedError(f"{identity.member_id} of generation {identity.generation_id}")

    def _refuse_fenced(self, member_id: str) -> None:
        if member_id in self._fenced:
            raise FencedInstanceIdError

    # What time brings.

    def rebalance(self, *, now: float) -> None:
        """All have to join again, but for those who do so already."""
        if self.joining_since_s is None:
            self.joining_since_s = now
            for seat in self._seats.values():
                seat.joined = False
        self._complete()

    def expire(self, *, now: float) -> None:
        """Puts out who is silent, or keeps a join waiting for too long."""
        begun = self.joining_since_s
        late = begun is not None and now - begun > self.join_s
        out = [
            member_id
            for member_id, seat in self._seats.items()
            if now - seat.heard_at_s > self.session_s or (late and not seat.joined)
        ]
        for member_id in out:
            del self._seats[member_id]
        if out:
            self.rebalance(now=now)

    def restart(self, *, now: float) -> None:
        """A new coordinator gives all of them a new session."""
        for seat in self._seats.values():
            seat.heard_at_s = now

    @property
    def members(self) -> list[str]:
        return list(self._seats)

    # How partitions are given.

    def _replace(self, instance_id: str | None, member_id: str) -> bool:
        """A static member that starts again takes its seat over, and fences whoever sat there."""
        before = next(
            (each for each, seat in self._seats.items() if instance_id and seat.instance_id == instance_id), ""
        )
        if before:
            self._fenced.add(before)
            self._seats = {member_id if each == before else each: seat for each, seat in self._seats.items()}
            self._seats[member_id].joined, self._seats[member_id].result = False, None
        return bool(before)

    def _complete(self) -> None:
        if self.joining_since_s is None or not all(seat.joined for seat in self._seats.values()):
            return
        self.generation += 1
        self.joining_since_s = None
        holder = {each: member_id for member_id, seat in self._seats.items() for each in seat.claims}
        wanted = self._share_out(holder)
        for member_id, seat in self._seats.items():
            mine = (each for each, member in wanted.items() if member == member_id)
            seat.partitions = frozenset(each for each in mine if holder.get(each, member_id) == member_id)
            seat.result = (self.generation, seat.partitions)

    def _share_out(self, holder: dict[TopicPartition, str]) -> dict[TopicPartition, str]:
        """Evenly; who holds a partition keeps it if that is fair."""
        partitions = sorted(self.partitions())
        if not self._seats:
            return {}
        share, extra = divmod(len(partitions), len(self._seats))
        room = {member_id: share + (index < extra) for index, member_id in enumerate(self._seats)}
        wanted: dict[TopicPartition, str] = {}
        for partition in partitions:
            member_id = holder.get(partition, "")
            if room.get(member_id, 0) > 0:
                wanted[partition] = member_id
                room[member_id] -= 1
        spare = [member_id for member_id, count in room.items() for _ in range(count)]
        for partition in partitions:
            if partition not in wanted:
                wanted[partition] = spare.pop(0)
        return wanted
