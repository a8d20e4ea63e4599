"""A process of the service: worker, window, scorer and broker module are real, machines and clients are played."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stream.broker.joining import KafkaOptions
from stream.broker.kafka import KafkaBroker
from stream.messages import OutcomeTopics
from stream.metrics import DeliveryResult, Lag, Metrics, Origin, Stage, State
from stream.records import Outcome, Partition
from stream.scoring.scorer import Scorer
from stream.worker.loop import Worker, WorkerOptions
from stream.worker.rejections import RejectionLimit
from stream.worker.window import Token, Window
from tests.simulation.brokers import Brokers
from tests.simulation.cluster import SimulatedCluster, SimulatedWatchdog
from tests.simulation.line import Line
from tests.simulation.machines import Machines, Store, Time

CLIPS, VERDICTS, DEAD_LETTERS, GROUP = "clips", "verdicts", "dead-letters", "workers"
MESSAGE_LIMIT_BYTES = 2000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """An operator's settings."""

    clips: int
    clips_per_partition: int
    rejections_in_a_row: int


@dataclass(frozen=True)
class Parts:
    """What is put to the test; a planted fault stands in for one of them."""

    window: Callable[..., Window] = Window
    scorer: Callable[..., Scorer[Token]] = Scorer
    worker: Callable[..., Worker] = Worker
    broker: Callable[..., KafkaBroker] = KafkaBroker
    rejections: Callable[..., RejectionLimit] = RejectionLimit


class Told(Metrics):
    """What the worker tells its metrics, as far as it is looked at; the real ones would be most of a run's time."""

    def __init__(self, between: Callable[[str], None]) -> None:
        self.clips = self.held_bytes = self.outcomes = 0
        self._between = between

    def in_flight(self, clips: int, bytes_: int) -> None:
        self.clips, self.held_bytes = clips, bytes_

    def references(self, count: int) -> None:
        assert count >= 0

    def waiting(self, clips: Mapping[Stage, int]) -> None:
        assert min(clips.values()) >= 0

    def lag(self, lags: Mapping[Partition, Lag]) -> None:
        assert all(lag.messages >= 0 for lag in lags.values())

    def outcome(self, outcome: Outcome) -> None:
        self.outcomes += 1

    def stage(self, stage: Stage, seconds: float) -> None:
        assert seconds >= 0

    def end_to_end(self, origin: Origin, seconds: float) -> None:
        assert seconds >= -0.001, "in milliseconds an append may be rounded"

    def oldest_unfinished(self, seconds: float) -> None:
        assert seconds >= 0

    def state(self, name: State) -> None:
        if name == "delivering":
            self._between("deliver")

    def assigned(self, partitions: int) -> None:
        pass

    def rebalanced(self) -> None:
        pass

    def delivery(self, result: DeliveryResult, outcomes: int) -> None:
        pass


class Process:
    """One worker from its start to its end."""

    def __init__(
        self,
        name: str,
        slot: str | None,
        *,
        brokers: Brokers,
        store: Store,
        time: Time,
        rng: random.Random,
        limits: Limits,
        parts: Parts,
        between: Callable[["Process", str], None],
        wait: Callable[["Process", float], None],
    ) -> None:
        self.name, self.slot, self._brokers = name, slot, brokers
        self.line = Line(brokers)
        self.line.between = lambda call: between(self, call)
        self.line.wait = lambda seconds: wait(self, seconds)
        self.busy = False
        """In the middle of a turn."""
        self.draining = self.aborted = False
        """Stopping, and asked twice to."""
        self.limited = False
        """It stopped because of too many rejections."""
        self.dies_at: str | None = None
        """It is killed at the next call of that name."""
        self.freezes_at: str | None = None
        """It is stopped at the next call of that name, perhaps past its session, and goes on."""
        self.machines = Machines(time, store, rng)
        self.watchdog = SimulatedWatchdog(time)
        options = KafkaOptions(
            cluster=SimulatedCluster("simulated:9092", line=self.line),
            group=GROUP,
            topic=CLIPS,
            output_topics=(VERDICTS, DEAD_LETTERS),
            slot=slot,
            session_timeout_s=brokers.group.session_s,
            transaction_timeout_s=brokers.transaction_s,
        )
        self.broker = parts.broker(options, watchdog=self.watchdog, clock=time)
        self.metrics = Told(self.line.between)
        self.window = parts.window(clips=limits.clips, clips_per_partition=limits.clips_per_partition)
        self.scorer = self.machines.scorer(self.metrics, parts.scorer)
        topics = OutcomeTopics(verdicts=VERDICTS, dead_letters=DEAD_LETTERS, message_limit_bytes=MESSAGE_LIMIT_BYTES)
        rejections = parts.rejections(in_a_row=limits.rejections_in_a_row)
        worker_options = WorkerOptions(topics=topics, rejections=rejections, turn_s=0.0)
        self.worker = parts.worker(self.broker, self.scorer, self.window, time.clock, self.metrics, worker_options)

    def kill(self) -> None:
        """Nothing of it runs any more; the group hears of it when its session ends."""
        self.line.frozen = True
        beat = self.broker._consumer._beat
        if beat in self._brokers.heartbeats:
            self._brokers.heartbeats.remove(beat)
