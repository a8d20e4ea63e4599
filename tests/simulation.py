"""Workers under a simulated clock, broker, store, readers and engine: all that can happen, in any order, from a seed.

Only what stands at the edge is played: the worker, its window and its scorer are the real ones. A run first lets
faults happen at random, then heals everything and expects the work to end. After each action it checks what readers
of the outcome topics can see: per partition exactly the references below the committed position, once each, in order.

To plant a fault, give `Parts` with a class that has it.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.backoff import Backoff
from stream.broker.contract import Position
from stream.clip import Clip, Quality
from stream.clock import Clock
from stream.errors import ClipFault, Outage, Reason
from stream.messages import OutcomeTopics
from stream.metrics import Metrics
from stream.outcomes import Judge
from stream.readers import ReadRequest
from stream.records import ClipReference, Partition, Record, rejection_of, source_of
from stream.rejections import RejectionLimit
from stream.scorer import Scorer, ScorerOptions
from stream.verdict import DecisionRule
from stream.window import Token, Window
from stream.worker import Worker, WorkerOptions
from tests.contract.memory_broker import MemoryBroker, MemoryCluster

CLIPS, VERDICTS, DEAD_LETTERS, GROUP = "clips", "verdicts", "dead-letters", "workers"
TRACE = ("traceparent", b"00-ab-cd-01")
EPOCH_S = 1_700_000_000.0
REASONS = {
    "good": None,
    "cursed": Reason.UNREACHABLE,
    "missing": Reason.NOT_FOUND,
    "damaged": Reason.DAMAGED,
    "malformed": Reason.BAD_REFERENCE,
}


class Time:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=self, wall=lambda: EPOCH_S + self.now)


@dataclass
class Work:
    """What machines have been asked to do, and do when they are told to."""

    todo: list[Callable[[], None]] = field(default_factory=list)

    def ask(self, answer: Callable[[], object]) -> Future[Any]:
        """A future that will hold what `answer` returns or raises."""
        future: Future[Any] = Future()

        def settle() -> None:
            try:
                result = answer()
            except Exception as error:  # noqa: BLE001 - what it is, is for whoever waits for it
                future.set_exception(error)
            else:
                future.set_result(result)

        self.todo.append(settle)
        return future

    def finish(self, index: int = 0) -> None:
        self.todo.pop(index)()

    def finish_all(self) -> None:
        while self.todo:
            self.finish()


@dataclass
class Store:
    """Where clips lie. Their names say what is wrong with them: `7.missing`, `8.cursed`, `9.damaged`, `10.good`."""

    down: bool = False
    curse: bool = True
    """The cursed can't be had, while all others are served."""

    def get(self, uri: str) -> bytes:
        if self.down or (self.curse and uri.endswith("cursed")):
            raise Outage("503 Slow Down")
        if uri.endswith("missing"):
            raise ClipFault(Reason.NOT_FOUND, "no such clip")
        return uri.encode()


class FakeFetcher:
    def __init__(self, work: Work, store: Store) -> None:
        self._work, self._store = work, store
        self.asked: list[str] = []
        self.digests: list[str | None] = []

    def submit(self, uri: str, *, sha256: str | None) -> Future[bytes]:
        self.asked.append(uri)
        self.digests.append(sha256)
        return self._work.ask(lambda: self._store.get(uri))

    def store_of(self, uri: str) -> str:
        return uri.rpartition("/")[0]


class FakeReaders:
    def __init__(self, work: Work, size: int) -> None:
        self._work, self._size, self._busy = work, size, 0
        self.requests: list[ReadRequest] = []

    @property
    def free(self) -> int:
        return self._size - self._busy

    def submit(self, request: ReadRequest) -> Future[Clip]:
        assert self.free > 0, "readers are asked only when one is free"
        self._busy += 1
        self.requests.append(request)
        return self._work.ask(lambda: self._read(request.data))

    def _read(self, data: bytes) -> Clip:
        self._busy -= 1
        if data.endswith(b"damaged"):
            raise ClipFault(Reason.DAMAGED, "3 frames are missing")
        number = int(data.partition(b".")[0].rpartition(b"/")[2])
        pixels = np.full((1, 2, 2, 2), number % 256, np.uint8)
        return Clip(pixels, roi=(0, 0, 2, 2), frames=48, quality=Quality(ring=True, mean_grey=9.0))


