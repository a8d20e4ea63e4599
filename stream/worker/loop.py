"""The worker: references in, each ends in exactly one outcome, in order; one thread owns broker, scorer and window.

    broker ──poll──► window ──take──► scorer
       ▲                ▲                │
       └─── deliver ────┴──── finish ◄───┘

A delivery is one momentary transaction of outcomes and positions. Until it is committed the outcomes wait in the
window, so a delivery that is refused is made again and nothing is computed twice. Of partitions that go to others what
is being scored is delivered first; what can't be in time is dropped from the window, and the next owner starts at the
committed position. A delivery that was not answered is asked for again, the very same, until it is known what became of
it.
"""

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from stream.broker.contract import Broker, Delivery, DeliveryRefused, Polled, Position
from stream.errors import ClipFault, Outage, Reason, blaming
from stream.logs import facts, tell_left_out
from stream.messages import OutcomeTopics
from stream.metrics import DeliveryResult, Metrics, Stage, State
from stream.records import Partition, Record, Rejection, Verdict, parse_reference, salvage_clip_id, traceparent_of
from stream.scoring.outcomes import reject
from stream.scoring.scorer import Scorer
from stream.worker.clock import Clock
from stream.worker.lag import LagWatch
from stream.worker.notes import Note
from stream.worker.pacing import Haste, Pace, Pacing
from stream.worker.rejections import RejectionLimit, TooManyRejectionsError
from stream.worker.window import Done, Token, Window

log = logging.getLogger(__name__)

DONE, ABORTED = 0, 130


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How the worker's turns go."""

    topics: OutcomeTopics
    rejections: RejectionLimit = field(default_factory=RejectionLimit)
    turn_s: float = 0.02
    """Longest wait for the scorer in one turn; the broker is polled after it."""
    pacing: Pacing = field(default_factory=Pacing)
    refusal_wait_s: float = 1.0
    """After a delivery that was refused, or not answered, the next one waits for a new generation, or so long."""
    slow_delivery_s: float = 4.0
    """A worker whose delivery takes longer doesn't count as ready."""
    drain_s: float = 20.0
    """Longest time that a stop takes to finish what is in hand."""
    lag_every_s: float = 1.0
    """So often it is measured how far behind the worker is."""
    stuck_after_s: float = 60.0
    """Without a turn for so long, the worker doesn't count as living."""


@dataclass(frozen=True, slots=True)
class _Load:
    """A delivery and the entries that it is made of."""

    entries: list[Done]
    delivery: Delivery


