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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from stream.broker.contract import Broker, Delivery, Polled, Position
from stream.errors import ClipFault, Reason, blaming
from stream.messages import OutcomeTopics
from stream.metrics import Metrics, State
from stream.records import Partition, Record, parse_reference, salvage_clip_id
from stream.scoring.outcomes import reject
from stream.scoring.scorer import Scorer
from stream.worker.clock import Clock
from stream.worker.delivery import Deliveries, Load
from stream.worker.notes import Note
from stream.worker.pacing import Haste, Pace, Pacing
from stream.worker.rejections import RejectionLimit, TooManyRejectionsError
from stream.worker.telling import Telling
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
        self._deliveries = Deliveries(
            broker, clock, metrics, wait_s=options.refusal_wait_s, slow_s=options.slow_delivery_s
        )
        self._telling = Telling(metrics, clock, lag_every_s=options.lag_every_s)
        self._silence: str | None = None  # of the broker, as its polls tell
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
        return self._deliveries.outage or self._silence

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
        self._telling.turn(self._state(), self._window, self._scorer, self._broker)
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
            self._telling.rebalanced(self._window)
            log.info("partitions: %s, gone %s, new %s", *map(_numbers, (self._window.partitions, gone, new)))
        if polled.generation != self._generation:
            self._generation = polled.generation
            self._deliveries.wait_no_longer()
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
        may_begin = self._deliveries.may_begin(now=now)
        if unanswered := self._deliveries.unanswered:
            if may_begin:
                self._deliver(unanswered)
            return
        entries, positions = self._release(now)
        if not entries:
            self._deliveries.forget_put_off()
        if not self._window:  # now is time to leave no lag where there is nothing to judge
            positions = self._window.passed
        due = self._pace.is_due(len(entries), self._haste(positions), now=now)
        if positions and due and may_begin and self._generation >= 0:
            messages = tuple(self._options.topics.message(entry.record, entry.outcome) for entry in entries)
            self._deliver(Load(entries, Delivery(messages, positions, self._generation)))
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
                self._telling.held_back(finished)
                raise
            if count:
                entries += finished[:count]
                positions[partition] = position
        return entries, positions

    def _deliver(self, load: Load) -> None:
        self._metrics.state("outage" if self.outage else "delivering")
        if self._deliveries.make(load):
            self._window.commit(self._still_ahead(load.delivery.positions))
            for entry in load.entries:
                self._telling.outcome(entry)

    def _still_ahead(self, positions: Mapping[Partition, Position]) -> dict[Partition, Position]:
        """Without those that were taken away while an answer was waited for, and may have come back further on."""
        held = {each: at for each, at in positions.items() if each in self._window.partitions}
        return {each: at for each, at in held.items() if self._window.position(each).next_offset < at.next_offset}

    def _state(self) -> State:
        if self._generation < 0:
            return "rebalancing"
        if self.outage or self._scorer.outage:
            return "outage"
        if self._paused and self._paused == self._window.partitions and not self._draining:
            return "backpressure"
        return "working" if len(self._window) else "idle"


def _numbers(partitions: Iterable[Partition]) -> list[int]:
    return sorted(partition.number for partition in partitions)
