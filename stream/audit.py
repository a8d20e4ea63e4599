"""Reads the topics back and proves delivery from what stands there."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from stream.broker.cluster import Cluster
from stream.broker.reading import committed_offsets, first_offsets, read_topic
from stream.ledger import Audit, Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """What an audit is made of."""

    clips: str
    verdicts: str
    dead_letters: str
    group: str
    """The workers' consumer group."""


def open_ledger(cluster: Cluster, topics: Topics) -> Ledger:
    """A ledger that knows where the topic begins and what the group has passed until now."""
    return Ledger(
        topics.clips,
        first_offsets=first_offsets(cluster, topics.clips),
        committed=committed_offsets(cluster, topics.group, topics.clips),
    )


def audit(cluster: Cluster, topics: Topics) -> Audit:
    """Reads the topics and audits them as they stand.

    Raises:
        UserError: Kafka is not reachable, or a topic is missing.
    """
    result = _audit_once(cluster, topics)
    # Offsets and outcomes of one transaction become visible partition by partition: a moment later both are there.
    return _audit_once(cluster, topics) if result.faults.get("lost") else result


def _audit_once(cluster: Cluster, topics: Topics) -> Audit:
    ledger = open_ledger(cluster, topics)
    for topic in (topics.verdicts, topics.dead_letters):
        for record in read_topic(cluster, topic):
            ledger.outcome(record)
    for record in read_topic(cluster, topics.clips):
        ledger.reference(record)
    return ledger.close()


def audit_until_settled(look: Callable[[], Audit], *, wait_s: float, told: Callable[[Audit], None]) -> Audit:
    """Looks again until nothing is pending, a fault is found, or the time is over.

    Args:
        look: makes an audit.
        wait_s: seconds to wait at most; 0 looks once.
        told: gets each audit.
    """
    deadline = time.monotonic() + wait_s
    while True:
        began = time.monotonic()
        result = look()
        told(result)
        now = time.monotonic()
        if result.pending == 0 or not result.holds or now >= deadline:
            return result
        time.sleep(min(max(1.0, now - began), deadline - now))
