"""What must hold, whatever has happened: checked at each transaction that becomes visible, and after each action."""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from dataclasses import dataclass

from kafka import TopicPartition
from kafka.errors import KafkaError

from stream.errors import Reason
from stream.records import SOURCE_HEADERS, rejection_of
from tests.simulation.brokers import Brokers
from tests.simulation.log import Entry, Transaction
from tests.simulation.machines import SCORER_OPTIONS
from tests.simulation.process import Process

TRACE = ("traceparent", b"00-ab-cd-01")
REASONS = {
    "good": None,
    "cursed": Reason.UNREACHABLE,
    "missing": Reason.NOT_FOUND,
    "damaged": Reason.DAMAGED,
    "malformed": Reason.BAD_REFERENCE,
    "huge": Reason.BAD_REFERENCE,
}
LARGEST_VIDEO_BYTES = 32


@dataclass(frozen=True, slots=True)
class Given:
    """A reference that was appended."""

    number: int
    kind: str

    @property
    def clip_id(self) -> str:
        return f"{self.number}.{self.kind}"


class Book:
    """All references and, as they become visible, their outcomes."""

    def __init__(self, brokers: Brokers, *, rejections_in_a_row: int | None) -> None:
        self.rejections_in_a_row = rejections_in_a_row
        """So many are never committed in a row; None while anything goes."""
        self.given: dict[TopicPartition, dict[int, Given]] = defaultdict(dict)
        self.visible = 0
        self.rejected: Counter[str] = Counter()
        self._brokers = brokers
        self._positions: dict[TopicPartition, int] = {}
        self._in_a_row: Counter[TopicPartition] = Counter()
        self._order: dict[tuple[TopicPartition, str, int], list[tuple[int, int]]] = defaultdict(list)

    def append(self, partition: TopicPartition, offset: int, given: Given) -> None:
        self.given[partition][offset] = given

    @property
    def missing(self) -> int:
        """References without an outcome."""
        return sum(map(len, self.given.values())) - self.visible

    def committed(self, transaction: Transaction) -> None:
        """Exactly the references between the old positions and the new ones have their outcomes in it."""
        outcomes: dict[TopicPartition, dict[int, Entry]] = defaultdict(dict)
        for entry in transaction.entries:
            source, offset = self._source(entry)
            assert offset not in outcomes[source], f"{source} offset {offset} has two outcomes at once"
            outcomes[source][offset] = entry
            self._check_order(source, offset, entry)
        for partition, position in transaction.offsets.items():
            before = self._positions.get(partition, self._brokers.logs[partition].start)
            after = self._positions[partition] = position.offset
            assert before <= after <= self._brokers.logs[partition].end, f"{partition} goes from {before} to {after}"
            wanted = [offset for offset in self.given[partition] if before <= offset < after]
            found = sorted(outcomes.pop(partition, {}))
            assert found == wanted, f"{partition} goes from {before} to {after} with outcomes of {found}, not {wanted}"
        assert not any(outcomes.values()), f"outcomes without a position: {outcomes}"
        for entry in sorted(transaction.entries, key=self._source):
            self._check_outcome(entry)
        self.visible += len(transaction.entries)

    def _source(self, entry: Entry) -> tuple[TopicPartition, int]:
        told = dict(entry.headers)
        topic, number, offset = (told[name].decode() for name in SOURCE_HEADERS)
        return TopicPartition(topic, int(number)), int(offset)

    def _check_order(self, source: TopicPartition, offset: int, entry: Entry) -> None:
        line = self._order[source, entry.topic, entry.partition]
        index = bisect_left(line, (entry.offset, 0))
        assert index == 0 or line[index - 1][1] < offset, f"{source} offset {offset} comes too late"
        assert index == len(line) or offset < line[index][1], f"{source} offset {offset} comes too early"
        insort(line, (entry.offset, offset))

    def _check_outcome(self, entry: Entry) -> None:
        source, offset = self._source(entry)
        given = self.given[source][offset]
        rejection = rejection_of(entry.headers)
        self._in_a_row[source] = self._in_a_row[source] + 1 if rejection else 0
        if rejection:
            expected = REASONS[given.kind]
            unlucky = rejection.reason in (Reason.UNREACHABLE, Reason.NOT_FOUND) and expected != Reason.BAD_REFERENCE
            assert rejection.reason == expected or unlucky, f"{given} is rejected as {rejection.reason}"
            assert rejection.clip_id == given.clip_id
            assert given.kind == "huge" or (entry.value is not None and TRACE in entry.headers)
            limit = self.rejections_in_a_row
            assert limit is None or self._in_a_row[source] < limit, f"{source}: too many rejections up to {offset}"
            self.rejected[rejection.reason] += 1
        else:
            assert given.kind in ("good", "cursed"), f"{given} is no clip to be judged"
            assert entry.key == given.clip_id.encode()
            label = b'"verdict":"stalled"' if given.number % 2 else b'"verdict":"flowing"'
            assert label in (entry.value or b""), f"{given} was given another clip's logit"
            assert TRACE in entry.headers


def check_ownership(brokers: Brokers, processes: list[Process]) -> None:
    """No partition belongs to two that might commit."""
    owners: dict[TopicPartition, str] = {}
    for process in processes:
        assignment = process.broker._membership.assignment
        if assignment is None or not assignment.valid or not _admitted(brokers, process):
            continue
        for partition in sorted(assignment.partitions | assignment.parting):
            assert partition not in owners, f"{partition} belongs to {process.name} and to {owners[partition]}"
            owners[partition] = process.name


def _admitted(brokers: Brokers, process: Process) -> bool:
    assert process.broker._membership.assignment is not None
    try:
        brokers.group.admit(process.broker._membership.assignment.identity)
    except KafkaError:
        return False
    return True


def check_bounds(process: Process) -> None:
    """Nobody holds more than it may."""
    window, scorer = process.window, process.scorer
    assert len(window) <= window.clips, f"{len(window)} clips in the window"
    assert all(len(lane.entries) <= window.clips_per_partition for lane in window._lanes.values())
    assert 0 <= scorer.in_hand <= len(window), f"{scorer.in_hand} in hand of {len(window)}"
    most = SCORER_OPTIONS.held_bytes + SCORER_OPTIONS.fetches * LARGEST_VIDEO_BYTES
    assert 0 <= scorer.held_bytes <= most, f"{scorer.held_bytes} bytes held"


def check_rest(process: Process) -> None:
    """With all work done nothing is in flight, nobody is paused, nothing is complained about."""
    assert (process.metrics.clips, process.metrics.held_bytes) == (0, 0), f"{process.name} has something in flight"
    assert process.scorer.held_bytes == 0
    assert process.broker._paused == set(), f"{process.name} pauses {process.broker._paused}"
    assert process.worker.live() is None
    ready = process.worker.ready()
    assert ready is None, f"{process.name} is not ready: {ready}"
