"""What is known of clips beforehand, to hold outcomes against: their labels, and which are meant to be rejected."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stream.errors import Reason, UserError
from stream.files.textfiles import read_labels, rows


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
    expected = rows(rejections, {"filename", "expected_reason"}) if rejections else ()
    return Expectations(
        stalled=read_labels(labels) if labels else {},
        rejections={row["filename"]: _reason(where, row["expected_reason"]) for where, row in expected},
    )


def _reason(where: str, text: str) -> Reason:
    try:
        return Reason(text)
    except ValueError:
        raise UserError(f"{where}: {text!r} is no reason; there are {', '.join(Reason)}") from None
