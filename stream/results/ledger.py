"""The books of delivery: each reference has exactly one outcome, its own, in order and in time; none was invented.

A reference's identity is (topic, partition, offset); an outcome carries that of its reference in its headers. *In
order* means: for each pair of a source partition and an output partition, source offsets rise.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_core import from_json

from stream.records import KafkaSource, Partition, Record, salvage_clip_id, source_of
from stream.results.examples import Foremost
from stream.results.tally import Tally, checksum

Fault = Literal["lost", "doubled", "out_of_order", "invented", "unidentified", "mismatched", "late"]
_CONTRADICTS_ITSELF = 1
"""In place of a checksum. One clip_id in four thousand millions has it, too: of that one nothing is compared."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What became of the references of one topic."""

    references: int
    outcomes: int
    pending: int
    """References without an outcome that the group has not passed yet."""
    oldest_pending: tuple[str, ...]
    """Where the first few of these are by their append, since when, and of which clip."""
    unproven: int
    """References without an outcome that the group has passed, where the broker has deleted outcomes since: whether
    theirs is among those, or they are lost, nobody can tell."""
    expired: int
    """Outcomes of references that the broker has deleted since, by its retention."""
    faults: Mapping[Fault, int]
    examples: Mapping[Fault, tuple[str, ...]]
    """Where the first few of each are; of those that are late the slowest, the very slowest first."""

    @property
    def late(self) -> int:
        """Outcomes that came, and came late: nothing is wrong with them but that."""
        return self.faults.get("late", 0)

    @property
    def is_broken(self) -> bool:
        """Some of what was promised of delivery itself doesn't hold."""
        return any(count for fault, count in self.faults.items() if fault != "late")

    @property
    def holds(self) -> bool:
        """No fault was found; what is pending or unproven is none."""
        return not any(self.faults.values())

    @property
    def complete(self) -> bool:
        """There are references, and each has exactly one outcome, now."""
        return self.references > 0 and self.holds and self.pending == self.unproven == 0


