"""Reads what users hand over as text and CSV; what is wrong with it is said with file and line."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from stream.errors import UserError


def rows(path: Path, needed: set[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row of a CSV as `("train.csv:2", {"filename": "100001.mp4", ...})`.

    Args:
        path: the file; its first line names the columns.
        needed: columns that must be there; others may be.

    Raises:
        UserError: the file can't be read, a column is missing, or a row has too few or too many fields.
    """
    with reading(path) as file:
        rows = csv.DictReader(file, strict=True)
        if absent := sorted(needed - set(rows.fieldnames or ())):
            raise UserError(f"{path}: no column {absent[0]!r} (it has {', '.join(rows.fieldnames or ['nothing'])})")
        for row in rows:
            if None in row or None in row.values():
                raise UserError(f"{path}:{rows.line_num}: not as many fields as columns")
            yield f"{path}:{rows.line_num}", row


def read_labels(path: Path) -> dict[str, bool]:
    """Which clips are stalled, from a CSV with `filename,stalled`, where 1 is stalled and 0 is flowing.

    Raises:
        UserError: as `rows`, or a label is neither.
    """
    found = {}
    for where, row in rows(path, {"filename", "stalled"}):
        if row["stalled"] not in ("0", "1"):
            raise UserError(f"{where}: stalled = {row['stalled']!r} must be 0 or 1")
        found[row["filename"]] = row["stalled"] == "1"
    return found


@contextmanager
def reading(path: Path) -> Iterator[TextIO]:
    """Opens a text file; that it can't be read, or is no text, is the user's to know as one line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except OSError as error:
        raise UserError(f"can't read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not the text that it should be: {error}; save it as UTF-8") from None
    except csv.Error as error:
        raise UserError(f"{path} is not the text that it should be: {error}") from None
