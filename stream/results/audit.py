"""Reads the topics back and proves delivery from what stands there."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol, TypeVar

from stream.broker.cluster import Cluster
from stream.broker.reading import committed_offsets, end_offsets, first_offsets, read_topic
from stream.records import Record
from stream.results.extent import ALL, Extent
from stream.results.ledger import Audit, Ledger

ResultT_co = TypeVar("ResultT_co", covariant=True)
_RARELY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """What an audit is made of."""

    clips: str
    verdicts: str
    dead_letters: str
    group: str
    """The workers' consumer group."""

    @property
    def outcomes(self) -> tuple[str, str]:
        """Where outcomes are."""
        return self.verdicts, self.dead_letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is audited, and what it is held to."""

    extent: Extent = ALL
    """Of the references; outcomes of others don't count."""
    late_after_s: float | None = None
    """From a reference's append to its outcome's; by default none is late."""


EVERYTHING = Scope()


class Book(Protocol[ResultT_co]):
    """What outcomes and references are entered in: a ledger, or more."""

    def outcome(self, record: Record) -> None:
        """Enters a record of an outcome topic; all of them come first."""

    def reference(self, record: Record) -> object:
        """Enters a record of the references' topic."""

    def close(self) -> ResultT_co:
        """What came of it, once all was entered."""


def keep(
    cluster: Cluster,
    topics: Topics,
    open_book: Callable[[Ledger], Book[ResultT_co]],
    *,
    audit_of: Callable[[ResultT_co], Audit],
    scope: Scope = EVERYTHING,
) -> ResultT_co:
    """Reads the topics as they stand into a book.

    Outcomes and offsets of one transaction become visible partition by partition. So where something seems lost, all
    is read once more, against what the group had passed before the first time: a moment later all of that is there.

    Raises:
        UserError: Kafka is not reachable, or a topic or partition is missing.
    """
    within = scope.extent.within(cluster, topics.clips)
    committed = committed_offsets(cluster, topics.group, topics.clips)

    def read() -> ResultT_co:
        outcomes = (first_offsets(cluster, topic) for topic in topics.outcomes)
        ledger = Ledger(
            topics.clips,
            first_offsets=first_offsets(cluster, topics.clips),
            committed=committed,
            outcomes_deleted=any(offset > 0 for found in outcomes for offset in found.values()),
            within=within,
            late_after_s=scope.late_after_s,
        )
        return _read(cluster, topics, open_book(ledger), within=within)

    result = read()
    return read() if audit_of(result).faults.get("lost") else result


def audit(cluster: Cluster, topics: Topics, scope: Scope = EVERYTHING) -> Audit:
    """Audits the topics as they stand; raises as `keep` does."""
    return keep(cluster, topics, lambda ledger: ledger, audit_of=lambda result: result, scope=scope)


def _read(
    cluster: Cluster, topics: Topics, book: Book[ResultT_co], *, within: Mapping[int, range] | None
) -> ResultT_co:
    for topic in topics.outcomes:
        with closing(read_topic(cluster, topic)) as records:  # else its thread would outlive an error
            for record in records:
                book.outcome(record)
    with closing(read_topic(cluster, topics.clips, within=within)) as records:
        for record in records:
            book.reference(record)
    return book.close()


def has_passed(cluster: Cluster, topics: Topics) -> bool:
    """Whether the group has passed all references, which is known without reading any topic."""
    passed = committed_offsets(cluster, topics.group, topics.clips, settled=False)
    return all(end == 0 or passed.get(number, 0) >= end for number, end in end_offsets(cluster, topics.clips).items())


def audit_until_settled(
    look: Callable[[], Audit], *, has_passed: Callable[[], bool], wait_s: float, told: Callable[[Audit], None]
) -> Audit:
    """Looks again until nothing is pending, whatever faults are found by then, or the time is over.

    Args:
        look: makes an audit, which reads the topics from end to end.
        has_passed: whether the workers have; while they haven't, looks take a tenth of the time at most.
        wait_s: seconds to wait at most; 0 looks once.
        told: gets each audit.
    """
    deadline = time.monotonic() + wait_s
    while True:
        began = time.monotonic()
        result = look()
        told(result)
        now = time.monotonic()
        if result.pending == 0 or now >= deadline:
            return result
        pause_s = max(1.0, now - began)
        time.sleep(min(pause_s, deadline - now))
        latest = min(deadline, now + _RARELY * pause_s)
        while (left_s := latest - time.monotonic()) > 0 and not has_passed():
            time.sleep(min(1.0, left_s))
