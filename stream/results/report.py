"""What came of the references: verdicts against the truth, rejections and their reasons, delivery, speed."""

import math
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stream.broker.cluster import Cluster
from stream.errors import Reason
from stream.measures import Confusion
from stream.messages import OutcomeTopics
from stream.records import Record, Rejection, Verdict, requeued_from, source_of
from stream.results.answers import outcome_of
from stream.results.audit import Scope, Topics, keep
from stream.results.expectations import Expectations
from stream.results.extent import ALL, Extent
from stream.results.ledger import Audit, Ledger
from stream.verdict import Label

SHOWN = 50
"""Clips listed one by one; a run of more is summarised."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast it went, by the timestamps of the records."""

    clips: int
    """References whose outcome is there."""
    span_s: float
    """From the first reference's append to the last outcome's."""
    p50_s: float
    """Median time from a reference's append to its outcome's."""
    p95_s: float

    @property
    def clips_per_s(self) -> float:
        """Throughput over the whole span; infinite where all fell into one millisecond."""
        return self.clips / self.span_s if self.span_s > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Report:
    """All that the topics tell. Outcomes are counted, not clips: one that was sent again has several."""

    audit: Audit
    labels: Mapping[Label, int]
    """Verdicts by label."""
    confusion: Confusion | None
    """Verdicts with a known truth, each called stalled from the artifact's `decide` on; None without any."""
    prevalences: tuple[float, ...]
    """Stated to the workers: the shift of the probabilities was made for these."""
    rejections: Mapping[Reason, int]
    unexpected: int
    """Rejections, or verdicts, of clips of which something else was expected."""
    verdicts: tuple[Verdict, ...]
    """The first `SHOWN`."""
    rejected: tuple[Rejection, ...]
    """The first `SHOWN`."""
    expectations: Expectations
    sent_back: int
    """References that are dead letters sent back; where the first rejection is one of the outcomes, too, both count."""
    speed: Speed | None
    """None without outcomes."""

    def summary(self) -> dict[str, Any]:
        """As JSON takes it, numbers that don't exist as null."""
        audit, speed, confusion = self.audit, self.speed, self.confusion
        return {
            "references": audit.references,
            "outcomes": audit.outcomes,
            "pending": audit.pending,
            "unproven": audit.unproven,
            "faults": dict(audit.faults),
            "verdicts": dict(self.labels),
            "rejections": dict(self.rejections),
            "unexpected": self.unexpected,
            "sent_back": self.sent_back,
            "prevalences": list(self.prevalences),
            "measures": confusion
            and {
                "clips": confusion.total,
                "prevalence": confusion.prevalence,
                "mcc": confusion.mcc,
                "sensitivity": _finite(confusion.sensitivity),
                "specificity": _finite(confusion.specificity),
            },
            "speed": speed
            and {
                "clips_per_s": _finite(speed.clips_per_s),
                "end_to_end_p50_s": speed.p50_s,
                "end_to_end_p95_s": speed.p95_s,
            },
        }


class Collector:
    """Takes the records of the outcome topics, then those of the references' topic, and makes the report of them.

    Args:
        topics: that they come from.
        ledger: for the audit.
        expectations: what is known beforehand.
    """

    def __init__(self, topics: Topics, *, ledger: Ledger, expectations: Expectations) -> None:
        self._outcomes = OutcomeTopics(verdicts=topics.verdicts, dead_letters=topics.dead_letters)
        self._ledger = ledger
        self._expected = expectations
        self._labels: Counter[Label] = Counter()
        self._reasons: Counter[Reason] = Counter()
        self._pairs: Counter[tuple[bool, bool]] = Counter()
        self._prevalences: set[float] = set()
        self._verdicts: list[Verdict] = []
        self._rejected: list[Rejection] = []
        self._unexpected = self._sent_back = 0
        self._times = _Times()

    def outcome(self, record: Record) -> None:
        """Enters a record of an outcome topic; those of references that aren't audited are left out.

        Raises:
            UserError: it is no outcome.
        """
        self._ledger.outcome(record)
        source = source_of(record.headers)
        if source is None or not self._ledger.covers(source):
            return
        outcome = outcome_of(record, self._outcomes)
        if isinstance(outcome, Verdict):
            self._verdict(outcome)
        else:
            self._rejection(outcome)

    def _verdict(self, verdict: Verdict) -> None:
        self._labels[verdict.verdict] += 1
        self._prevalences.add(verdict.thresholds.prevalence)
        self._unexpected += verdict.clip_id in self._expected.rejections
        if (truth := self._expected.stalled.get(verdict.clip_id)) is not None:
            self._pairs[truth, verdict.probability >= verdict.thresholds.decide] += 1
        if len(self._verdicts) < SHOWN:
            self._verdicts.append(verdict)

    def _rejection(self, rejection: Rejection) -> None:
        self._reasons[rejection.reason] += 1
        if self._expected.rejections:
            self._unexpected += self._expected.rejections.get(rejection.clip_id or "") != rejection.reason
        if len(self._rejected) < SHOWN:
            self._rejected.append(rejection)

    def reference(self, record: Record) -> None:
        """Enters a record of the references' topic."""
        self._sent_back += self._ledger.covers(record.source) and requeued_from(record.headers) is not None
        answered_ms = self._ledger.reference(record)
        if answered_ms is not None:
            self._times.add(record.timestamp_ms, answered_ms)

    def close(self) -> Report:
        """The report, once all was entered."""
        pairs = self._pairs
        confusion = Confusion(
            tp=pairs[True, True], fp=pairs[False, True], tn=pairs[False, False], fn=pairs[True, False]
        )
        return Report(
            audit=self._ledger.close(),
            labels=dict(self._labels),
            confusion=confusion if confusion.total else None,
            prevalences=tuple(sorted(self._prevalences)),
            rejections=dict(self._reasons),
            unexpected=self._unexpected,
            verdicts=tuple(self._verdicts),
            rejected=tuple(self._rejected),
            expectations=self._expected,
            sent_back=self._sent_back,
            speed=self._times.speed(),
        )


class _Times:
    def __init__(self) -> None:
        self._first_ms, self._last_ms = math.inf, -math.inf
        self._took_ms = array("q")

    def add(self, appended_ms: int, answered_ms: int) -> None:
        self._first_ms = min(self._first_ms, appended_ms)
        self._last_ms = max(self._last_ms, answered_ms)
        self._took_ms.append(max(0, answered_ms - appended_ms))  # the clocks of producer and worker differ

    def speed(self) -> Speed | None:
        took = sorted(self._took_ms)
        if not took:
            return None
        return Speed(
            clips=len(took),
            span_s=max(0.0, self._last_ms - self._first_ms) / 1000,
            p50_s=_percentile(took, 50) / 1000,
            p95_s=_percentile(took, 95) / 1000,
        )


def _percentile(ordered: list[int], percent: int) -> int:
    """Nearest rank: the least value that `percent` of all don't exceed; [1, 2, 3, 4], 50 -> 2."""
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def report(cluster: Cluster, topics: Topics, *, expectations: Expectations, extent: Extent = ALL) -> Report:
    """Reads the topics and reports on them as they stand.

    Args:
        cluster: where.
        topics: which.
        expectations: what is known of the clips beforehand.
        extent: of the references that are reported on; outcomes of others don't count.

    Raises:
        UserError: Kafka is not reachable, a topic is missing, or an outcome topic holds something else.
    """

    def open_book(ledger: Ledger) -> Collector:
        return Collector(topics, ledger=ledger, expectations=expectations)

    return keep(cluster, topics, open_book, audit_of=lambda result: result.audit, scope=Scope(extent=extent))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
