"""What a worker has in hand: per partition the records between the committed position and the last one read.

    committed                 last read
        │  finished prefix        │
        ▼  ─────────────►         ▼
        12   13   15   16   17   18        (14 was never there: offsets rise, with gaps)
        done done  ·   done  ·    ·
                  └ first unfinished: nothing from here on may be committed

Records come in by `add`, go out to be scored by `take`, come back in any order by `finish`, and leave by `commit`.
No I/O, no clock, no thread: an instance belongs to one thread.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from stream.broker.contract import Position
from stream.records import Outcome, Partition, Record


@dataclass(frozen=True, slots=True)
class Token:
    """Names one record under one assignment: a partition that comes back has another epoch."""

    partition: Partition
    epoch: int
    offset: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A record that has no outcome yet."""

    token: Token
    record: Record


@dataclass(frozen=True, slots=True)
class Done:
    """A record with its outcome, not committed yet."""

    token: Token
    record: Record
    outcome: Outcome
    finished_at: float
    """On the clock of whoever called `finish`."""


@dataclass(slots=True, eq=False)
class _Lane:
    """One owned partition."""

    epoch: int
    position: Position
    """What is committed."""
    next_offset: int
    """The least that the next record may have."""
    entries: dict[int, Pending | Done] = field(default_factory=dict)
    """By offset, rising."""
    waiting: deque[Pending] = field(default_factory=deque)
    """Those that nobody has taken yet."""
    fresh: bool = True
    """Nothing was committed since it was assigned."""
    parting: bool = False
    """Goes to another owner once what was taken is delivered."""

    def finished(self) -> Iterator[Done]:
        for entry in self.entries.values():
            if isinstance(entry, Pending):
                return
            yield entry

    def first_unfinished(self) -> int:
        return next((offset for offset, entry in self.entries.items() if isinstance(entry, Pending)), self.next_offset)