class Ledger:
    """Holds outcomes against references, in a few bytes for each reference.

    Outcomes are entered first, references afterwards: then a reference that was appended meanwhile is only pending,
    and each outcome's reference is among those read.

    Args:
        topic: of the references.
        first_offsets: of each of its partitions; what was before, retention has deleted.
        committed: the group's next offsets, **taken before the outcomes are read**: a reference below them was passed,
            so it must have its outcome. Without them nothing can be called lost, only pending.
        outcomes_deleted: whether retention has deleted outcomes, so that nothing can be called lost either.
        within: the offsets that are audited, by partition; by default all. Outcomes of other references, and those
            that name none, are none of this audit's business: a reference whose outcome they were to be is lost.
        late_after_s: seconds from a reference's append to its outcome's, above which that is late; by default none is.
    """

    def __init__(
        self,
        topic: str,
        *,
        first_offsets: Mapping[int, int],
        committed: Mapping[int, int],
        outcomes_deleted: bool = False,
        within: Mapping[int, range] | None = None,
        late_after_s: float | None = None,
    ) -> None:
        self._topic = topic
        self._first_offsets = dict(first_offsets)
        self._committed = dict(committed)
        self._outcomes_deleted = outcomes_deleted
        self._within = within
        self._late_after_s = late_after_s
        self._tally = Tally()
        self._last: dict[tuple[int, Partition], int] = {}
        self._faults: defaultdict[Fault, Foremost[str]] = defaultdict(Foremost)
        self._pending = Foremost[str]()
        self._references = self._outcomes = self._unproven = self._expired = 0

    def covers(self, source: KafkaSource) -> bool:
        """Whether a reference is one of those that are audited."""
        return source.topic == self._topic and self._is_within(source.partition, source.offset)

    def outcome(self, record: Record) -> None:
        """Enters a record of an outcome topic; those of other references are none of this audit's business."""
        source = source_of(record.headers)
        if source is None:
            if self._within is None:
                self._outcomes += 1
                self._faults["unidentified"].add(_where(record.partition, record.offset))
        elif self.covers(source):
            self._outcomes += 1
            self._enter(record, source)

    def _is_within(self, number: int, offset: int) -> bool:
        return self._within is None or offset in self._within.get(number, range(0))

    def _enter(self, record: Record, source: KafkaSource) -> None:
        number, offset = source.partition, source.offset
        where = f"{_where(Partition(self._topic, number), offset)} at {_where(record.partition, record.offset)}"
        if number not in self._first_offsets or offset < 0:
            self._faults["invented"].add(where)
            return
        if offset < self._last.get((number, record.partition), offset):
            self._faults["out_of_order"].add(where)
        self._last[number, record.partition] = offset
        clip = _clip_told(record, source)
        if clip == _CONTRADICTS_ITSELF:
            self._faults["mismatched"].add(where)
        if offset < self._first_offsets[number]:
            self._expired += 1
        elif self._tally.add(number, offset, clip=clip, at_ms=record.timestamp_ms) > 1:
            self._faults["doubled"].add(where)

    def reference(self, record: Record) -> int | None:
        """Enters a record of the references' topic; gives the time of its first outcome in ms, None if it has none."""
        number, offset = record.partition.number, record.offset
        if not self._is_within(number, offset):
            return None
        self._references += 1
        told = self._tally.take(number, offset)  # what is left at the end has no reference
        if told is not None:
            self._compare(record, clip=told.clip, took_ms=max(0, told.at_ms - record.timestamp_ms))  # clocks differ
            return told.at_ms
        if offset >= self._committed.get(number, 0):
            self._pending.add(_waiting(record), rank=(-record.timestamp_ms,))
        elif self._outcomes_deleted:
            self._unproven += 1
        else:
            self._faults["lost"].add(_where(record.partition, offset))
        return None

    def _compare(self, record: Record, *, clip: int, took_ms: int) -> None:
        where, clip_id = _where(record.partition, record.offset), salvage_clip_id(record)
        if clip not in (_CONTRADICTS_ITSELF, checksum(clip_id)):
            self._faults["mismatched"].add(where)
        if self._late_after_s is not None and took_ms / 1000 > self._late_after_s:
            self._faults["late"].add(f"{where} after {took_ms / 1000:.1f} s{_of(clip_id)}", rank=(took_ms,))

    def close(self) -> Audit:
        """The result, once all was entered."""
        for number, offset in self._tally.left():
            self._faults["invented"].add(_where(Partition(self._topic, number), offset))
        return Audit(
            references=self._references,
            outcomes=self._outcomes,
            pending=self._pending.count,
            oldest_pending=self._pending.kept,
            unproven=self._unproven,
            expired=self._expired,
            faults={fault: found.count for fault, found in self._faults.items()},
            examples={fault: found.kept for fault, found in self._faults.items()},
        )


def _clip_told(record: Record, source: KafkaSource) -> int:
    """The checksum of the clip_id that an outcome names, unless its body names another source than its headers do.

    A dead letter names both in its headers alone, for its body is the reference's.
    """
    headers = dict(record.headers)
    if "stall-reason" in headers:
        named = headers.get("stall-clip-id")
        return checksum(None if named is None else named.decode(errors="replace"))
    try:
        body: Any = from_json(record.value or b"")
    except ValueError:
        return _CONTRADICTS_ITSELF
    if not isinstance(body, dict) or body.get("source") != source.model_dump():
        return _CONTRADICTS_ITSELF
    return checksum(clip_id) if isinstance(clip_id := body.get("clip_id"), str) else _CONTRADICTS_ITSELF


def _where(partition: Partition, offset: int) -> str:
    return f"{partition.topic}[{partition.number}]@{offset}"


def _waiting(record: Record) -> str:
    return f"{_where(record.partition, record.offset)} since {record.appended_at}{_of(salvage_clip_id(record))}"


def _of(clip_id: str | None) -> str:
    """A clip_id may be anything, also what a terminal obeys."""
    return "" if clip_id is None else f", {clip_id if clip_id.isprintable() else repr(clip_id)}"
