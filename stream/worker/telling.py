"""What a worker tells of its work: figures for Prometheus, and a line in the log for what somebody may look for."""

import logging
from collections.abc import Iterable

from stream.broker.contract import Broker
from stream.logs import facts, tell_left_out
from stream.metrics import Metrics, Stage, State
from stream.records import Rejection, traceparent_of
from stream.scoring.scorer import Scorer
from stream.worker.clock import Clock
from stream.worker.lag import LagWatch
from stream.worker.window import Done, Token, Window

log = logging.getLogger(__name__)


class Telling:
    """Tells of a worker's turns, and of its outcomes.

    Args:
        metrics: take the figures.
        clock: of the figures.
        lag_every_s: so often it is measured how far behind the worker is.
    """

    def __init__(self, metrics: Metrics, clock: Clock, *, lag_every_s: float) -> None:
        self._metrics = metrics
        self._clock = clock
        self._lag_every_s = lag_every_s
        self._lag = LagWatch()
        self._lag_due_s = 0.0

    def rebalanced(self, window: Window) -> None:
        """Partitions have come, or gone."""
        self._metrics.rebalanced()
        self._metrics.assigned(len(window.partitions))
        self._lag_due_s = 0.0

    def turn(self, state: State, window: Window, scorer: Scorer[Token], broker: Broker) -> None:
        """How things stand after a turn."""
        oldest_ms = window.oldest_ms
        self._metrics.state(state)
        self._metrics.in_flight(len(window), scorer.held_bytes)
        self._metrics.waiting(_waiting(window, scorer))
        self._metrics.oldest_unfinished(0.0 if oldest_ms is None else max(0.0, self._clock.wall() - oldest_ms / 1000))
        if (now := self._clock.monotonic()) >= self._lag_due_s:
            self._lag_due_s = now + self._lag_every_s
            self._metrics.lag(self._lag.measure(window, broker.unread(), now_s=self._clock.wall()))
            tell_left_out()

    def outcome(self, entry: Done) -> None:
        """It is visible to readers of committed records."""
        outcome, now = entry.outcome, self._clock.wall()
        self._metrics.outcome(outcome)
        self._metrics.end_to_end("appended", now - entry.record.timestamp_ms / 1000)
        if isinstance(outcome, Rejection):
            log.warning("a clip is rejected: %s", outcome.detail, extra=_about(entry))
            return
        log.debug("a clip is judged: %s", outcome.verdict, extra=_about(entry))
        if outcome.captured_at:
            self._metrics.end_to_end("captured", now - outcome.captured_at.timestamp())

    def held_back(self, entries: Iterable[Done]) -> None:
        """They are not committed, so no topic will tell of these."""
        for entry in entries:
            if isinstance(entry.outcome, Rejection):
                log.warning("a clip is rejected, but not committed: %s", entry.outcome.detail, extra=_about(entry))


def _waiting(window: Window, scorer: Scorer[Token]) -> dict[Stage, int]:
    inside, not_taken = scorer.waiting, window.waiting
    return {
        "fetch": not_taken + inside["fetch"],
        "read": inside["read"],
        "score": inside["score"],
        "deliver": len(window) - not_taken - scorer.in_hand,
    }


def _about(entry: Done) -> dict[str, dict[str, str | int]]:
    """What a line of the log is about."""
    record, outcome = entry.record, entry.outcome
    return facts(
        reason=outcome.reason.value if isinstance(outcome, Rejection) else None,
        clip_id=outcome.clip_id,
        source=record.source.place,
        traceparent=traceparent_of(record.headers),
    )
