"""All metrics of the service, one file for each thing that is measured; and how they are written for a scrape.

Label sets stand from the start, so that `rate()` sees the first event of each kind; no label holds an id, a key or an
offset. Buckets are fine around the values that one looks for: a target for latency should be one of their edges.
"""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from stream.metrics.clips import ClipMetrics, Origin
from stream.metrics.group import DeliveryResult, GroupMetrics, Lag
from stream.metrics.identity import GoldenPart, IdentityMetrics
from stream.metrics.stages import Stage, StageMetrics
from stream.metrics.states import State, StateSeconds

__all__ = ["DeliveryResult", "GoldenPart", "Lag", "Metrics", "Origin", "Registry", "Stage", "State"]


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


class Metrics(ClipMetrics, StageMetrics, GroupMetrics, IdentityMetrics):
    """The `stall_*` metrics. Methods may be called from any thread."""

    def __init__(self, registry: CollectorRegistry, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Registers all metrics in `registry`; `clock` (seconds, monotonic) measures the worker's states."""
        ClipMetrics.__init__(self, registry)
        StageMetrics.__init__(self, registry)
        GroupMetrics.__init__(self, registry)
        IdentityMetrics.__init__(self, registry)
        self._states = StateSeconds(clock)
        registry.register(self._states)

    def state(self, name: State) -> None:
        """The worker is in this state from now on; the time since the last call belongs to the state before."""
        self._states.enter(name)
