"""When rejections are too many: a few are the clips' fault, many are a wrong setting that would empty the topic.

A run of rejections is held back until a verdict follows it in its partition, or for a while, since the last clip of a
quiet topic may well be a bad one; so a run that is longer than what the window can hold goes on, too, piece by piece.
The counts so far are committed as a note beside the position: a worker that is started again, or another that takes the
partition over, goes on counting where the last one stood.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from stream.broker.contract import Position
from stream.errors import Reason, UserError
from stream.records import Rejection
from stream.worker.notes import Note
from stream.worker.window import Done


class TooManyRejectionsError(UserError):
    """Somebody should look before the rest is rejected, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionLimit:
    """When rejections may be committed, and when they are too many. What was skipped by order counts as none."""

    in_a_row: int = 100
    """So many in one partition stop the worker; those still held back are not committed."""
    share: float = 0.5
    """A greater share of the last references of one partition stops the worker; 1 never does."""
    share_of: int = 200
    """The share is taken of so many references at least, and of less than twice as many."""
    wait_s: float = 5.0
    """So long a rejection waits for a verdict."""

    def release(self, finished: Sequence[Done], position: Position, *, now: float) -> tuple[int, Position]:
        """How many of a partition's finished entries may be committed, and the position after them.

        Args:
            finished: in offset order, from the first that is not committed.
            position: what is committed.
            now: on the clock of the entries' `finished_at`.

        Raises:
            TooManyRejectionsError: too many in a row, or too large a share.
        """
        count, note = 0, Note.parse(position.note)
        for number, entry in enumerate(finished, start=1):
            rejection = entry.outcome if isinstance(entry.outcome, Rejection) else None
            if rejection is None or rejection.reason is not Reason.SKIPPED:
                note = note.counting(rejected=rejection is not None, about=self.share_of)
            if rejection and (many := self._too_many(note)):
                raise TooManyRejectionsError(self._complaint(finished[:number], many))
            waited = count == number - 1 and now - entry.finished_at >= self.wait_s
            if not rejection or waited:
                count, position = number, _position_after(entry, note)
        return count, position

    def _too_many(self, note: Note) -> str | None:
        """Which of the two limits is reached, in words."""
        if note.in_a_row >= self.in_a_row:
            return f"{note.in_a_row} references in a row"
        if note.of >= self.share_of and note.rejected > self.share * note.of:
            return f"{note.rejected} of the last {note.of} references"
        return None

    def _complaint(self, finished: Sequence[Done], many: str) -> str:
        entry, found = finished[-1], [each.outcome for each in finished if isinstance(each.outcome, Rejection)]
        where, last = f"{entry.token.partition.topic}[{entry.token.partition.number}]", found[-1]
        counts = Counter(str(each.reason) for each in found).most_common()
        held = ", ".join(f"{count} {reason}" for reason, count in counts)
        return (
            f"{many} of {where} were rejected, at last offset {entry.token.offset}: {last.reason} ({last.detail}); "
            f"are the settings right? What was rejected last ({held}) is not committed: it is done again at the next "
            f"start. If the clips really are that bad, raise --rejections-in-a-row (now {self.in_a_row}, counted in "
            f"each partition) and --rejections-share (now {self.share:g}; 1 never stops a worker): they become dead "
            "letters"
        )


def _position_after(entry: Done, note: Note) -> Position:
    next_offset = entry.token.offset + 1
    return Position(next_offset, note.at(next_offset).text)
