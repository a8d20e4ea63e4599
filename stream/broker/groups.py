"""Where a group stands, read and set from outside: only while nobody works in it."""

import time
from collections.abc import Mapping

from kafka import TopicPartition
from kafka.errors import AuthorizationError, KafkaError, NoError, RebalanceInProgressError, UnknownMemberIdError
from kafka.structs import OffsetAndMetadata

from stream.broker.cluster import Cluster
from stream.broker.contract import Position
from stream.broker.positions import at_of, to_offsets
from stream.broker.rights import Right, naming
from stream.errors import UserError
from stream.records import Partition

_AT_WORK = {RebalanceInProgressError, UnknownMemberIdError}
_PAUSE_S = 0.2


class GroupAtWorkError(UserError):
    """Kafka lets the members of a group commit and nobody else; without any, everybody."""

    def __init__(self, group: str) -> None:
        super().__init__(
            f"group {group!r} has members, and only they may commit: stop the workers, do this, start them again "
            "(one that was killed counts until its session ends, 10 s by default)"
        )


def committed_position(cluster: Cluster, group: str, partition: Partition) -> Position | None:
    """The group's position in a partition, with its note; None where it has none.

    Raises:
        UserError: the cluster is not reachable, or doesn't tell.
    """
    rights = Right("Describe", "group", group), Right("Describe", "topic", partition.topic)
    with cluster.consumer(group_id=group) as consumer:
        try:
            with naming(cluster, *rights):
                found = consumer.committed(TopicPartition(partition.topic, partition.number), metadata=True)
        except KafkaError as error:
            raise UserError(f"the offsets of group {group!r} can't be read: {error}") from None
    return None if found is None else Position(found.offset, found.metadata or "")


def set_positions(cluster: Cluster, group: str, positions: Mapping[Partition, Position]) -> None:
    """Commits positions for a group without members.

    Raises:
        GroupAtWorkError: it has members.
        UserError: the cluster is not reachable, or refuses; a right may be missing.
    """
    offsets = to_offsets(at_of(positions))
    refused = _alter(cluster, group, offsets, give_up_at=time.monotonic() + cluster.connect_timeout_s)
    if refused & _AT_WORK:
        raise GroupAtWorkError(group)
    rights = Right("Read", "group", group), *(Right("Read", "topic", each) for each in {at.topic for at in positions})
    for error in refused:
        if issubclass(error, AuthorizationError):
            with naming(cluster, *rights):
                raise error
    if refused:
        names = ", ".join(sorted(each.__name__ for each in refused))
        raise UserError(f"the offsets of group {group!r} can't be set: {names}")


def _alter(
    cluster: Cluster, group: str, offsets: Mapping[TopicPartition, OffsetAndMetadata], *, give_up_at: float
) -> set[type[KafkaError]]:
    """What is wrong; what may pass, as a coordinator that isn't there yet, is waited for.

    Each try has a client of its own: kafka-python's never asks again where a group's coordinator is (3.0.12).
    """
    while True:
        try:
            with cluster.admin() as admin:
                refused = set(admin.alter_group_offsets(group, offsets).values()) - {NoError}
        except KafkaError as error:
            refused = {type(error)}
        passes = all(error.retriable for error in refused - _AT_WORK)
        if not refused or refused & _AT_WORK or not passes or time.monotonic() > give_up_at:
            return refused
        time.sleep(_PAUSE_S)
