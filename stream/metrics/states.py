"""What the worker's thread spends its time on."""

import threading
from collections.abc import Callable, Iterator
from typing import Literal, get_args

from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

State = Literal["idle", "working", "backpressure", "outage", "rebalancing", "delivering"]


class StateSeconds(Collector):
    """Seconds in each state. They sum to the time since construction at each scrape, in mid-state too."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # the worker enters states while a scrape collects
        self._seconds: dict[str, float] = dict.fromkeys(get_args(State), 0.0)
        self._state: State = "idle"
        self._since = clock()

    def enter(self, state: State) -> None:
        """From now on."""
        with self._lock:
            self._settle()
            self._state = state

    def collect(self) -> Iterator[CounterMetricFamily]:
        """As a scrape wants it."""
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
