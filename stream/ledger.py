"""The books of delivery: each reference has exactly one outcome, in order, and none was invented.

A reference's identity is (topic, partition, offset); an outcome carries that of its reference in its headers. *In
order* means: for each pair of a source partition and an output partition, source offsets rise.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from stream.records import Partition, Record, source_of

Fault = Literal["lost", "doubled", "out_of_order", "invented", "unidentified"]
EXAMPLES = 10
_PAGE = 4096
_MOST = 255


@dataclass(frozen=True, slots=True)
class Audit:
    """What became of the references of one topic."""

    references: int
    outcomes: int
    pending: int
    """References without an outcome that the group has not passed yet."""
    unproven: int
    """References without an outcome that the group has passed, where the broker has deleted outcomes since: whether
    theirs is among those, or they are lost, nobody can tell."""
    expired: int
    """Outcomes of references that the broker has deleted since, by its retention."""
    faults: Mapping[Fault, int]
    examples: Mapping[Fault, tuple[str, ...]]
    """Where the first few of each are."""

    @property
    def holds(self) -> bool:
        """No fault was found; what is pending or unproven is none."""
        return not any(self.faults.values())

    @property
    def complete(self) -> bool:
        """Each reference has exactly one outcome, now."""
        return self.holds and self.pending == self.unproven == 0


@dataclass(slots=True)
class _Faults:
    counts: Counter[Fault] = field(default_factory=Counter)
    examples: dict[Fault, list[str]] = field(default_factory=dict)

    def add(self, fault: Fault, where: str) -> None:
        self.counts[fault] += 1
        listed = self.examples.setdefault(fault, [])
        if len(listed) < EXAMPLES:
            listed.append(where)


class _Counts:
    """How many outcomes each reference has, up to 255; pages keep a bogus offset from costing more than one."""

    def __init__(self) -> None:
        self._pages: dict[tuple[int, int], bytearray] = {}

    def add(self, number: int, offset: int) -> int:
        """Counts one more and says how many there are."""
        page = self._pages.get((number, offset // _PAGE))
        if page is None:
            page = self._pages[number, offset // _PAGE] = bytearray(_PAGE)
        page[offset % _PAGE] = min(page[offset % _PAGE] + 1, _MOST)
        return page[offset % _PAGE]

    def take(self, number: int, offset: int) -> int:
        """Says how many there are and forgets them."""
        page = self._pages.get((number, offset // _PAGE))
        if page is None:
            return 0
        count, page[offset % _PAGE] = page[offset % _PAGE], 0
        return count

    def left(self) -> Iterator[tuple[int, int]]:
        """Those not taken, in order."""
        for (number, index), page in sorted(self._pages.items()):
            yield from ((number, index * _PAGE + at) for at, count in enumerate(page) if count)


class Ledger:
    """Holds outcomes against references, in one byte for each reference.

    Outcomes are entered first, references afterwards: then a reference that was appended meanwhile is only pending,
    and each outcome's reference is among those read.

    Args:
        topic: of the references.
        first_offsets: of each of its partitions; what was before, retention has deleted.
        committed: the group's next offsets, **taken before the outcomes are read**: a reference below them was passed,
            so it must have its outcome. Without them nothing can be called lost, only pending.
        outcomes_deleted: whether retention has deleted outcomes, so that nothing can be called lost either.
    """

    def __init__(
        self,
        topic: str,
        *,
        first_offsets: Mapping[int, int],
        committed: Mapping[int, int],
        outcomes_deleted: bool = False,
    ) -> None:
        self._topic = topic
        self._first_offsets = dict(first_offsets)
        self._committed = dict(committed)
        self._outcomes_deleted = outcomes_deleted
        self._counts = _Counts()
        self._last: dict[tuple[int, Partition], int] = {}
        self._faults = _Faults()
        self._references = self._outcomes = self._pending = self._unproven = self._expired = 0

    def outcome(self, record: Record) -> None:
        """Enters a record of an outcome topic; those of other source topics are none of this audit's business."""
        source = source_of(record.headers)
        if source is None:
            self._outcomes += 1
            self._faults.add("unidentified", _where(record.partition, record.offset))
        elif source.topic == self._topic:
            self._outcomes += 1
            self._enter(record, source.partition, source.offset)

    def _enter(self, record: Record, number: int, offset: int) -> None:
        where = f"{_where(Partition(self._topic, number), offset)} at {_where(record.partition, record.offset)}"
        if number not in self._first_offsets or offset < 0:
            self._faults.add("invented", where)
            return
        if offset < self._last.get((number, record.partition), offset):
            self._faults.add("out_of_order", where)
        self._last[number, record.partition] = offset
        if offset < self._first_offsets[number]:
            self._expired += 1
        elif self._counts.add(number, offset) > 1:
            self._faults.add("doubled", where)

    def reference(self, record: Record) -> None:
        """Enters a record of the references' topic."""
        number, offset = record.partition.number, record.offset
        self._references += 1
        if self._counts.take(number, offset):  # what is left at the end has no reference
            return
        if offset >= self._committed.get(number, 0):
            self._pending += 1
        elif self._outcomes_deleted:
            self._unproven += 1
        else:
            self._faults.add("lost", _where(record.partition, offset))

    def close(self) -> Audit:
        """The result, once all was entered."""
        for number, offset in self._counts.left():
            self._faults.add("invented", _where(Partition(self._topic, number), offset))
        return Audit(
            references=self._references,
            outcomes=self._outcomes,
            pending=self._pending,
            unproven=self._unproven,
            expired=self._expired,
            faults=dict(self._faults.counts),
            examples={fault: tuple(listed) for fault, listed in self._faults.examples.items()},
        )


def _where(partition: Partition, offset: int) -> str:
    return f"{partition.topic}[{partition.number}]@{offset}"
