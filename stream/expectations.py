"""What is known of clips beforehand, to hold outcomes against: their labels, and which are meant to be rejected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stream.errors import Reason, UserError
from stream.textfiles import rows


@dataclass(frozen=True, slots=True)
class Expectations:
    """By clip_id."""

    stalled: Mapping[str, bool]
    rejections: Mapping[str, Reason]


def read_expectations(labels: Path | None, rejections: Path | None) -> Expectations:
    """Reads `filename,stalled` and `filename,expected_reason`.

    Raises:
        UserError: a file can't be read, or a row is neither; names its line.
    """
    return Expectations(
        stalled={name: _stalled(where, text) for where, name, text in _column(labels, "stalled")},
        rejections={name: _reason(where, text) for where, name, text in _column(rejections, "expected_reason")},
    )


def _column(path: Path | None, column: str) -> Iterator[tuple[str, str, str]]:
    """Where a row stands, its filename, and its field in the column; nothing without a file."""
    for where, row in rows(path, {"filename", column}) if path else ():
        yield where, row["filename"], row[column]


def _stalled(where: str, text: str) -> bool:
    if text not in ("0", "1"):
        raise UserError(f"{where}: stalled = {text!r} must be 0 or 1")
    return text == "1"


def _reason(where: str, text: str) -> Reason:
    try:
        return Reason(text)
    except ValueError:
        raise UserError(f"{where}: {text!r} is no reason; there are {', '.join(Reason)}") from None
