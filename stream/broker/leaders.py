"""Whether the brokers that lead our partitions let us read them; touches private parts of kafka-python, as `guards`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer

_NOBODY = -1
"""Kafka's number for the leader of a partition that has none; kafka-python's None is one that isn't known."""


@dataclass(slots=True)
class _Failures:
    """Of all fetches since the last one that was answered; seconds, monotonic."""

    first_s: float
    last_s: float


class Leaders:
    """Those of a consumer's partitions, and for how long one has given nothing.

    kafka-python logs a fetch that fails and tries again, for ever. Where the group's coordinator answers, a member
    whose partitions can't be read looks as one without work.

    Args:
        consumer: whose.
        clock: seconds, monotonic.

    Raises:
        AttributeError: this kafka-python is built differently.
    """

    def __init__(self, consumer: KafkaConsumer, *, clock: Callable[[], float]) -> None:
        self._consumer = consumer
        self._clock = clock
        self._failures: dict[int, _Failures] = {}  # by the number of a broker; noted on the client's thread
        fetcher = consumer._fetcher  # noqa: SLF001 - no public way to it
        self._take, self._fail = fetcher._handle_fetch_response, fetcher._handle_fetch_error  # noqa: SLF001
        fetcher._handle_fetch_response = self._take_and_note  # noqa: SLF001
        fetcher._handle_fetch_error = self._fail_and_note  # noqa: SLF001

    def silent_s(self) -> float:
        """How long a partition that isn't paused has had no leader, or one that answers no fetch; else 0."""
        find = self._consumer._cluster.leader_for_partition  # noqa: SLF001 - no public way to it
        led_by = {find(each) for each in self._consumer.assignment() - self._consumer.paused()}
        if led_by & {_NOBODY, None}:
            self._note(_NOBODY)
        else:
            self._failures.pop(_NOBODY, None)
        failures = self._failures.copy()
        return max(
            (each.last_s - each.first_s for node, each in failures.items() if node == _NOBODY or node in led_by),
            default=0.0,
        )

    def _note(self, node: int) -> None:
        now = self._clock()
        self._failures.setdefault(node, _Failures(now, now)).last_s = now

    def _take_and_note(self, node: int, *args: Any) -> None:
        self._failures.pop(node, None)
        self._take(node, *args)

    def _fail_and_note(self, node: int, error: BaseException) -> None:
        self._note(node)
        self._fail(node, error)
