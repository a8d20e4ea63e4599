"""What a worker has in hand, stage by stage: what waits, what is done at a time, how long it takes."""

from collections.abc import Mapping
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Stage = Literal["fetch", "read", "score", "deliver"]

STAGE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30)


class StageMetrics:
    """A stage is at its limit where `rate(stall_stage_duration_seconds_sum)` comes near `stall_stage_capacity`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._duration = Histogram(
            "stall_stage_duration_seconds",
            "Time a clip (or, to deliver, a batch of outcomes) spent in a stage, waiting before it not included.",
            ("stage",),
            buckets=STAGE_BUCKETS_S,
            registry=registry,
        )
        self._waiting = Gauge(
            "stall_stage_waiting_clips", "Clips in flight that wait for a stage.", ("stage",), registry=registry
        )
        self._capacity = Gauge(
            "stall_stage_capacity",
            "Clips (or, to deliver, batches of outcomes) that a stage can have in hand at a time.",
            ("stage",),
            registry=registry,
        )
        self._inflight_clips = Gauge(
            "stall_inflight_clips", "Clips taken from Kafka whose outcome is not committed.", registry=registry
        )
        self._inflight_bytes = Gauge(
            "stall_inflight_bytes", "Bytes of clips held in memory for the clips in flight.", registry=registry
        )
        self._clips_limit = Gauge(
            "stall_inflight_clips_limit", "Clips in flight from which on no more are taken.", registry=registry
        )
        self._bytes_limit = Gauge(
            "stall_inflight_bytes_limit", "Bytes held in memory from which on no more are fetched.", registry=registry
        )
        self._oldest = Gauge(
            "stall_oldest_unfinished_seconds", "Age of the oldest clip in flight, from its append.", registry=registry
        )
        self._reader_restarts = Counter(
            "stall_reader_restarts", "Reader processes that died or were killed and were replaced.", registry=registry
        )
        for stage in get_args(Stage):
            self._duration.labels(stage=stage)
            self._waiting.labels(stage=stage)
            self._capacity.labels(stage=stage)

    def stage(self, stage: Stage, seconds: float) -> None:
        """A clip (or a delivery) has been through a stage."""
        self._duration.labels(stage=stage).observe(seconds)

    def waiting(self, clips: Mapping[Stage, int]) -> None:
        """How many clips wait for each stage now."""
        for stage, count in clips.items():
            self._waiting.labels(stage=stage).set(count)

    def capacity(self, stage: Stage, clips: int) -> None:
        """How many a stage can have in hand at a time."""
        self._capacity.labels(stage=stage).set(clips)

    def in_flight(self, clips: int, bytes_: int) -> None:
        """What the window holds now."""
        self._inflight_clips.set(clips)
        self._inflight_bytes.set(bytes_)

    def limits(self, *, clips: int, bytes_: int) -> None:
        """What it holds at most, or nearly so: what has begun still comes in."""
        self._clips_limit.set(clips)
        self._bytes_limit.set(bytes_)

    def oldest_unfinished(self, seconds: float) -> None:
        """How old the oldest clip in flight is; 0 where none is."""
        self._oldest.set(seconds)

    def reader_restarted(self) -> None:
        """A reader process was replaced."""
        self._reader_restarts.inc()
