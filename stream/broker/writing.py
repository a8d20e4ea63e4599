"""Writes records with an idempotent producer, a bounded number of them in flight."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, Self

from kafka.errors import KafkaError

from stream.broker.cluster import Cluster
from stream.broker.contract import Message
from stream.broker.guards import send
from stream.broker.handshakes import handshakes_of, refusal_of
from stream.broker.rights import Right, naming
from stream.broker.topics import require_topics
from stream.errors import UserError

_LINGER_MS = 20
_DELIVERY_TIMEOUT_S = 120.0  # kafka-python's own
_LOOK_AGAIN_AFTER_S = 1.0
_CLOSE_TIMEOUT_S = 1.0


class Writer:
    """Writes messages so that each stands in the topic once, whatever the network does; a context manager.

    Leaving the context waits until all that was written has arrived; with an error on its way out, for a second.

    Args:
        cluster: where to.
        in_flight: messages that may wait for their acknowledgement; kafka-python's own buffer has no bound.
        delivered: told, on the caller's thread, how many more have arrived: always the oldest of those written.

    Raises:
        UserError: the cluster is not reachable; from `write`, `flush` and the exit: the topic is missing, a message was
            not taken, or Kafka doesn't let us in any more.
    """

    def __init__(
        self, cluster: Cluster, *, in_flight: int = 1000, delivered: Callable[[int], None] = lambda _count: None
    ) -> None:
        self._cluster = cluster
        self._producer = cluster.producer(linger_ms=_LINGER_MS)
        self._found: set[str] = set()
        self._bound = in_flight
        self._delivered = delivered
        self._futures: deque[Any] = deque()

    def write(self, message: Message) -> None:
        """Hands one message over; waits while too many are in flight."""
        if message.topic not in self._found:
            require_topics(self._cluster, [message.topic])
            self._found.add(message.topic)
        while self._futures and (len(self._futures) >= self._bound or self._futures[0].is_done):
            self._settle()
        self._require_entry()
        try:
            with self._naming():
                future = send(self._producer, message)
        except (KafkaError, ValueError) as error:
            raise self._not_taken(message.key, error) from None
        self._futures.append(future)

    def flush(self) -> None:
        """Waits until all have arrived."""
        while self._futures:
            self._settle()

    def _settle(self) -> None:
        """Waits for the oldest; what has arrived behind it counts at once, too."""
        oldest, give_up_at = self._futures[0], time.monotonic() + _DELIVERY_TIMEOUT_S
        while not oldest.is_done and time.monotonic() < give_up_at:
            self._require_entry()
            with suppress(KafkaError):  # it is asked for again below
                oldest.get(timeout=_LOOK_AGAIN_AFTER_S)
        try:
            with self._naming():
                oldest.get(timeout=0)
        except KafkaError as error:
            raise self._not_taken(None, error) from None
        self._count_arrived()

    def _require_entry(self) -> None:
        """kafka-python would go on logging in for as long as a delivery may take."""
        if refusal := handshakes_of(self._producer).refusal:
            raise refusal

    def _naming(self) -> AbstractContextManager[None]:
        return naming(self._cluster, *(Right("Write", "topic", each) for each in sorted(self._found)))

    def _count_arrived(self) -> None:
        arrived = 0
        while self._futures and self._futures[0].succeeded():
            self._futures.popleft()
            arrived += 1
        if arrived:
            self._delivered(arrived)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._producer.close(timeout=_CLOSE_TIMEOUT_S)
            self._count_arrived()

    def _not_taken(self, key: bytes | None, error: Exception) -> UserError:
        which = f"the record with key {key!r}" if key is not None else "a record"
        refusal = refusal_of(self._cluster.bootstrap, self._cluster.options, error)
        return refusal or UserError(f"Kafka did not take {which}: {error}")