class FakeEngine:
    """Odd clips are stalled, even ones are flowing."""

    def __init__(self, work: Work, *, slots: int, largest: int) -> None:
        self._work, self.slots, self.batch_sizes = work, slots, (1, largest)
        self.batches: list[int] = []

    def submit(self, clips: NDArray[np.uint8]) -> Future[NDArray[np.float32]]:
        assert len(clips) <= self.batch_sizes[-1]
        self.batches.append(len(clips))
        return self._work.ask(lambda: self.judge(clips))

    def judge(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.where(clips[:, 0, 0, 0, 0] % 2 == 1, 3.0, -3.0).astype(np.float32)

    def close(self) -> None:
        pass


JUDGE = Judge(DecisionRule(), artifact="a" * 64, spec="b" * 16)


@dataclass(frozen=True)
class Parts:
    """What is put to the test."""

    window: Callable[..., Window] = Window
    scorer: Callable[..., Scorer[Token]] = Scorer
    worker: Callable[..., Worker] = Worker


class World:
    """What all workers share."""

    def __init__(self, *, metrics: Metrics, seed: int = 0, partitions: int = 3) -> None:
        self.rng = random.Random(seed)
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


OPTIONS = WorkerOptions(
    topics=OutcomeTopics(verdicts=VERDICTS, dead_letters=DEAD_LETTERS),
    rejections=RejectionLimit(in_a_row=10),
    turn_s=0.0,
)


class Member:
    """One worker and what it runs on; it dies with all it had in hand."""

    def __init__(self, world: World, *, parts: Parts = Parts(), options: WorkerOptions = OPTIONS) -> None:
        self.work = Work()
        self.broker: MemoryBroker = world.cluster.join(GROUP, CLIPS)
        self.fetcher = FakeFetcher(self.work, world.store)
        self.window = parts.window(clips=24, clips_per_partition=10)
        self.scorer = parts.scorer(
            self.fetcher,
            FakeReaders(self.work, size=2),
            FakeEngine(self.work, slots=2, largest=3),
            JUDGE,
            backoff=Backoff(random=world.rng.random, first_s=0.5, longest_s=8.0),
            clock=world.time,
            observe=world.metrics.stage,
            options=ScorerOptions(fetches=3, held_bytes=60, own_failures=2),
        )
        self.worker = parts.worker(self.broker, self.scorer, self.window, world.time.clock, world.metrics, options)


class Simulation:
    """One run of two workers; AssertionError where something does not hold."""

    def __init__(self, world: World, parts: Parts, *, references: int = 40) -> None:
        self.world = world
        self.parts = parts
        self.rng = world.rng
        self.happened: Counter[str] = Counter()
        self.to_append = references
        self.kinds: dict[tuple[int, int], str] = {}
        self._read_up_to: Counter[Partition] = Counter()
        self._outcomes: dict[int, list[int]] = {partition.number: [] for partition in world.clips}
        self._latest: dict[tuple[int, Partition], int] = {}
        self.members = [self._join(), self._join()]

    def _join(self) -> Member:
        return Member(self.world, parts=self.parts)

    # The run.

    def run(self, actions: int = 250) -> None:
        for _ in range(actions):
            self._act()
            self.check()
        self._heal()
        for _ in range(500):
            if self.finished():
                break
            for member in self.members:
                member.worker.step()
                member.work.finish_all()
                self.world.time.now += 0.4
            self.check()
        assert self.finished(), f"work does not end: {self._outcomes}"
        for member in self.members:
            self._drain(member)
        self.check()

    def _act(self) -> None:
        member = self.rng.choice(self.members)
        (action,) = self.rng.choices(list(self.ACTIONS), list(self.ACTIONS.values()))
        if action(self, member) is not False:
            self.happened[action.__name__.strip("_")] += 1

    def _heal(self) -> None:
        self.world.store.down = self.world.store.curse = False
        while self.to_append:
            self._append(self.members[0])

    def finished(self) -> bool:
        return self.to_append == 0 and all(
            len(self._outcomes[partition.number]) == self.world.end(partition) for partition in self.world.clips
        )

    # What can happen.

    def _step(self, member: Member) -> None:
        member.worker.step()

    def _answer(self, member: Member) -> bool:
        if member.work.todo:
            member.work.finish(self.rng.randrange(len(member.work.todo)))
            return True
        return False

    def _pass_time(self, member: Member) -> None:
        self.world.time.now += self.rng.choice((0.01, 0.05, 0.2, 3.0))

    def _append(self, member: Member) -> bool:
        if not self.to_append:
            return False
        (kind,) = self.rng.choices(("good", "missing", "cursed", "damaged", "malformed"), (70, 6, 10, 7, 7))
        record = self.world.append(self.rng.choice(self.world.clips), kind)
        self.kinds[record.partition.number, record.offset] = kind
        self.to_append -= 1
        return True

    def _rebalance(self, member: Member) -> None:
        self.world.cluster.rebalance(GROUP)

    def _move(self, member: Member) -> None:
        if member.broker.owned:
            self.world.cluster.move(
                GROUP, self.rng.choice(sorted(member.broker.owned)), self.rng.choice(self.members).broker
            )

    def _expel(self, member: Member) -> bool:
        if not member.broker.owned:
            return False
        member.broker.expel()
        return True

    def _refuse(self, member: Member) -> None:
        member.broker.refuse_next(self.rng.randint(1, 2))

    def _say_nothing(self, member: Member) -> None:
        member.broker.leave_unanswered(self.rng.randint(1, 3), goes_through=self.rng.random() < 0.5)

    def _unsettle(self, member: Member) -> None:
        member.broker.hold_membership(self.rng.randint(1, 5))

    def _store_fails(self, member: Member) -> bool:
        happens, self.world.store.down = not self.world.store.down, True
        return happens

    def _store_serves(self, member: Member) -> None:
        self.world.store.down = False

    def _crash(self, member: Member) -> None:
        member.broker.expel()
        self.members[self.members.index(member)] = self._join()

    def _stop(self, member: Member) -> None:
        self._drain(member)
        self.members[self.members.index(member)] = self._join()

    def _drain(self, member: Member) -> None:
        """Machines go on working while a worker drains; a second request may cut it short."""
        aborted = self.rng.random() < 0.2

        def meanwhile(_timeout_s: float) -> None:
            self.world.time.now += 0.1
            self._answer(member)
            if aborted and self.rng.random() < 0.3:
                member.worker.request_stop()

        before, self.world.cluster.wait = self.world.cluster.wait, meanwhile
        member.worker.request_stop()
        code = member.worker.run()
        self.world.cluster.wait = before
        assert code == 0 or aborted

    ACTIONS: dict[Callable[["Simulation", Member], bool | None], int] = {  # noqa: RUF012 - read only
        _step: 100,
        _answer: 100,
        _append: 30,
        _pass_time: 20,
        _rebalance: 2,
        _move: 2,
        _expel: 1,
        _refuse: 3,
        _say_nothing: 3,
        _unsettle: 2,
        _store_fails: 2,
        _store_serves: 6,
        _crash: 1,
        _stop: 1,
    }

    # What must hold.

    def check(self) -> None:
        for topic in (VERDICTS, DEAD_LETTERS):
            for partition in self.world.cluster.partitions(topic):
                for record in self._news(partition):
                    self._check_outcome(record)
        for partition in self.world.clips:
            below = self.world.committed(partition).next_offset
            visible = sorted(self._outcomes[partition.number])
            assert visible == list(range(below)), f"{partition}: committed {below}, outcomes {visible}"

    def _check_outcome(self, record: Record) -> None:
        source = source_of(record.headers)
        assert source is not None
        assert source.topic == CLIPS
        kind = self.kinds[source.partition, source.offset]
        self._outcomes[source.partition].append(source.offset)
        latest = self._latest.get((source.partition, record.partition), -1)
        assert source.offset > latest, f"{source} comes after offset {latest}"
        self._latest[source.partition, record.partition] = source.offset
        assert TRACE in record.headers
        rejection = rejection_of(record.headers)
        if rejection:
            assert rejection.reason == REASONS[kind] or (  # while the store comes and goes, any clip may have bad luck
                rejection.reason is Reason.UNREACHABLE and kind != "malformed"
            )
            assert rejection.clip_id == f"{source.offset}.{kind}"
            self.happened[rejection.reason] += 1
        else:
            assert kind in ("good", "cursed"), f"{source} is {kind}"
            assert record.value is not None
            label = b'"verdict":"stalled"' if source.offset % 2 else b'"verdict":"flowing"'
            assert label in record.value, "logits went to the wrong clips"

    def _news(self, partition: Partition) -> Sequence[Record]:
        new = self.world.cluster.read(partition, self._read_up_to[partition], 1000)
        self._read_up_to[partition] += len(new)
        return new
