"""Has one reference skipped: the note beside the group's position says so, and a worker rejects it unseen.

For a reference that ends every worker which takes it up. Nothing is committed past it here: those before it are still
judged, and it gets its outcome, a dead letter, as all others do.
"""

from dataclasses import dataclass, replace

from stream.broker.cluster import Cluster
from stream.broker.contract import Position
from stream.broker.groups import committed_position, set_positions
from stream.broker.reading import first_offsets
from stream.errors import UserError
from stream.records import Record
from stream.worker.notes import LIMIT_BYTES, Note


@dataclass(frozen=True, slots=True)
class Skipped:
    """What an operator wants to see of it."""

    record: Record
    position: Position
    """The group's, with the note."""
    before: bool
    """It was skipped before; nothing was done."""


def skip(cluster: Cluster, group: str, record: Record) -> Skipped:
    """Adds a reference to those that are to be rejected unseen.

    Args:
        cluster: where.
        group: of the workers, none of which may run.
        record: the reference.

    Raises:
        UserError: the group has passed it, too many are skipped already, or as `set_positions`.
    """
    position = committed_position(cluster, group, record.partition)
    if position is None:
        position = Position(first_offsets(cluster, record.partition.topic)[record.partition.number])
    if record.offset < position.next_offset:
        where = f"{record.partition.topic}[{record.partition.number}]"
        raise UserError(
            f"group {group!r} has passed offset {record.offset} of {where}: it goes on at {position.next_offset}, and "
            "what is before has its outcome"
        )
    note = Note.parse(position.note).at(position.next_offset)
    if record.offset in note.skip:
        return Skipped(record, position, before=True)
    position = replace(position, note=replace(note, skip=note.skip | {record.offset}).text)
    if len(position.note.encode()) > LIMIT_BYTES:
        raise UserError(
            f"{len(note.skip)} references of this partition are skipped already, and Kafka keeps no longer a note: "
            "start the workers, which then reject these, and skip the rest afterwards"
        )
    set_positions(cluster, group, {record.partition: position})
    return Skipped(record, position, before=False)
