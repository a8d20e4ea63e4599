"""What becomes of clips, and how long they wait for it."""

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

from stream.errors import Reason
from stream.records import Outcome, Verdict
from stream.verdict import Label

Origin = Literal["appended", "captured"]

END_TO_END_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 300, 900, 3600, 14400, 86400)
PROBABILITY_BUCKETS = (0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99, 1)


class ClipMetrics:
    """References in, outcomes out."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._references = Counter("stall_references", "References read from Kafka.", registry=registry)
        self._clips = Counter(
            "stall_clips",
            "Clips finished, by outcome (a label of a verdict, or rejected) and the reason of a rejection.",
            ("outcome", "reason"),
            registry=registry,
        )
        self._probability = Histogram(
            "stall_verdict_probability",
            "Probability of being stalled that the verdicts gave; a drift of the input shows here first.",
            buckets=PROBABILITY_BUCKETS,
            registry=registry,
        )
        self._end_to_end = Histogram(
            "stall_end_to_end_seconds",
            "Time until the outcome was committed, from the record's append or from the clip's capture.",
            ("origin",),
            buckets=END_TO_END_BUCKETS_S,
            registry=registry,
        )
        self._clock_skew = Counter(
            "stall_clock_skew",
            "Clips whose origin lies in the future by this machine's clock; their end-to-end time counts as 0.",
            ("origin",),
            registry=registry,
        )
        for label in get_args(Label):
            self._clips.labels(outcome=label, reason="")
        for reason in Reason:
            self._clips.labels(outcome="rejected", reason=reason.value)
        for origin in get_args(Origin):
            self._end_to_end.labels(origin=origin)
            self._clock_skew.labels(origin=origin)

    def references(self, count: int) -> None:
        """So many were read."""
        self._references.inc(count)

    def outcome(self, outcome: Outcome) -> None:
        """A clip has its outcome, and that is committed."""
        if isinstance(outcome, Verdict):
            self._clips.labels(outcome=outcome.verdict, reason="").inc()
            self._probability.observe(outcome.probability)
        else:
            self._clips.labels(outcome="rejected", reason=outcome.reason.value).inc()

    def end_to_end(self, origin: Origin, seconds: float) -> None:
        """An outcome was committed `seconds` after its origin; below 0 the clocks disagree."""
        if seconds < 0:
            self._clock_skew.labels(origin=origin).inc()
        self._end_to_end.labels(origin=origin).observe(max(seconds, 0.0))
