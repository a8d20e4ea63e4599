"""JSON Schema of each record, for those who write producers and consumers in other languages."""

from typing import Any

from stream.records import ClipReference, Rejection, Verdict
from stream.settings import RecordName

_RECORDS: dict[RecordName, type[ClipReference | Verdict | Rejection]] = {
    "reference": ClipReference,
    "verdict": Verdict,
    "rejection": Rejection,
}


def json_schema(record: RecordName) -> dict[str, Any]:
    """JSON Schema (2020-12) of a record as it stands on the wire.

    Args:
        record: `rejection` is what `score --json` prints; in the dead-letter topic its fields are headers.
    """
    model = _RECORDS[record]
    reading = record == "reference"  # we read references and write outcomes: defaults are optional only when read
    schema = model.model_json_schema(mode="validation" if reading else "serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def json_schemas() -> dict[str, Any]:
    """All of them, by name."""
    return {name: json_schema(name) for name in _RECORDS}
