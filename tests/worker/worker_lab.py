"""One worker or two on a broker in memory, everything around them turned by hand."""

import random

from stream.broker.contract import Position
from stream.messages import OutcomeTopics
from stream.metrics import Metrics
from stream.records import ClipReference, Partition, Record
from stream.worker.loop import Worker, WorkerOptions
from stream.worker.rejections import RejectionLimit
from stream.worker.window import Window
from tests.contract.memory_broker import MemoryBroker, MemoryCluster
from tests.simulation.machines import EPOCH_S, Machines, Store, Time

CLIPS, VERDICTS, DEAD_LETTERS, GROUP = "clips", "verdicts", "dead-letters", "workers"
TRACE = ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
OPTIONS = WorkerOptions(
    topics=OutcomeTopics(verdicts=VERDICTS, dead_letters=DEAD_LETTERS),
    rejections=RejectionLimit(in_a_row=10),
    turn_s=0.0,
)


class World:
    """What all workers share."""

    def __init__(self, *, metrics: Metrics, partitions: int = 3) -> None:
        self.rng = random.Random(0)
        self.time = Time()
        self.store = Store()
        self.metrics = metrics
        self.cluster = MemoryCluster(now_ms=lambda: int((EPOCH_S + self.time.now) * 1000))
        self.clips = self.cluster.add_topic(CLIPS, partitions)
        self.cluster.add_topic(VERDICTS, 2)
        self.cluster.add_topic(DEAD_LETTERS, 1)

    def append(self, partition: Partition, kind: str) -> Record:
        """A reference whose clip_id tells its offset and what is wrong with the clip."""
        clip_id = f"{self.end(partition)}.{kind}"
        reference = ClipReference(schema=1, clip_id=clip_id, uri=f"/clips/{clip_id}")
        value = b"{}" if kind == "malformed" else reference.to_json()
        return self.cluster.append(partition, value, key=clip_id.encode(), headers=(TRACE,))

    def end(self, partition: Partition) -> int:
        return len(self.cluster.read(partition, 0, 10_000))

    def committed(self, partition: Partition) -> Position:
        return self.cluster.committed(GROUP, partition) or Position(0)


class Member:
    """One worker and what it runs on; it dies with all it had in hand."""

    def __init__(self, world: World, *, options: WorkerOptions = OPTIONS) -> None:
        machines = Machines(world.time, world.store, world.rng)
        self.work, self.fetcher = machines.work, machines.fetcher
        self.broker: MemoryBroker = world.cluster.join(GROUP, CLIPS)
        self.window = Window(clips=24, clips_per_partition=10)
        self.scorer = machines.scorer(world.metrics)
        self.worker = Worker(self.broker, self.scorer, self.window, world.time.clock, world.metrics, options)
