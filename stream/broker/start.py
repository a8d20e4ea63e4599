"""Where a group begins that has no offsets: a question where there are outcomes, for they might be made again."""

from collections.abc import Iterable
from contextlib import closing
from typing import Literal

from stream.broker.cluster import Cluster
from stream.broker.contract import Position
from stream.broker.groups import set_positions
from stream.broker.reading import committed_offsets, end_offsets, read_topic
from stream.broker.rights import RightsMissingError
from stream.errors import UserError
from stream.records import Partition, source_of

Start = Literal["earliest", "latest"]


def settle_start(
    cluster: Cluster, *, group: str, topic: str, output_topics: Iterable[str], start: Start | None
) -> None:
    """Makes sure that it is known where the group begins to read.

    Args:
        cluster: where.
        group: of the workers.
        topic: of the references.
        output_topics: of their outcomes.
        start: for a group without offsets: the first reference that is left, or the next one to come.

    Raises:
        UserError: the group has no offsets although references of this topic have outcomes, and `start` doesn't say
            what is meant; or the cluster is not reachable.
    """
    # First without waiting for a dead worker's transaction: its successor comes back to its slot at once.
    if start == "earliest" or committed_offsets(cluster, group, topic, settled=False):
        return
    if committed_offsets(cluster, group, topic):
        return
    if start == "latest":
        _begin_at_the_end(cluster, group, topic)
    elif _has_outcomes(cluster, topic, output_topics) and not committed_offsets(cluster, group, topic):
        raise UserError(
            f"group {group!r} has no offsets, but references of {topic!r} have outcomes already: give --start earliest "
            "to judge them all again, --start latest for new ones only, or the --group that judged them"
        )


def _has_outcomes(cluster: Cluster, topic: str, output_topics: Iterable[str]) -> bool:
    for output_topic in output_topics:
        try:
            with closing(read_topic(cluster, output_topic)) as records:
                if any((source := source_of(record.headers)) and source.topic == topic for record in records):
                    return True
        except RightsMissingError as error:
            raise UserError(f"{error}, or give --start, with which no outcomes are looked for") from None
    return False


def _begin_at_the_end(cluster: Cluster, group: str, topic: str) -> None:
    """Commits it once for all partitions: those added later begin at their first reference."""
    ends = end_offsets(cluster, topic)
    set_positions(cluster, group, {Partition(topic, number): Position(end) for number, end in ends.items()})
