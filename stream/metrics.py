"""All metrics of the service: names, units, buckets and one sentence each; and how they are written for a scrape."""

import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from stream.errors import Reason
from stream.records import Outcome, Verdict
from stream.verdict import Label

Stage = Literal["fetch", "read", "score", "deliver"]
Origin = Literal["appended", "captured"]
State = Literal["idle", "working", "backpressure", "outage", "rebalancing", "delivering"]
GoldenPart = Literal["logits", "pixels"]
DeliveryResult = Literal["committed", "refused", "unanswered"]

# Steps of at most 2x where a percentile is read off; a target for latency should be one of these edges.
STAGE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30)
END_TO_END_BUCKETS_S = (
    *(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 30, 60, 120, 300, 600),
    *(1800, 3600, 14400, 86400),
)
PROBABILITY_BUCKETS = (0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99, 1)


class Registry(CollectorRegistry):
    """One process's metrics; make it before the metrics that go in it."""

    def __init__(self) -> None:
        # Else each counter and histogram writes a second series with its birthday.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left this one untyped
        super().__init__(auto_describe=True)
        ProcessCollector(registry=self)

    def expose(self, accept: str) -> tuple[str, bytes]:
        """Content type and body for a scrape whose `Accept` header is `accept`."""
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self)


class Metrics:
    """The `stall_*` metrics. Methods may be called from any thread.

    Label sets stand from the start, so that `rate()` sees the first event of each kind; no label holds an id,
    a key or an offset.
    """

    def __init__(self, registry: CollectorRegistry, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Registers all metrics in `registry`; `clock` (seconds, monotonic) measures the worker's states."""
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
        self._stage = Histogram(
            "stall_stage_duration_seconds",
            "Time a clip (or, to deliver, a batch of outcomes) spent in a stage, waiting before it not included.",
            ("stage",),
            buckets=STAGE_BUCKETS_S,
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
        self._inflight_clips = Gauge(
            "stall_inflight_clips", "Clips taken from Kafka whose outcome is not committed.", registry=registry
        )
        self._inflight_bytes = Gauge(
            "stall_inflight_bytes", "Bytes of clips held in memory for the clips in flight.", registry=registry
        )
        self._oldest = Gauge(
            "stall_oldest_unfinished_seconds", "Age of the oldest clip in flight, from its append.", registry=registry
        )
        self._reader_restarts = Counter(
            "stall_reader_restarts", "Reader processes that died or were killed and were replaced.", registry=registry
        )
        self._partitions = Gauge("stall_assigned_partitions", "Partitions this worker owns.", registry=registry)
        self._rebalances = Counter("stall_rebalances", "Changes of the partitions this worker owns.", registry=registry)
        self._deliveries = Counter(
            "stall_deliveries", "Transactions, by whether the broker committed them.", ("result",), registry=registry
        )
        self._delivered = Counter(
            "stall_delivery_outcomes",
            "Outcomes in those transactions; what was refused is sent again and counts again.",
            ("result",),
            registry=registry,
        )
        self._engine = Info(
            "stall_engine",
            "What judges the clips: the artifact's digest as in verdicts, what runs it, and how it is fed.",
            registry=registry,
        )
        self._golden = Gauge(
            "stall_golden_difference",
            "How far the golden clips' logits, and the grey levels of the golden video, were off at the start.",
            ("of",),
            registry=registry,
        )
        self._golden_limit = Gauge(
            "stall_golden_difference_limit",
            "Beyond this difference from where the artifact was built a worker does not start.",
            ("of",),
            registry=registry,
        )
        build = Info("stall_build", "Version of the software.", registry=registry)
        build.info({"version": version("stall-stream")})
        self._states = _StateSeconds(clock)
        registry.register(self._states)
        self._initialise_labels()

    def _initialise_labels(self) -> None:
        for label in get_args(Label):
            self._clips.labels(outcome=label, reason="")
        for reason in Reason:
            self._clips.labels(outcome="rejected", reason=reason.value)
        for stage in get_args(Stage):
            self._stage.labels(stage=stage)
        for origin in get_args(Origin):
            self._end_to_end.labels(origin=origin)
            self._clock_skew.labels(origin=origin)
        for result in get_args(DeliveryResult):
            self._deliveries.labels(result=result)
            self._delivered.labels(result=result)

    def stage(self, stage: Stage, seconds: float) -> None:
        """A clip (or a delivery) has been through a stage."""
        self._stage.labels(stage=stage).observe(seconds)

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

    def in_flight(self, clips: int, bytes_: int) -> None:
        """What the window holds now."""
        self._inflight_clips.set(clips)
        self._inflight_bytes.set(bytes_)

    def oldest_unfinished(self, seconds: float) -> None:
        """How old the oldest clip in flight is; 0 where none is."""
        self._oldest.set(seconds)

    def state(self, name: State) -> None:
        """The worker is in this state from now on; the time since the last call belongs to the state before."""
        self._states.enter(name)

    def reader_restarted(self) -> None:
        """A reader process was replaced."""
        self._reader_restarts.inc()

    def assigned(self, partitions: int) -> None:
        """How many partitions are owned now."""
        self._partitions.set(partitions)

    def rebalanced(self) -> None:
        """The set of owned partitions changed."""
        self._rebalances.inc()

    def delivery(self, result: DeliveryResult, outcomes: int) -> None:
        """A transaction of so many outcomes ended."""
        self._deliveries.labels(result=result).inc()
        self._delivered.labels(result=result).inc(outcomes)

    def engine_info(self, *, artifact: str, kind: str, precision: str, spec: str, runtime: str) -> None:
        """What judges: digests of artifact and spec, what the manifest says of the engine, and its library."""
        self._engine.info(
            {"artifact": artifact, "kind": kind, "precision": precision, "spec": spec, "runtime": runtime}
        )

    def golden(self, of: GoldenPart, *, difference: float, limit: float) -> None:
        """How far the engine or its reader is from where it was built."""
        self._golden.labels(of=of).set(difference)
        self._golden_limit.labels(of=of).set(limit)


class _StateSeconds(Collector):
    """Seconds in each state. They sum to the time since construction at each scrape, in mid-state too."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # the worker enters states while a scrape collects
        self._seconds: dict[str, float] = dict.fromkeys(get_args(State), 0.0)
        self._state: State = "idle"
        self._since = clock()

    def enter(self, state: State) -> None:
        with self._lock:
            self._settle()
            self._state = state

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(
            "stall_worker_state_seconds",
            "Time the worker's thread spent in each state; the states sum to wall time.",
            labels=("state",),
        )
        with self._lock:
            self._settle()
            for state, seconds in self._seconds.items():
                family.add_metric((state,), seconds)
        yield family

    def _settle(self) -> None:
        now = self._clock()
        self._seconds[self._state] += now - self._since
        self._since = now