class Worker:
    """One member of the group, owned by one thread; others may call `request_stop`, `live` and `ready`."""

    def __init__(
        self,
        broker: Broker,
        scorer: Scorer[Token],
        window: Window,
        clock: Clock,
        metrics: Metrics,
        options: WorkerOptions,
    ) -> None:
        self._broker = broker
        self._scorer = scorer
        self._window = window
        self._clock = clock
        self._metrics = metrics
        self._options = options
        self._rejections = options.rejections
        self._generation = -1
        self._paused: frozenset[Partition] = frozenset()
        self._stops_requested = 0
        self._draining = False
        self._pace = Pace(options.pacing)
        self._refused_until_s = 0.0
        self._unanswered: _Load | None = None
        self._put_off = ""
        """Why the last delivery was, where none was taken since."""
        self._put_off_since_s = math.inf
        self._delivering_since_s = math.inf
        self._silence: str | None = None  # of the broker, as its polls tell
        self._lag = LagWatch()
        self._lag_due_s = 0.0
        self._last_turn_s = clock.monotonic()

    # Running and stopping.

    def run(self) -> int:
        """Works until a stop is requested, then drains; returns the exit code."""
        try:
            while not self._stops_requested:
                self.step()
            self.drain(self._options.drain_s)
        finally:
            self._broker.close()
        return self.exit_code

    @property
    def exit_code(self) -> int:
        """Of a process that ends as it was told to."""
        return DONE if self._stops_requested < 2 else ABORTED

    def request_stop(self) -> None:
        """Asks for a drain; asked twice, what is not delivered is left for others at once. Fit for a signal handler."""
        self._stops_requested += 1

    def drain(self, deadline_s: float) -> None:
        """Takes no more, finishes and delivers what is being scored; what can't be done in time is the next owner's."""
        self._draining = True
        self._rejections = replace(self._rejections, wait_s=0.0)
        give_up_s = self._clock.monotonic() + deadline_s
        log.info("told to stop: %d clips are begun, and finished in %g s at most", self._scorer.in_hand, deadline_s)
        while self._undelivered and self._stops_requested < 2 and self._clock.monotonic() < give_up_s:
            self.step()
        if self._undelivered:
            log.warning("%d clips that are begun are left to others", self._scorer.in_hand)
        log.info("stopped; %d references that were read are left to others", len(self._window))

    @property
    def _undelivered(self) -> bool:
        return bool(self._scorer.in_hand or any(map(self._window.finished, self._window.partitions)))

    def live(self) -> str | None:
        """None while the worker makes turns, else what is wrong. Kafka's health is no part of it."""
        idle_s = self._clock.monotonic() - self._last_turn_s
        return f"no turn for {idle_s:.0f} s" if idle_s > self._options.stuck_after_s else None

    def ready(self) -> str | None:
        """None while the worker takes part in the work, else why it doesn't."""
        if self._draining or self._stops_requested:
            return "stopping"
        if self._generation < 0:
            return "not in the group yet"
        return self.outage or self._scorer.outage

    @property
    def outage(self) -> str | None:
        """What is wrong while Kafka doesn't answer, or takes no delivery; None while all is well."""
        now, patience_s = self._clock.monotonic(), self._options.slow_delivery_s
        if now > self._delivering_since_s + patience_s:
            return f"Kafka hasn't answered a delivery for {now - self._delivering_since_s:.0f} s"
        if self._unanswered or now > self._put_off_since_s + patience_s:
            return f"Kafka hasn't taken a delivery for {now - self._put_off_since_s:.0f} s: {self._put_off}"
        return self._silence

    # One turn.

    def step(self) -> None:
        """One turn: hear the scorer, hear the broker, hand out clips, deliver outcomes."""
        for done in self._scorer.poll(self._options.turn_s):
            self._window.finish(done.token, done.outcome, at=self._clock.monotonic())
        self._follow(self._broker.poll(max_records=self._appetite(), timeout_s=0.0))
        self._hand_out()
        self._pause_and_resume()
        self._deliver_if_due()
        self._let_go()
        self._tell()
        self._last_turn_s = self._clock.monotonic()

    def _follow(self, polled: Polled) -> None:
        """Takes in what the broker says, changes of ownership first."""
        gone, new = polled.revoked | polled.lost, polled.assigned
        self._window.part(polled.parting)
        if gone:
            self._window.drop(gone)
            self._scorer.cancel(lambda token: token.partition in gone)
        self._window.assign(new)
        if gone or new:
            self._paused -= gone | new.keys()
            self._metrics.rebalanced()
            self._metrics.assigned(len(self._window.partitions))
            self._lag_due_s = 0.0
            log.info("partitions: %s, gone %s, new %s", *map(_numbers, (self._window.partitions, gone, new)))
        if polled.generation != self._generation:
            self._generation = polled.generation
            self._refused_until_s = 0.0
        self._note_silence(polled.outage)
        for record in polled.records:
            self._window.add(record)
        self._window.pass_by(polled.passed)
        self._metrics.references(len(polled.records))

    def _note_silence(self, silence: str | None) -> None:
        if silence and not self._silence:
            log.warning("%s; it is waited for, and nothing is lost", silence)
        elif self._silence and not silence:
            log.info("Kafka answers again")
        self._silence = silence

    @property
    def _holding_back(self) -> bool:
        """While a store is out nothing is read that isn't needed to find out whether it serves again."""
        enough_to_ask_for = bool(self._window.waiting) or not self._scorer.room
        return self._draining or (self._scorer.outage is not None and enough_to_ask_for)

    def _appetite(self) -> int:
        return 0 if self._holding_back else self._window.room

    def _pause_and_resume(self) -> None:
        closed = self._window.crowded if self._appetite() else self._window.partitions
        if closed - self._paused:
            self._broker.pause(closed - self._paused)
        if self._paused - closed:
            self._broker.resume(self._paused - closed)
        self._paused = closed

    def _hand_out(self) -> None:
        for entry in () if self._draining else self._window.take(self._scorer.room):
            record = entry.record
            with blaming(record.source.place):
                try:
                    self._refuse_skipped(record)
                    reference = parse_reference(record.value)
                except ClipFault as fault:
                    rejection = reject(fault, clip_id=salvage_clip_id(record), source=record.source)
                    self._window.finish(entry.token, rejection, at=self._clock.monotonic())
                else:
                    self._scorer.submit(entry.token, reference, record.source)

    def _refuse_skipped(self, record: Record) -> None:
        if record.offset in Note.parse(self._window.position(record.partition).note).skip:
            raise ClipFault(Reason.SKIPPED, "an operator had it skipped (python -m stream skip)")

    def _let_go(self) -> None:
        done = [partition for partition in self._window.parting if not self._window.holds(partition)]
        if done:
            self._broker.let_go(done)

    # Delivery.

    def _deliver_if_due(self) -> None:
        now = self._clock.monotonic()
        if self._unanswered:
            if now >= self._refused_until_s:
                self._deliver(self._unanswered)
            return
        entries, positions = self._release(now)
        if not entries:
            self._put_off_since_s = math.inf  # what was put off is another's by now
        if not self._window:  # now is time to leave no lag where there is nothing to judge
            positions = self._window.passed
        due = self._pace.is_due(len(entries), self._haste(positions), now=now)
        if positions and due and now >= self._refused_until_s and self._generation >= 0:
            messages = tuple(self._options.topics.message(entry.record, entry.outcome) for entry in entries)
            self._deliver(_Load(entries, Delivery(messages, positions, self._generation)))
            self._pace.delivered(begun_s=now, ended_s=self._clock.monotonic())

    def _haste(self, positions: Mapping[Partition, Position]) -> Haste:
        """How pressing a delivery of what is ready is, which leads to these positions."""
        to_come = self._scorer.in_hand or (self._window.waiting and not self._draining)
        if self._window.ready_to_go or not to_come:
            return Haste.UTMOST
        return Haste.SOME if self._window.parting or self._window.fresh & positions.keys() else Haste.NONE

    def _release(self, now: float) -> tuple[list[Done], dict[Partition, Position]]:
        """What may be committed: outcomes, partition by partition in offset order, and the positions after them."""
        entries: list[Done] = []
        positions: dict[Partition, Position] = {}
        parting = self._window.parting
        for partition in sorted(self._window.partitions):  # in one order in each run of a simulation
            finished = self._window.finished(partition)
            limit = replace(self._rejections, wait_s=0.0) if partition in parting else self._rejections
            try:
                count, position = limit.release(finished, self._window.position(partition), now=now)
            except TooManyRejectionsError:
                self._log_held_back(finished)
                raise
            if count:
                entries += finished[:count]
                positions[partition] = position
        return entries, positions

    def _deliver(self, load: _Load) -> None:
        begun = self._clock.monotonic()
        self._metrics.state("outage" if self.outage else "delivering")
        self._delivering_since_s = begun
        try:
            self._broker.deliver(load.delivery)
        except DeliveryRefused as refusal:
            self._unanswered = None
            self._note_put_off(load, "refused", refusal)
            log.warning("%d outcomes were refused, and are sent again if still ours: %s", len(load.entries), refusal)
            return
        except Outage as outage:
            if not self._unanswered:
                log.warning("Kafka doesn't answer a delivery, which is asked for until it is decided: %s", outage)
            self._unanswered = load
            self._note_put_off(load, "unanswered", outage)
            return
        finally:
            self._delivering_since_s = math.inf
        if self._unanswered:
            log.info("Kafka takes deliveries again")
        self._unanswered, self._put_off_since_s = None, math.inf
        self._window.commit(self._still_ahead(load.delivery.positions))
        self._metrics.delivery("committed", len(load.entries))
        self._metrics.stage("deliver", self._clock.monotonic() - begun)
        for entry in load.entries:
            self._count(entry)

    def _note_put_off(self, load: _Load, result: DeliveryResult, why: Exception) -> None:
        now = self._clock.monotonic()
        self._put_off, self._put_off_since_s = str(why), min(self._put_off_since_s, now)
        self._refused_until_s = now + self._options.refusal_wait_s
        self._metrics.delivery(result, len(load.entries))

    def _still_ahead(self, positions: Mapping[Partition, Position]) -> dict[Partition, Position]:
        """Without those that were taken away while an answer was waited for, and may have come back further on."""
        held = {each: at for each, at in positions.items() if each in self._window.partitions}
        return {each: at for each, at in held.items() if self._window.position(each).next_offset < at.next_offset}

    # What others may know.

    def _count(self, entry: Done) -> None:
        """An outcome is visible to readers of committed records."""
        self._metrics.outcome(entry.outcome)
        self._log_outcome(entry)
        now = self._clock.wall()
        self._metrics.end_to_end("appended", now - entry.record.timestamp_ms / 1000)
        if isinstance(entry.outcome, Verdict) and entry.outcome.captured_at:
            self._metrics.end_to_end("captured", now - entry.outcome.captured_at.timestamp())

    def _log_outcome(self, entry: Done) -> None:
        outcome, about = entry.outcome, _about(entry)
        if isinstance(outcome, Rejection):
            log.warning("a clip is rejected: %s", outcome.detail, extra=facts(reason=outcome.reason.value, **about))
        else:
            log.debug("a clip is judged: %s", outcome.verdict, extra=facts(**about))

    def _log_held_back(self, entries: Iterable[Done]) -> None:
        """No topic will tell of these."""
        for entry in entries:
            if isinstance(entry.outcome, Rejection):
                more = facts(reason=entry.outcome.reason.value, **_about(entry))
                log.warning("a clip is rejected, but not committed: %s", entry.outcome.detail, extra=more)

    def _tell(self) -> None:
        oldest_ms = self._window.oldest_ms
        self._metrics.state(self._state())
        self._metrics.in_flight(len(self._window), self._scorer.held_bytes)
        self._metrics.waiting(self._waiting())
        self._metrics.oldest_unfinished(0.0 if oldest_ms is None else max(0.0, self._clock.wall() - oldest_ms / 1000))

        if (now := self._clock.monotonic()) >= self._lag_due_s:
            self._lag_due_s = now + self._options.lag_every_s
            self._metrics.lag(self._lag.measure(self._window, self._broker.unread(), now_s=self._clock.wall()))
            tell_left_out()

    def _waiting(self) -> dict[Stage, int]:
        inside, not_taken = self._scorer.waiting, self._window.waiting
        return {
            "fetch": not_taken + inside["fetch"],
            "read": inside["read"],
            "score": inside["score"],
            "deliver": len(self._window) - not_taken - self._scorer.in_hand,
        }

    def _state(self) -> State:
        if self._generation < 0:
            return "rebalancing"
        if self.outage or self._scorer.outage:
            return "outage"
        if self._paused and self._paused == self._window.partitions and not self._draining:
            return "backpressure"
        return "working" if len(self._window) else "idle"


def _about(entry: Done) -> dict[str, str | None]:
    """What a line of the log is about."""
    record = entry.record
    traceparent = traceparent_of(record.headers)
    return {"clip_id": entry.outcome.clip_id, "source": record.source.place, "traceparent": traceparent}


def _numbers(partitions: Iterable[Partition]) -> list[int]:
    return sorted(partition.number for partition in partitions)
