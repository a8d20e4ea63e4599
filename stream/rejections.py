"""Rejections in a row: a few are the clips' fault, many are a wrong setting that would empty the topic of good clips.

A run of rejections is held back until a verdict follows it in its partition, or for a while, since the last clip of a
quiet topic may well be a bad one. Its length so far is committed as a note beside the position: a worker that is
started again, or another that takes the partition over, goes on counting where the last one stood.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stream.broker.contract import Position
from stream.errors import UserError
from stream.records import Rejection
from stream.window import Done

_NOTE = re.compile(r"rejections-in-a-row=(\d{1,9})")


class TooManyRejectionsError(UserError):
    """Somebody should look before the rest is rejected, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionLimit:
    """When rejections may be committed, and when they are too many."""

    in_a_row: int = 100
    """So many in one partition stop the worker, and are not committed."""
    wait_s: float = 5.0
    """So long a rejection waits for a verdict."""

    def release(self, finished: Sequence[Done], position: Position, *, now: float) -> tuple[int, Position]:
        """How many of a partition's finished entries may be committed, and the position after them.

        Args:
            finished: in offset order, from the first that is not committed.
            position: what is committed.
            now: on the clock of the entries' `finished_at`.

        Raises:
            TooManyRejectionsError: too many in a row.
        """
        count, run = 0, _run(position.note)
        for number, entry in enumerate(finished, start=1):
            rejection = entry.outcome if isinstance(entry.outcome, Rejection) else None
            run = run + 1 if rejection else 0
            if rejection and run >= self.in_a_row:
                raise TooManyRejectionsError(_complaint(entry, rejection, run))
            waited = count == number - 1 and now - entry.finished_at >= self.wait_s
            if not rejection or waited:
                count, position = number, Position(entry.token.offset + 1, _note(run))
        return count, position


def _note(run: int) -> str:
    return f"rejections-in-a-row={run}" if run else ""


def _run(note: str) -> int:
    """A note of another's making, left by some tool that moved the offsets, counts as none."""
    match = _NOTE.fullmatch(note)
    return int(match[1]) if match else 0


def _complaint(entry: Done, last: Rejection, run: int) -> str:
    where = f"{entry.token.partition.topic}[{entry.token.partition.number}]"
    return (
        f"{run} references in a row of {where} were rejected, at last offset {entry.token.offset}: {last.reason} "
        f"({last.detail}); are the settings right? What was rejected last is not committed: it is done again at the "
        "next start. If the clips really are that bad, raise --rejections-in-a-row"
    )