class Window:
    """Never loses, repeats or reorders what is added; a position is never ahead of the first unfinished record.

    Args:
        clips: that it holds at most.
        clips_per_partition: of these; so one partition whose first clip takes long leaves room for the others.
    """

    def __init__(self, *, clips: int = 1024, clips_per_partition: int = 128) -> None:
        if not 1 <= clips_per_partition <= clips:
            raise ValueError(f"clips_per_partition = {clips_per_partition} must lie between 1 and clips = {clips}")
        self.clips = clips
        self.clips_per_partition = clips_per_partition
        self._lanes: dict[Partition, _Lane] = {}  # in the order of their turns
        self._epochs = 0

    # Who owns what.

    @property
    def partitions(self) -> frozenset[Partition]:
        """The partitions that are owned."""
        return frozenset(self._lanes)

    def assign(self, positions: Mapping[Partition, Position]) -> None:
        """These are owned from now on, to be read from these positions."""
        for partition, position in positions.items():
            if partition in self._lanes:
                raise ValueError(f"{partition} is assigned twice")
            self._epochs += 1
            self._lanes[partition] = _Lane(self._epochs, position, position.next_offset)

    @property
    def fresh(self) -> frozenset[Partition]:
        """The partitions of which nothing was committed since they were assigned."""
        return frozenset(partition for partition, lane in self._lanes.items() if lane.fresh)

    def part(self, partitions: Iterable[Partition]) -> None:
        """Nothing more is taken or read of these; what was taken is still theirs to finish and deliver."""
        for lane in map(self._lanes.__getitem__, partitions):
            lane.parting = True
            if lane.waiting:
                lane.next_offset = lane.waiting[0].token.offset
            while lane.waiting:
                del lane.entries[lane.waiting.pop().token.offset]

    @property
    def parting(self) -> frozenset[Partition]:
        """The partitions that part."""
        return frozenset(partition for partition, lane in self._lanes.items() if lane.parting)

    @property
    def ready_to_go(self) -> frozenset[Partition]:
        """Those of them whose every record in hand is finished: once that is committed they can go."""
        return frozenset(
            partition
            for partition, lane in self._lanes.items()
            if lane.parting and lane.entries and lane.first_unfinished() == lane.next_offset
        )

    def holds(self, partition: Partition) -> bool:
        """Whether anything of a partition is in hand."""
        return bool(self._lanes[partition].entries)

    def in_hand(self, partition: Partition) -> list[Record]:
        """What was read of a partition and is not committed, in offset order."""
        return [entry.record for entry in self._lanes[partition].entries.values()]

    def drop(self, partitions: Iterable[Partition]) -> None:
        """These are not owned any more; what was in hand of them is the next owner's."""
        for partition in partitions:
            self._lanes.pop(partition, None)

    # How much fits.

    def __len__(self) -> int:
        return sum(len(lane.entries) for lane in self._lanes.values())

    @property
    def least_read(self) -> int:
        """So much of its share must be free for a partition to be read from: many small reads cost more than few."""
        return max(1, self.clips_per_partition // 8)

    @property
    def crowded(self) -> frozenset[Partition]:
        """Partitions that are not to be read from for now."""
        least = self.least_read
        return frozenset(partition for partition, lane in self._lanes.items() if self._free(lane) < least)

    @property
    def room(self) -> int:
        """How many records may be read at once from the partitions that aren't crowded, whichever they come from."""
        crowded = self.crowded
        if crowded and crowded == self.partitions:
            return 0
        free = (self._free(lane) for partition, lane in self._lanes.items() if partition not in crowded)
        return min(self.clips - len(self), self.clips_per_partition, *free)

    def _free(self, lane: _Lane) -> int:
        """Of a partition's share, and of what may wait: all together half the window, so that others can be gained."""
        if lane.parting:
            return 0
        may_wait = max(self.least_read, self.clips // (2 * len(self._lanes)))
        return min(self.clips_per_partition - len(lane.entries), may_wait - len(lane.waiting))

    # A record's way.

    def add(self, record: Record) -> Token:
        """A record was read."""
        lane = self._lanes[record.partition]
        if record.offset < lane.next_offset:
            raise ValueError(f"{record.partition} gave offset {record.offset} where {lane.next_offset} comes next")
        entry = Pending(Token(record.partition, lane.epoch, record.offset), record)
        lane.entries[record.offset] = entry
        lane.waiting.append(entry)
        lane.next_offset = record.offset + 1
        return entry.token

    def pass_by(self, offsets: Mapping[Partition, int]) -> None:
        """What lies before these offsets and was not added is no record."""
        for partition, offset in offsets.items():
            lane = self._lanes[partition]
            lane.next_offset = max(lane.next_offset, offset)

    @property
    def waiting(self) -> int:
        """Records that nobody has taken yet."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    def take(self, limit: int) -> list[Pending]:
        """The next records to be scored, at most `limit`: in offset order, the partitions taking turns."""
        taken: list[Pending] = []
        while len(taken) < limit and (partition := self._whose_turn()):
            lane = self._lanes[partition] = self._lanes.pop(partition)  # and then everyone else's
            taken.append(lane.waiting.popleft())
        return taken

    def _whose_turn(self) -> Partition | None:
        return next((partition for partition, lane in self._lanes.items() if lane.waiting), None)

    def finish(self, token: Token, outcome: Outcome, *, at: float) -> bool:
        """A record has its outcome; False where its partition was dropped meanwhile, and the outcome with it."""
        lane = self._lanes.get(token.partition)
        if lane is None or lane.epoch != token.epoch:
            return False
        entry = lane.entries[token.offset]
        assert isinstance(entry, Pending), f"{token} is finished twice"
        lane.entries[token.offset] = Done(token, entry.record, outcome, at)
        return True

    def finished(self, partition: Partition) -> list[Done]:
        """What of a partition can be committed: all before its first unfinished record, in offset order."""
        return list(self._lanes[partition].finished())

    def position(self, partition: Partition) -> Position:
        """What is committed of a partition."""
        return self._lanes[partition].position

    @property
    def passed(self) -> dict[Partition, Position]:
        """Where nothing is in hand, but what was passed by is not committed: the positions that come next."""
        return {
            partition: replace(lane.position, next_offset=lane.next_offset)
            for partition, lane in self._lanes.items()
            if not lane.entries and lane.position.next_offset < lane.next_offset
        }

    def commit(self, positions: Mapping[Partition, Position]) -> None:
        """What lies before these positions is delivered, and forgotten here."""
        for partition, position in positions.items():
            lane = self._lanes[partition]
            if not lane.position.next_offset <= position.next_offset <= lane.first_unfinished():
                raise ValueError(f"{partition} can't go to {position}, only to {lane.first_unfinished()}")
            for offset in [offset for offset in lane.entries if offset < position.next_offset]:
                del lane.entries[offset]
            lane.position, lane.fresh = position, False

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest of the records was appended, in ms since 1970 UTC; None where there is none."""
        heads = (next(iter(lane.entries.values())) for lane in self._lanes.values() if lane.entries)
        return min((head.record.timestamp_ms for head in heads), default=None)
