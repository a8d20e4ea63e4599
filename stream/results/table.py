"""A table of outcomes: one row for each, the same columns whatever came of the clip; written as CSV."""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import IO, Any, Self

from stream.records import Verdict
from stream.results.answers import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One outcome; what a verdict has and a rejection doesn't is None, and the other way round."""

    clip_id: str | None
    outcome: str
    """stalled, flowing or uncertain; or rejected."""
    probability: float | None = None
    low: float | None = None
    high: float | None = None
    decide: float | None = None
    prevalence: float | None = None
    reason: str | None = None
    detail: str | None = None
    project_id: str | None = None
    captured_at: datetime | None = None
    frames: int | None = None
    roi_x0: int | None = None
    roi_y0: int | None = None
    roi_x1: int | None = None
    roi_y1: int | None = None
    artifact: str | None = None
    spec: str | None = None
    fetch_s: float | None = None
    read_s: float | None = None
    score_s: float | None = None
    appended_at: datetime
    """Of the outcome."""
    topic: str
    """Of the reference, as `partition` and `offset`."""
    partition: int
    offset: int
    extra: str | None = None
    """JSON."""

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """The row that tells an answer."""
        outcome = answer.outcome
        told = {"appended_at": datetime.fromtimestamp(answer.appended_ms / 1000, UTC), **answer.source.model_dump()}
        if not isinstance(outcome, Verdict):
            reason = outcome.reason.value
            return cls(clip_id=outcome.clip_id, outcome="rejected", reason=reason, detail=outcome.detail, **told)
        x0, y0, x1, y1 = outcome.roi
        return cls(
            clip_id=outcome.clip_id,
            outcome=outcome.verdict,
            probability=outcome.probability,
            project_id=outcome.project_id,
            captured_at=outcome.captured_at,
            frames=outcome.frames,
            artifact=outcome.artifact,
            spec=outcome.spec,
            roi_x0=x0,
            roi_y0=y0,
            roi_x1=x1,
            roi_y1=y1,
            extra=json.dumps(outcome.extra, ensure_ascii=False) if outcome.extra else None,
            **outcome.thresholds.model_dump(),
            **outcome.timings.model_dump(),
            **told,
        )


def write_csv(file: IO[str], rows: Iterable[Row]) -> int:
    """Writes them under a line of their columns' names, and gives how many there were.

    Times are RFC 3339 in UTC, with microseconds; None is empty.
    """
    names = [field.name for field in fields(Row)]
    values, writer, count = attrgetter(*names), csv.writer(file, lineterminator="\n"), 0
    writer.writerow(names)
    for row in rows:
        writer.writerow(map(_text, values(row)))
        count += 1
    return count


def _text(value: Any) -> Any:
    is_time = isinstance(value, datetime)
    return value.astimezone(UTC).isoformat(timespec="microseconds") if is_time else value
