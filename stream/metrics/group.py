"""A worker's part in its group: partitions, how far it is behind in them, deliveries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Info

from stream.records import Partition

DeliveryResult = Literal["committed", "refused", "unanswered"]


@dataclass(frozen=True, slots=True)
class Lag:
    """What of a partition has no committed outcome yet."""

    messages: int
    seconds: float
    """Since the oldest of them was appended; at most that, while none of them has been read."""


class GroupMetrics:
    """Each partition is told of by its owner alone, so sums over all workers are the group's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._worker = Info(
            "stall_worker", "Which group the worker is of, what it reads, and how it delivers.", registry=registry
        )
        self._partitions = Gauge("stall_assigned_partitions", "Partitions this worker owns.", registry=registry)
        self._rebalances = Counter("stall_rebalances", "Changes of the partitions this worker owns.", registry=registry)
        of = ("topic", "partition")
        self._lag_messages = Gauge(
            "stall_consumer_lag_messages",
            "References in a partition that this worker owns whose outcome is not committed.",
            of,
            registry=registry,
        )
        self._lag_seconds = Gauge(
            "stall_consumer_lag_seconds", "Time since the oldest of these was appended.", of, registry=registry
        )
        self._lagging: set[tuple[str, str]] = set()
        self._deliveries = Counter(
            "stall_deliveries", "Transactions, by whether the broker committed them.", ("result",), registry=registry
        )
        self._delivered = Counter(
            "stall_delivery_outcomes",
            "Outcomes in those transactions; what was refused is sent again and counts again.",
            ("result",),
            registry=registry,
        )
        for result in get_args(DeliveryResult):
            self._deliveries.labels(result=result)
            self._delivered.labels(result=result)

    def worker_info(self, *, group: str, topic: str, delivery: str) -> None:
        """Who takes part: `delivery` is how often an outcome may come."""
        self._worker.info({"group": group, "topic": topic, "delivery": delivery})

    def assigned(self, partitions: int) -> None:
        """How many partitions are owned now."""
        self._partitions.set(partitions)

    def rebalanced(self) -> None:
        """The set of owned partitions changed."""
        self._rebalances.inc()

    def lag(self, lags: Mapping[Partition, Lag]) -> None:
        """How far behind the owned partitions are; those that aren't named are told of no more."""
        owned = {(each.topic, str(each.number)): lag for each, lag in lags.items()}
        for gone in self._lagging - owned.keys():
            self._lag_messages.remove(*gone)
            self._lag_seconds.remove(*gone)
        for labels, lag in owned.items():
            self._lag_messages.labels(*labels).set(lag.messages)
            self._lag_seconds.labels(*labels).set(lag.seconds)
        self._lagging = set(owned)

    def delivery(self, result: DeliveryResult, outcomes: int) -> None:
        """A transaction of so many outcomes ended."""
        self._deliveries.labels(result=result).inc()
        self._delivered.labels(result=result).inc(outcomes)
