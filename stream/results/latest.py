"""The latest outcome of each clip, for any number of clips: kept by SQLite, in a file that is gone with the process."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing

from stream.errors import UserError
from stream.records import OUTCOMES
from stream.results.answers import Answer

_CACHE_MIB = 64
_CREATE = "CREATE TABLE answers (clip_id TEXT UNIQUE, appended_ms INTEGER, number INTEGER, place INTEGER, told TEXT)"
_ADD = """
    INSERT INTO answers VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (clip_id) DO UPDATE
    SET appended_ms = excluded.appended_ms, number = excluded.number, place = excluded.place, told = excluded.told
    WHERE (excluded.appended_ms, excluded.number, excluded.place) > (appended_ms, number, place)
"""


def latest(answers: Iterable[Answer]) -> Iterator[Answer]:
    """The latest answer of each clip, in order of the clip_ids; all that name none come first, each for itself.

    Memory is bounded; what doesn't fit lies in SQLite's temporary file, about 1 KB a clip (`SQLITE_TMPDIR`, `TMPDIR`).

    Raises:
        UserError: there is no room for that file.
    """
    try:
        yield from _latest(answers)
    except sqlite3.OperationalError as error:
        raise UserError(
            f"no room to sort outcomes ({error}): give a larger folder for temporary files by TMPDIR"
        ) from None


def _latest(answers: Iterable[Answer]) -> Iterator[Answer]:
    with closing(sqlite3.connect("")) as kept:
        kept.execute(f"PRAGMA cache_size = -{_CACHE_MIB * 1024}")
        kept.execute("PRAGMA journal_mode = OFF")  # nobody reads what a killed process leaves
        kept.execute(_CREATE)
        kept.executemany(_ADD, map(_row, answers))
        for appended_ms, told in kept.execute("SELECT appended_ms, told FROM answers ORDER BY clip_id"):
            yield Answer(OUTCOMES.validate_json(told), appended_ms)


def _row(answer: Answer) -> tuple[str | None, int, int, int, str]:
    return answer.outcome.clip_id, *answer.order, answer.outcome.model_dump_json()
