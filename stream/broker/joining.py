"""How a worker joins its group, and how it leaves at once."""

import logging
from dataclasses import dataclass, replace

from kafka import KafkaConsumer
from kafka.admin import MemberToRemove
from kafka.errors import KafkaError

from stream.broker.cluster import Cluster
from stream.broker.guards import (
    keep_finished_joins,
    notice_losses_while_joining,
    put_off_joins,
    raise_refused_heartbeats,
    read_while_joining,
    resume_parked_records,
)
from stream.broker.membership import Membership
from stream.errors import UserError

log = logging.getLogger(__name__)

LEAVING_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaOptions:
    """How a worker takes part."""

    cluster: Cluster
    group: str
    topic: str
    """Of references."""
    output_topics: tuple[str, ...] = ()
    """Looked for at the start, so that a missing one is noticed before any work is done."""
    slot: str | None = None
    """A name that no other living process has: keeps its partitions over a quick restart (a static member)."""
    session_timeout_s: float = 10.0
    """After so long without a heartbeat others take over."""
    heartbeat_s: float = 0.5
    """Also how long it takes to hear of a rebalance."""
    handover_s: float = 1.0
    """How long partitions that go to others may be kept back to deliver what is in hand of them."""
    transaction_timeout_s: float = 10.0
    max_poll_interval_s: float = 30.0
    """Also how long a join may wait for members that don't answer."""
    metadata_max_age_s: float = 10.0
    """Added partitions are seen this soon; kafka-python's default is 5 minutes."""


def join(options: KafkaOptions, membership: Membership, *, client_id: str) -> KafkaConsumer:
    """A consumer with all its guards, that takes part from its first poll on."""
    consumer = options.cluster.consumer(
        group_id=options.group,
        group_instance_id=options.slot,
        client_id=client_id,
        auto_offset_reset="none",  # a start without offsets and a lost range are told apart here
        session_timeout_ms=int(options.session_timeout_s * 1000),
        heartbeat_interval_ms=int(options.heartbeat_s * 1000),
        max_poll_interval_ms=int(options.max_poll_interval_s * 1000),
        metadata_max_age_ms=int(options.metadata_max_age_s * 1000),
        partition_assignment_strategy=[membership.assignor],
    )
    keep_finished_joins(consumer)
    notice_losses_while_joining(consumer)
    read_while_joining(consumer)
    resume_parked_records(consumer)
    raise_refused_heartbeats(consumer)
    put_off_joins(consumer, lambda: membership.handing_over)
    membership.subscribe(consumer, options.topic)
    return consumer


def leave(options: KafkaOptions, *, client_id: str, member_id: str) -> None:
    """Leaves by another connection than the consumer's.

    That one sends no farewell for a static member, and during a join the broker hears nothing on it until all
    have joined. Named is our own member: one that took our slot over isn't ours to remove.
    """
    if not member_id:
        return
    member = MemberToRemove(member_id=member_id, group_instance_id=options.slot)
    try:
        with replace(options.cluster, connect_timeout_s=LEAVING_TIMEOUT_S).admin() as admin:
            (result,) = admin.remove_group_members(options.group, [member]).values()
        log.info("%s left the group: %s", client_id, result.__name__)
    except (KafkaError, UserError) as error:
        log.warning("%s stays in the group until its session ends: %s", client_id, error)
